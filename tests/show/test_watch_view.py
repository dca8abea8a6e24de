"""What `hwlearn watch` shows of a run, against the run's own files, a dense solve and what a rate means."""

import json
import math
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwlearn import Drive
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run
from hwlearn.experiments.runs.following import Following
from hwlearn.experiments.runs.journal import History
from hwlearn.show.watch.left import in_words, seconds_left
from hwlearn.show.watch.view import POINTS, Paced, Watched
from hwlearn.testing.nodal import modified_nodal

NETLISTS = Path(__file__).parents[2] / "netlists"


def cut_off(folder, experiment, after):
    """A run as a process that was killed after some steps leaves it."""
    run = Run.create(folder, experiment)
    seen = iter(range(after))
    run.go(lambda *_: next(seen, None) is None and (_ for _ in ()).throw(KeyboardInterrupt))
    (folder / "result.json").unlink(missing_ok=True)
    journal = folder / "journal.jsonl"
    journal.write_bytes(
        b"".join(line for line in journal.read_bytes().splitlines(keepends=True) if b'"event": "end"' not in line)
    )
    return Run.load(folder)


@pytest.fixture(scope="module")
def kite(tmp_path_factory):
    folder = tmp_path_factory.mktemp("watch") / "run"
    return cut_off(folder, load_experiment(NETLISTS / "kite.toml", {"train.steps": 3000, "train.stop_loss": 1e-20}), 200)


def noisy(folder):
    """The kite with a noise of 1 mV."""
    text = (NETLISTS / "kite.toml").read_text(encoding="utf-8").replace("kite.cir", str(NETLISTS / "kite.cir"))
    (folder / "noisy.toml").write_text(text + "\n[imperfect]\nnoise = { volts = 1e-3 }\n", encoding="utf-8")
    return load_experiment(folder / "noisy.toml", {"train.steps": 50})


def watched(run, later=0.0):
    written = (run.folder / "journal.jsonl").stat().st_mtime
    return Watched(Following(lambda: Run.load(run.folder)), lambda: written + later)


def test_a_run_that_goes_on(kite):
    view = watched(kite).look()
    facts = dict(view.facts)
    assert view.state == "running"
    assert facts["step"] == "200 of 3,000"
    assert view.title == kite.info["title"]
    np.testing.assert_array_equal(view.losses, kite.history.losses)
    outputs = modified_nodal(kite.experiment.network, kite.checkpoint["wanted"], Drive(kite.experiment.task.inputs))
    np.testing.assert_allclose(view.outputs, outputs.output_voltages, rtol=1e-12)
    np.testing.assert_array_equal(view.targets, kite.experiment.task.targets)
    assert [device.conductance for device in view.devices] == kite.checkpoint["wanted"].tolist()
    assert {device.code for device in view.devices} == {None}


def test_the_predicted_line_is_what_the_run_then_does(kite, tmp_path):
    """Near the solution a line through the last loss meets the losses of later steps."""
    view = watched(kite).look()
    rate = float(dict(view.facts)["predicted decay of the loss"].split()[0])
    later = Run.create(
        tmp_path / "later", load_experiment(NETLISTS / "kite.toml", {"train.steps": 260, "train.stop_loss": 1e-20})
    )
    losses = np.array(later.go().losses)
    assert losses[200] == view.losses[-1]
    assert math.log(losses[200] / losses[260]) / 60 == pytest.approx(rate, rel=0.02)
    assert view.predicted[-1] == view.losses[-1]
    assert math.log(view.predicted[-11] / view.predicted[-1]) / 10 == pytest.approx(rate, rel=1e-3)


def test_silence_is_told_and_how_to_go_on(kite):
    assert watched(kite, 5.0).look().state == "running"
    assert (
        watched(kite, 3600.0).look().state == f"no step for 3,600 s: if it was killed, `hwlearn resume {kite.folder}` goes on"
    )


def test_before_the_first_step(tmp_path):
    run = Run.create(tmp_path / "run", load_experiment(NETLISTS / "kite.toml"))
    view = Watched(Following(lambda: Run.load(run.folder))).look()
    assert view.state == "waiting for the first step"
    assert len(view.at) == len(view.devices) == len(view.outputs) == 0


def test_what_it_saw_of_conductances_is_taken_back_with_the_steps(tmp_path):
    """Of a run that keeps no trajectory."""
    run = cut_off(tmp_path / "run", load_experiment(NETLISTS / "kite.toml", {"train.steps": 50, "train.trajectory": 0}), 20)
    look = watched(run).look
    first = look()
    assert first.seen_at.tolist() == [20.0]
    run.resume()
    view = look()
    assert view.seen_at.tolist() == [20.0, 50.0]
    assert view.state == "stopped because: steps"
    np.testing.assert_array_equal(view.conductances[-1], list(run.result["conductances"].values()))
    assert [text for _, text in view.events] == ["end: steps", "resume at step 20", "start"]
    assert "time left" not in dict(view.facts)


def test_the_trajectory_of_a_run_is_drawn(kite):
    view = watched(kite).look()
    assert view.seen_at.tolist() == list(range(201))
    np.testing.assert_array_equal(view.conductances[0], kite.experiment.network.conductances)
    np.testing.assert_array_equal(view.conductances[-1], kite.checkpoint["wanted"])
    assert view.outputs_source == "as the last free phases read them"
    other = modified_nodal(kite.experiment.network, view.conductances[100], Drive(kite.experiment.task.inputs))
    np.testing.assert_allclose(kite.trajectory.outputs[100], other.output_voltages, rtol=1e-12)


def test_outputs_that_were_read_are_shown_as_they_were_read(tmp_path):
    run = cut_off(tmp_path / "run", noisy(tmp_path), 5)
    view = watched(run).look()
    assert view.outputs_source == "as the last free phases read them"
    np.testing.assert_array_equal(view.outputs, run.trajectory.outputs[-1])
    assert (
        abs(
            view.outputs
            - modified_nodal(run.experiment.network, run.checkpoint["wanted"], Drive([[1.0, 0.0]])).output_voltages
        ).max()
        > 1e-6
    )


def test_an_experiment_that_cannot_be_read_any_more_is_told(kite, tmp_path):
    run = cut_off(tmp_path / "run", load_experiment(NETLISTS / "kite.toml"), 5)
    info = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    (run.folder / "run.json").write_text(json.dumps(info | {"experiment": "/nowhere.toml", "files": {}}), encoding="utf-8")
    view = watched(run).look()
    assert "/nowhere.toml" in view.no_model
    assert len(view.losses) == 6
    assert len(view.outputs) == 0


def test_a_long_run_is_drawn_with_a_thousand_points(tmp_path, kite):
    journal = kite.folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    step = json.loads(lines[-1])
    more = b"".join(json.dumps(step | {"step": number}).encode() + b"\n" for number in range(201, 5001))
    before = journal.read_bytes()
    try:
        journal.write_bytes(before + more)
        view = watched(kite).look()
    finally:
        journal.write_bytes(before)
    assert len(view.at) == POINTS
    assert (view.at[0], view.at[-1]) == (0, 5000)


def test_time_left():
    history = History(at=[0, 1, 2], losses=[1.0, 0.5, 0.25], seconds=[0.0, 3.0, 6.0])
    assert seconds_left(history, 22, None, math.nan) == "1 min, at this speed"  # 20 steps of 3 s
    assert seconds_left(history, 1002, 0.25 * math.exp(-4), 0.1) == "2 min, by the predicted rate"  # 40 steps
    assert seconds_left(history, 12, 0.25 * math.exp(-4), 0.1) == "30 s, at this speed"
    assert seconds_left(history, 22, 1e-3, math.inf) == "1 min, at this speed"  # what one step does is done, or is not to come
    assert seconds_left(history, None, None, math.nan) == "not known"
    assert seconds_left(History(at=[0], losses=[1.0], seconds=[0.0]), 10, None, math.nan) == "not known yet"
    assert in_words(7500) == "2 h 5 min"


def test_what_is_slow_to_make_takes_a_twentieth_of_the_time():
    now, made = [0.0], []

    def slow():
        now[0] += 1.0
        made.append(now[0])
        return len(made)

    paced = Paced(slow, lambda: now[0])
    assert paced() == 1
    now[0] = 20.9
    assert paced() == 1
    now[0] = 21.1
    assert paced() == 2


@pytest.mark.skipif(
    os.name != "posix", reason="files that are read cannot be replaced on Windows: no checkpoint is read there"
)
def test_codes_and_writes_of_a_bench(tmp_path):
    station = NETLISTS.parent / "stations" / "allostery.toml"
    overrides = {"backend.name": "bench", "backend.station": str(station), "train.steps": 3, "train.stop_loss": 1e-30}
    run = Run.create(tmp_path / "run", load_experiment(NETLISTS / "allostery-bench.toml", overrides))
    run.go()
    view = watched(run).look()
    end = run.history.last("end")["circuit"]
    assert [device.code for device in view.devices] == end["codes"]
    assert [device.writes for device in view.devices] == end["writes"]
    facts = dict(view.facts)
    assert facts["station"] == "allostery"
    assert facts["daq"] == end["instruments"]["daq"]["identity"]
    assert float(facts["noise of a reading"].split()[0]) == pytest.approx(run.history.noise[-1], rel=1e-2)


@pytest.mark.parametrize("name", ["crossbar", "gates", "regression", "xor"])
def test_outputs_of_any_circuit_are_those_that_the_run_ends_with(name, tmp_path):
    run = Run.create(tmp_path / "run", load_experiment(NETLISTS / f"{name}.toml", {"train.steps": 2}))
    outcome = run.go()
    view = watched(run).look()
    assert view.no_model == ""
    np.testing.assert_allclose(view.outputs, outcome.outputs, rtol=0, atol=1e-9)
    assert len(view.devices) == len(outcome.network.edges)


def test_what_files_say_is_shown_and_not_obeyed(tmp_path):
    pytest.importorskip("bokeh", reason="bokeh is not installed: pip install '.[watch]'")
    from bokeh.models import Div

    from hwlearn.show.watch.page import Page

    run = cut_off(tmp_path / "run", load_experiment(NETLISTS / "kite.toml", {"train.steps": 3}), 2)
    info = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    (run.folder / "run.json").write_text(json.dumps(info | {"title": "<script>alert(1)</script>"}), encoding="utf-8")
    with (run.folder / "journal.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"event": "warning", "date": "<b>now</b>", "text": "<img src=x onerror=alert(1)>"}) + "\n")
    texts = "".join(div.text for div in Page(watched(run).look()).root.select({"type": Div}))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in texts
    assert "warning: &lt;img src=x onerror=alert(1)&gt;" in texts
    assert not {"<script", "<img", "<b>"} & set(re.findall(r"<\w+>?", texts))


def test_nothing_stands_for_what_is_not_there(kite, tmp_path):
    """No box of noise without noise, whose axis began below zero; no name of a line that is not drawn."""
    pytest.importorskip("bokeh", reason="bokeh is not installed: pip install '.[watch]'")
    from bokeh.plotting import figure

    from hwlearn.show.watch.page import Page

    without, sound = watched(kite).look(), watched(cut_off(tmp_path / "run", noisy(tmp_path), 5)).look()
    unpredicted = replace(without, predicted=np.full_like(without.predicted, np.nan))
    for view, noise, predicted in ((without, False, True), (sound, True, True), (unpredicted, False, False)):
        page = Page(sound)
        page.show(view)
        plots = {plot.title.text: plot for plot in page.root.select({"type": figure})}
        named = {item.label.value: item.visible for item in plots["Loss"].legend[0].items}
        assert plots["Noise of a reading"].visible is noise
        assert plots["Noise of a reading"].y_range.start == 0
        assert named == {"predicted rate": predicted, "observed": True}
