"""Sweeps on this machine."""

import csv
import json
import os
import re
import shutil
import signal
from itertools import count
from pathlib import Path

import numpy as np
import psutil
import pytest
from deadly import Deadly
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import ENVIRONMENT, ended, start, wait_until
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.errors import ExperimentError
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.experiments.runs import Run
from hwlearn.experiments.runs.copies import Kept
from hwlearn.experiments.sweeps import load_sweep, run_sweep
from hwlearn.experiments.sweeps.cells import _name, _overrides, load_cells
from hwlearn.experiments.sweeps.pool import in_processes
from hwlearn.experiments.sweeps.table import Results, Row
from hwlearn.experiments.sweeps.work import Job

KEPT = Kept("../files", {})
ROOT = Path(__file__).parents[2]
KITE = ROOT / "netlists" / "kite.toml"

EXPERIMENT = """
[circuit]
builder = "grid"
rows = 3
columns = 3
[ports]
outputs = ["n1_1"]
[task]
inputs = [[1.0, 0.0], [0.5, 0.2]]
targets = [[0.4], [0.3]]
[rule]
name = "ep"
[train]
steps = 20
learning_rate = 0.5
batch_size = 1 # so that train.seed has an effect
"""

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
def sweep(tmp_path):
    """Writes a sweep file over `EXPERIMENT`."""
    (tmp_path / "grid.toml").write_text(EXPERIMENT)

    def write(text: str) -> Path:
        file = tmp_path / "sweep.toml"
        file.write_text(f'experiment = "grid.toml"\n{text}', encoding="utf-8")
        return file

    return write


def drawn(file):
    return _overrides(load_sweep(file).settings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["nothing varies"]),
        ('[grid]\n"train.stepz" = [1]', ["train.stepz", "did you mean 'train.steps'"]),
        ('[grid]\n"train.steps" = []', ["grid: train.steps", "at least 1"]),
        ('[grid]\n"train.steps" = 3', ["grid: train.steps = 3", "list"]),
        ('[grid]\n"train.steps" = { low = 1, high = 9 }', ["grid: train.steps: count is missing"]),
        ('[grid]\n"train.steps" = { low = 1.5, high = 9, count = 3 }', ["train.steps", "whole"]),
        ('[grid]\n"rule.name" = { low = 1, high = 9, count = 3 }', ["rule.name is no number"]),
        ('[grid]\n"train.steps" = { low = 9, high = 1, count = 3 }', ["grid: train.steps: low must be below high"]),
        ('[random]\n"train.steps" = { low = 1, high = 9 }', ["random: count is missing"]),
        ('[random]\ncount = 2\n"rule.nudge" = { low = -1, high = 9, log = true }', ["random: rule.nudge", "positive"]),
        ('[random]\ncount = 2\n"rule.nudge" = { low = 0, high = 9, logg = true }', ["logg", "did you mean 'log'"]),
        ('[grid]\n"rule.nudge" = [1.0]\n[random]\ncount = 2\nrule.nudge = { low = 0, high = 9 }', ["[grid] and in [random]"]),
        ('[grids]\n"rule.nudge" = [1.0]', ["unknown key grids", "did you mean 'grid'"]),
        ('[grid]\n"rule.name" = ["eq"]', ["every cell is refused", "rule.name = 'eq'"]),
        ("[grid", ["not valid TOML"]),
        (
            '[grid]\n"train.steps" = { low = 0, high = 2, count = 9 }',
            ["train.steps: only 3 different values for a count of 9"],
        ),
        ('[grid]\n"rule.nudge" = { low = 1, high = 1.0000000000000002, count = 3 }', ["rule.nudge: only 2 different"]),
        ('[random]\ncount = 1000000000\n"rule.nudge" = { low = 1, high = 2 }', ["1000000000 cells: a sweep has 1000000 at"]),
        ('[grid]\n"train.seed" = [1979-05-27, 1979-05-28]', ["every cell is refused", "train.seed"]),
    ],
)
def test_what_is_refused_names_file_and_key(sweep, tmp_path, text, words):
    file = sweep(text)
    with pytest.raises(ExperimentError) as caught:
        run_sweep(file, tmp_path / "out")
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_the_grid_is_each_value_with_each_other(sweep):
    found = drawn(sweep('[grid]\nrule.name = ["ep", "cl"]\n"train.seed" = { low = 0, high = 4, count = 3 }'))
    assert found == [{"rule.name": rule, "train.seed": seed} for rule in ("ep", "cl") for seed in (0, 2, 4)]
    rates = drawn(sweep('[grid]\n"train.learning_rate" = { low = 0.01, high = 1, count = 3, log = true }'))
    assert rates == [{"train.learning_rate": rate} for rate in (0.01, 0.1, 1.0)]


AXES = '"train.learning_rate" = { low = 1e-3, high = 10, log = true }\n"circuit.rows" = { low = 2, high = 4 }'


def test_draws_stay_the_same_when_more_is_asked_for(sweep):
    few = drawn(sweep(f"[random]\ncount = 5\n{AXES}"))
    assert drawn(sweep(f"[random]\ncount = 9\n{AXES}"))[:5] == few
    assert drawn(sweep(f"[random]\ncount = 5\nseed = 1\n{AXES}")) != few
    other = drawn(sweep(f'[random]\ncount = 5\n"train.steps" = {{ low = 1, high = 99 }}\n{AXES}'))
    assert [{key: cell[key] for key in few[0]} for cell in other] == few
    paired = drawn(sweep(f'[grid]\n"rule.name" = ["ep", "cl"]\n[random]\ncount = 5\n{AXES}'))
    assert [cell["train.learning_rate"] for cell in paired] == 2 * [cell["train.learning_rate"] for cell in few]


def test_draws_are_spread_as_asked(sweep):
    found = drawn(sweep(f"[random]\ncount = 1500\n{AXES}"))
    decades = np.log10([cell["train.learning_rate"] for cell in found])
    assert -3 <= decades.min() < -2.95
    assert 0.95 < decades.max() <= 1
    np.testing.assert_allclose(np.histogram(decades, 4, (-3, 1))[0] / 1500, 0.25, atol=0.04)
    rows = [cell["circuit.rows"] for cell in found]
    assert {type(value) for value in rows} == {int}
    np.testing.assert_allclose([rows.count(n) / 1500 for n in (2, 3, 4)], 1 / 3, atol=0.04)


@pytest.mark.parametrize(
    ("axis", "names"),
    [
        ('[random]\ncount = 1000\n"train.learning_rate" = { low = 1, high = 1.001 }', 1000),  # equal to six digits
        ('[random]\ncount = 1000\n"train.seed" = { low = 0, high = 9 }', 1000),  # each a hundred times
        ('[grid]\n"train.learning_rate" = { low = 1, high = 1.00001, count = 1000 }', 1000),
        ('[grid]\n"rule.nudge" = { low = -1e308, high = 1e308, count = 7 }', 7),
        ('[random]\ncount = 7\n"rule.nudge" = { low = 1e-308, high = 1e308, log = true }', 7),
        ('[grid]\n"train.seed" = [1, 1, 2]', 3),
        ('[grid]\n"train.seed" = [3, "3"]\n"circuit.rows" = [2, "2"]', 4),
        ('[grid]\n"train.learning_rate" = [1, 1.0, true, "true", "x.new", "x"]', 6),
        ('[grid]\n"circuit.netlist" = ["a", "a,circuit.builder=b"]\n"circuit.builder" = ["b", "b,circuit.builder=b"]', 4),
    ],
)
def test_every_cell_of_the_file_has_a_folder(sweep, axis, names):
    file = sweep(axis)
    cells = [cell.name for cell in load_cells(load_sweep(file))] if "netlist" not in axis else [*map(_name, drawn(file))]
    assert len(cells) == len(set(cells)) == names
    assert not any(name.endswith(".new") for name in cells)  # a folder on its way has such a name


def test_cells_that_are_almost_or_quite_equal_are_all_trained(sweep, tmp_path):
    file = sweep(
        '[grid]\n"train.seed" = [3, "3", 3]\n[random]\ncount = 3\n"train.learning_rate" = { low = 1, high = 1.000001 }'
    )
    for skipped in (0, 6):
        found = run_sweep(file, tmp_path / "out", jobs=1)
        assert [row.state for row in found.rows] == 3 * ["steps"] + 3 * ["failed"] + 3 * ["steps"]
        assert found.skipped == skipped
        for row in found.rows:
            assert (row.state == "failed") == (row.overrides["train.seed"] == "3")
            if row.state != "failed":
                run = Run.load(found.folder / row.cell)
                assert run.settings["train.learning_rate"] == row.overrides["train.learning_rate"]
    assert len({run.parent.name for run in (tmp_path / "out").glob("*/run.json")}) == 6


VALUES = st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.booleans(), st.lists(st.text(), max_size=3))


@settings(max_examples=40)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["rule.name", "train.seed", "circuit.trainable"]), VALUES), min_size=2, max_size=2
    )
)
def test_a_folder_has_one_cell_and_a_name_for_every_system(cells):
    one, two = map(_name, cells)
    assert (one == two) == (json.dumps(cells[0], sort_keys=True) == json.dumps(cells[1], sort_keys=True))
    assert len(one) < 120
    assert _name({"train.seed": 3, "rule.name": "ep"}) == "rule.name=ep,train.seed=3"
    assert not set(one) - set("abcdefghijklmnopqrstuvwxyz0123456789._=,+-")


GRID = '[grid]\n"rule.name" = ["ep", "cl"]\n"circuit.rows" = [2, 3]\n"train.seed" = [0, 1]'


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_cell_is_what_training_it_alone_gives(sweep, tmp_path, jobs):
    calls = []
    found = run_sweep(sweep(GRID), tmp_path / "out", jobs=jobs, progress=lambda *call: calls.append(call))
    assert calls == [(k, 0, 8) for k in range(9)]
    for row in found.rows:
        alone = run_experiment(load_experiment(tmp_path / "grid.toml", row.overrides))
        assert (row.loss_initial, row.loss_final, row.steps) == (alone.loss_initial, alone.loss_final, 20)
        run = Run.load(found.folder / row.cell)
        assert run.state == row.state == "steps"
        assert run.result["conductances"] == alone.conductances
        assert len(run.history.losses) == 21
    lines = list(csv.DictReader((found.folder / "results.csv").read_text(encoding="utf-8").splitlines()))
    assert [float(line["loss_final [V²]"]) for line in lines] == [row.loss_final for row in found.rows]
    assert [line["rule.name"] for line in lines] == 4 * ["ep"] + 4 * ["cl"]


def test_a_netlist_is_read_once_and_trained_in_ngspice(tmp_path):
    file = tmp_path / "sweep.toml"
    text = '[grid]\n"backend.name" = ["exact", "ngspice"]\n"rule.symmetric" = [true, false]\n"train.steps" = [10]'
    file.write_text(f'experiment = "{KITE.as_posix()}"\n{text}', encoding="utf-8")
    cells = load_cells(load_sweep(file))
    assert len({id(cell.experiment.network) for cell in cells}) == 1
    exact, _, ngspice, _ = run_sweep(file, tmp_path / "out", jobs=2).rows
    assert ngspice.loss_final == pytest.approx(exact.loss_final, rel=1e-8)


def test_a_second_call_makes_what_is_missing(sweep, tmp_path):
    first = run_sweep(sweep('[grid]\n"train.seed" = [0, 1]'), tmp_path / "out", jobs=1)
    ends = {path: path.stat().st_mtime_ns for path in first.folder.glob("*/result.json")}
    second = run_sweep(sweep('[grid]\n"train.seed" = [1, 0, 2]'), tmp_path / "out", jobs=1)
    assert (first.skipped, second.skipped) == (0, 2)
    assert second.rows[1::-1] == first.rows
    assert {path: path.stat().st_mtime_ns for path in ends} == ends


def test_a_cell_that_was_cut_off_goes_on(sweep, tmp_path):
    file = sweep('[grid]\n"train.seed" = [0, 1]')
    cell = load_cells(load_sweep(file))[0]
    run_sweep(sweep('[grid]\n"train.seed" = [1]'), tmp_path / "out", jobs=1)

    def cut(done, *_):
        if done == 7:
            raise KeyboardInterrupt

    run = Run.create(tmp_path / "out" / cell.name, cell.experiment)
    assert run.go(cut).stopped_because == "interrupted"
    torn = tmp_path / "out" / "train.seed=5"
    torn.mkdir()
    (torn / "experiment.toml").write_text("[circ")
    found = run_sweep(sweep('[grid]\n"train.seed" = [0, 1, 5]'), tmp_path / "out", jobs=1)
    for row in found.rows:
        alone = run_experiment(load_experiment(tmp_path / "grid.toml", row.overrides))
        assert (row.state, row.loss_final) == ("steps", alone.loss_final)
    assert Run.load(run.folder).history.last("resume")["step"] == 7


def test_a_folder_belongs_to_one_experiment(sweep, tmp_path):
    file = sweep('[grid]\n"train.seed" = [0]')
    run_sweep(file, tmp_path / "out", jobs=1)
    (tmp_path / "grid.toml").write_text(EXPERIMENT.replace("0.5", "0.6"))
    with pytest.raises(ExperimentError, match=r"train.seed=0: .*train.learning_rate was 0.5 and is 0.6.*--out"):
        run_sweep(file, tmp_path / "out", jobs=1)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(ExperimentError, match="no sweep's"):
        run_sweep(file, tmp_path / "full", jobs=1)


def test_failed_cells_stop_no_other_and_are_tried_again(sweep, tmp_path):
    file = sweep(
        '[grid]\n"rule.name" = ["ep", "clamp"]\n"rule.nudge" = [0.1]\n"circuit.rows" = [3, 1]\n"circuit.columns" = [1, 3]'
    )
    (tmp_path / "grid.toml").write_text(EXPERIMENT.replace('["n1_1"]', '["n0_1"]'))
    result = CliRunner().invoke(app, ["sweep", str(file), "--jobs", "2", "--out", str(tmp_path / "out"), "--json"])
    assert result.exit_code == 1
    content = json.loads(result.stdout)
    assert [cell["state"] for cell in content["cells"]] == 2 * ["failed", "steps"] + 4 * ["failed"]
    assert content["failed"] == 6
    reasons = [cell["error"] or "" for cell in content["cells"]]
    assert "'n0_1'" in reasons[0]
    assert "clamp has no nudge" in reasons[4]
    for cell in content["cells"]:
        assert (f"failed: {cell['cell']}: " in result.stderr) == (cell["state"] == "failed")
    assert (tmp_path / "out" / "sweep.png").read_bytes().startswith(b"\x89PNG")
    text = CliRunner().invoke(app, ["sweep", str(file), "--jobs", "1", "--out", str(tmp_path / "out")]).stdout
    assert "8 cells, 2 of them before; 6 failed" in text


def test_a_loss_that_is_not_finite_and_warnings_are_told(sweep, tmp_path):
    row = run_sweep(sweep('[grid]\n"train.learning_rate" = [1e9]'), tmp_path / "out", jobs=1).rows[0]
    assert row.state == "steps"
    assert any("every trainable edge at a bound" in note for note in row.notes)


@posix
def test_a_process_that_dies_takes_only_its_own_cell_along(sweep, tmp_path):
    (tmp_path / "out").mkdir()
    cells = load_cells(load_sweep(sweep('[grid]\n"train.seed" = { low = 0, high = 5, count = 6 }')))
    jobs = [Job(cell.experiment, tmp_path / "out", cell.name, "", KEPT) for cell in cells]
    jobs[2] = Job(Deadly(), tmp_path / "out", "deadly", "", KEPT)
    done = dict(in_processes(jobs, 2))
    assert sorted(done) == list(range(6))
    assert [k for k in range(6) if done[k].error] == [2]
    assert "its process died" in done[2].error


def test_cells_that_would_share_a_bench_are_refused(tmp_path):
    station = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
    assert 'backend = "virtual"' in station
    ports = count(5025)
    real = re.sub("driver = .*", lambda line: f'{line[0]}\nresource = "TCPIP::127.0.0.1::{next(ports)}::SOCKET"', station)
    (tmp_path / "real.toml").write_text(real.replace('backend = "virtual"', 'backend = "@py"'), encoding="utf-8")
    file = tmp_path / "sweep.toml"
    places = f'"backend.name" = ["bench"]\n"backend.station" = ["{(tmp_path / "real.toml").as_posix()}"]\n'
    experiment = (ROOT / "netlists" / "allostery-bench.toml").as_posix()
    file.write_text(f'experiment = "{experiment}"\n[grid]\n"rule.symmetric" = [true, false]\n{places}', encoding="utf-8")
    with pytest.raises(ExperimentError, match=r"real.toml: 2 cells share this bench: sweep with --jobs 1"):
        run_sweep(file, tmp_path / "out", jobs=2)
    with pytest.raises(ExperimentError, match="wired to one machine"):
        run_sweep(file, tmp_path / "out", dask="tcp://127.0.0.1:1")


@posix
@pytest.mark.parametrize("kill", ["Ctrl-C", "kill -9"])
def test_a_sweep_that_is_ended_leaves_no_process_and_goes_on(sweep, tmp_path, kill, monkeypatch):
    file = sweep('[grid]\n"train.seed" = [0, 1, 2]')
    shutil.copy(ROOT / "tests" / "support" / "held.py", tmp_path)
    (tmp_path / "grid.toml").write_text(EXPERIMENT.replace('"ep"', '"held:Held"'))
    monkeypatch.setenv("HWLEARN_HELD", str(tmp_path / "go"))
    command = ["sweep", file, "--jobs", "2", "--out", tmp_path / "out", "--json", "--trust-code"]
    process = start(*command, env={**ENVIRONMENT, "HWLEARN_HELD": os.environ["HWLEARN_HELD"]}, start_new_session=True)
    # an interrupt of a process that starts may show where
    wait_until(lambda: len(list((tmp_path / "out").glob("*/latest.npy"))) == 2, process)
    if kill == "Ctrl-C":
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    else:
        process.kill()
    out, err = ended(process)
    assert out == ""
    if kill == "Ctrl-C":
        assert process.returncode == 130
        assert "the same command goes on" in err
        assert "Traceback" not in err
    wait_until(lambda: not any(_session(pid) == process.pid for pid in psutil.pids()))
    (tmp_path / "go").touch()
    found = run_sweep(file, tmp_path / "out", jobs=1, trust_code=True)
    for row in found.rows:
        alone = run_experiment(load_experiment(tmp_path / "grid.toml", row.overrides, trust_code=True))
        assert (row.state, row.loss_final) == ("steps", alone.loss_final)


def _session(pid):
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


@pytest.mark.parametrize(
    "axes",
    [
        {"train.seed": [0, 1]},
        {"rule.name": ["ep", "cl"], "train.learning_rate": [0.1, 1, 10]},
        {"rule.name": ["ep"], "task.targets": [[[0.1]], [[0.2]]], "circuit.rows": [2, 3], "train.seed": list(range(9))},
    ],
)
def test_the_figure_takes_any_axes(tmp_path, axes):
    from hwlearn.show.plots import draw_sweep

    rows = [
        Row(str(k), {key: values[k % len(values)] for key, values in axes.items()}, "steps", 1, 1.0, 0.1) for k in range(12)
    ]
    for name, some in (("all", rows), ("none", [Row(row.cell, row.overrides, "failed", error="?") for row in rows])):
        draw_sweep(Results("$x$", tmp_path, tuple(axes), tuple(some), 0), tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
