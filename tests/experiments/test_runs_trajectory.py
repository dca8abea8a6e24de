"""g(t) along a run: the right rows, as few as asked for, the same after a kill, and readable by numpy, NetCDF and eyes."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from killed_at import killed_at
from scipy.io import netcdf_file
from typer.testing import CliRunner

from hwlearn import ExactCircuit, Task, flow, train
from hwlearn.cli import app
from hwlearn.errors import ExperimentError
from hwlearn.experiments import load_experiment
from hwlearn.experiments.execution import Point
from hwlearn.experiments.runs import Run, export
from hwlearn.experiments.runs.trajectory import TrajectoryFile, read_trajectory
from hwlearn.learning.rules import CoupledLearning
from hwlearn.learning.trajectory import thinned
from hwlearn.network.builders import kite

NETLISTS = Path(__file__).parents[2] / "netlists"
TASK = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])


def trained(folder, **overrides):
    run = Run.create(folder, load_experiment(NETLISTS / "kite.toml", overrides))
    run.go()
    return run


def every(kind, steps, **options):
    """(steps + 1, E): what each step was made from, seen by a callback."""
    seen = []
    with ExactCircuit(kite()) as circuit:
        result = train(
            circuit, TASK, kind(), steps=steps, callbacks=[lambda state: seen.append(state.conductances.copy())], **options
        )
    return np.array(seen), result


@given(st.integers(0, 5000), st.integers(2, 50))
def test_what_is_kept_is_evenly_spaced_bounded_and_has_both_ends(count, most):
    kept = thinned(count, most)
    assert len(kept) <= most + 1
    if count:
        assert (kept[0], kept[-1]) == (0, count - 1)
        assert len(kept) > min(count, most) / 2
        assert len({*np.diff(kept[:-1]).tolist()}) <= 1


@pytest.mark.parametrize(("steps", "most"), [(0, 1000), (7, 1000), (100, 10), (1023, 8), (50, 0)])
def test_train_keeps_what_its_steps_were_made_from(steps, most):
    seen, result = every(CoupledLearning, steps, learning_rate=0.5, trajectory=most)
    kept = thinned(steps + 1, most)
    np.testing.assert_array_equal(result.trajectory.at, kept)
    np.testing.assert_array_equal(result.trajectory.conductances, seen[kept].reshape(-1, 6))


def test_flow_and_train_agree_in_names_and_shapes():
    rule = CoupledLearning(symmetric=True)
    with ExactCircuit(kite()) as circuit:
        one = train(circuit, TASK, rule, steps=30, learning_rate=0.5)
        circuit.program(circuit.network.conductances)
        two = flow(circuit, TASK, rule, 15.0, rtol=1e-6, trajectory=8)
    for result in (one, two):
        assert result.conductances.shape == (6,)
        assert result.at.shape == result.losses.shape == (result.steps + 1,)
        assert result.trajectory.conductances.shape == (len(result.trajectory.at), 6)
        np.testing.assert_array_equal(result.trajectory.conductances[-1], result.conductances)
        assert result.trajectory.at[-1] == result.at[-1]
        with ExactCircuit(kite(result.trajectory.conductances[2])) as there:
            where = int(np.flatnonzero(result.at == result.trajectory.at[2])[0])
            assert rule.read(there, TASK).loss == pytest.approx(result.losses[where], rel=1e-12)
    assert len(two.trajectory.at) <= 9


@pytest.mark.parametrize("most", [8, 9, 1000])
def test_a_run_killed_at_any_step_keeps_the_rows_of_one_that_was_not(tmp_path, most):
    random = np.random.default_rng(0)
    points = [Point(np.exp(random.normal(size=3)), random.integers(0, 255, 3), random.normal(size=(2, 1))) for _ in range(70)]
    kept = thinned(70, most)

    def written(path, first, last):
        file = TrajectoryFile(path, "step", most)
        for step in range(first, last):
            file.note(step, points[step])
        file.close()

    for cut in range(1, 70, 4):
        path = tmp_path / f"{cut}.npy"
        written(path, 0, cut + 1)
        last = read_trajectory(path)
        assert last.at[-1] == cut  # not a single step is lost
        written(path, cut, 70)  # the step in which it was killed is made again
        found = read_trajectory(path)
        np.testing.assert_array_equal(found.at, kept)
        for name in Point._fields:
            np.testing.assert_array_equal(getattr(found, name), [getattr(points[k], name) for k in kept])
        plain = np.load(path, allow_pickle=False)
        np.testing.assert_array_equal(plain["conductances"], found.conductances)


def test_single_precision_and_readings_that_fail_are_kept_as_they_are(tmp_path):
    path = tmp_path / "trajectory.npy"
    file = TrajectoryFile(path, "step", 1000)
    half = np.array([1.1, 2.2], dtype=np.float32)
    file.note(0, Point(half, None, np.ones((1, 2), dtype=np.float32)))
    file.note(1, Point(half.astype(np.float64), None, None))
    file.close()
    found = read_trajectory(path)
    np.testing.assert_array_equal(found.conductances, [half, half])
    np.testing.assert_array_equal(found.outputs, [[[1, 1]], [[np.nan, np.nan]]])


def test_a_torn_row_is_left_out_and_a_damaged_file_named(tmp_path):
    path = tmp_path / "trajectory.npy"
    file = TrajectoryFile(path, "step", 1000)
    for step in range(5):
        file.note(step, Point(np.ones(2), None, None))
    file.close()
    whole = path.read_bytes()
    for cut in (1, 5, 20):
        path.write_bytes(whole[:-cut])
        assert read_trajectory(path).at.tolist() == [0, 1, 2, 3]
    path.write_bytes(whole[:-6] + b"\0" + whole[-5:])
    assert read_trajectory(path).at.tolist() == [0, 1, 2, 3]
    path.write_bytes(b"\x93NUMPY" + whole[6:20])
    with pytest.raises(ExperimentError, match=r"trajectory\.npy: damaged"):
        read_trajectory(path)


def test_a_run_that_is_resumed_has_the_rows_of_one_that_was_not(tmp_path):
    whole = trained(tmp_path / "whole", **{"train.steps": 60, "train.trajectory": 16}).trajectory
    run = trained(tmp_path / "parts", **{"train.steps": 37, "train.trajectory": 16})
    run.resume(overrides={"train.steps": 60})
    np.testing.assert_array_equal(run.trajectory.at, whole.at)
    np.testing.assert_array_equal(run.trajectory.conductances, whole.conductances)
    np.testing.assert_array_equal(whole.conductances[-1], run.network.conductances)


def test_a_run_that_is_killed_has_lost_one_step_at_most(tmp_path):
    killed_at(123, NETLISTS / "kite.toml", {"train.steps": 10**6, "train.trajectory": 10}, tmp_path / "run")
    run = Run.load(tmp_path / "run")
    assert run.trajectory.at[-1] == 123 == run.checkpoint["step"]
    np.testing.assert_array_equal(run.trajectory.conductances[-1], run.checkpoint["wanted"])


def test_a_flow_has_its_first_loss_and_losses_of_its_own_steps(tmp_path):
    (tmp_path / "kite.cir").write_text((NETLISTS / "kite.cir").read_text())
    text = (NETLISTS / "kite.toml").read_text()
    (tmp_path / "flow.toml").write_text(text[: text.index("[train]")] + "[flow]\nt_end = 20.0\n" + after(text))
    run = Run.create(tmp_path / "run", load_experiment(tmp_path / "flow.toml"))
    outcome = run.go()
    history, along, experiment = run.history, run.trajectory, run.experiment
    assert history.at[0] == 0
    np.testing.assert_allclose(outcome.losses, history.losses[: len(outcome.losses)])
    rows = [history.at.index(t) for t in along.at]
    for row, conductances in list(zip(rows, along.conductances, strict=True))[::5]:
        with ExactCircuit(experiment.network.with_conductances(conductances)) as circuit:
            seen = experiment.rule.read(circuit, experiment.task).loss
        assert seen == pytest.approx(history.losses[row], rel=1e-12)


def after(text):
    """The tables that follow [train]."""
    rest = text[text.index("[train]") + 1 :]
    return rest[rest.index("\n[") :] if "\n[" in rest else ""


def test_netcdf_has_it_with_the_outputs_of_a_dense_solve(tmp_path):
    run = trained(tmp_path / "run", **{"train.steps": 12})
    along, network, task = run.trajectory, run.network, run.experiment.task
    with netcdf_file(export(run, "netcdf"), mmap=False) as file:
        np.testing.assert_array_equal(file.variables["conductance_along"][:], along.conductances)
        np.testing.assert_array_equal(file.variables["kept"][:], along.at)
        outputs = file.variables["output_along"][:]
    np.testing.assert_allclose(outputs[-1], run.outputs, rtol=1e-12)
    sources = {name: value for name, value in zip((s.plus for s in network.inputs), task.inputs[0], strict=True)}
    known = {**sources, "0": 0.0}
    free = [node for node in network.nodes if node not in known]
    laplacian, right = np.zeros((len(free), len(free))), np.zeros(len(free))
    for edge, g in zip(network.edges, along.conductances[3], strict=True):
        for one, two in ((edge.tail, edge.head), (edge.head, edge.tail)):
            if one in free:
                laplacian[free.index(one), free.index(one)] += g
                if two in free:
                    laplacian[free.index(one), free.index(two)] -= g
                else:
                    right[free.index(one)] += g * known[two]
    volts = {**dict(zip(free, np.linalg.solve(laplacian, right), strict=True)), **known}
    np.testing.assert_allclose(outputs[3, 0], [volts[p.plus] - volts.get(p.minus, 0.0) for p in network.outputs], rtol=1e-12)


def test_a_circuit_that_is_measured_keeps_the_outputs_it_read(tmp_path):
    run = trained(tmp_path / "run", **{"train.steps": 3, "backend.name": "ngspice"})
    np.testing.assert_allclose(run.trajectory.outputs[-1], run.outputs, rtol=1e-9)
    assert run.trajectory.outputs.shape == (4, *run.experiment.task.targets.shape)


def test_a_bench_keeps_its_codes(tmp_path):
    station = NETLISTS.parent / "stations" / "allostery.toml"
    overrides = {"backend.name": "bench", "backend.station": str(station), "train.steps": 3, "train.learning_rate": 1e-5}
    run = Run.create(tmp_path / "run", load_experiment(NETLISTS / "allostery-bench.toml", overrides))
    run.go()
    along, settings = run.trajectory, tomllib.loads(station.read_text(encoding="utf-8"))
    assert (along.codes[0] != along.codes[-1]).any()
    ends = run.history.last("end")["circuit"]
    np.testing.assert_array_equal(along.codes[-1], ends["codes"])
    assert settings["defaults"]["backend"] == "virtual"
    for codes, conductances in zip(along.codes.T, along.conductances.T, strict=True):
        order = np.argsort(codes, kind="stable")
        moved = np.diff(codes[order]) != 0  # another code has another conductance, the same code the same one
        np.testing.assert_array_equal(np.diff(conductances[order]) != 0, moved)
    done = CliRunner().invoke(
        app, ["plot", str(run.folder), "--panels", "conductances,codes", "--out", str(tmp_path / "g.pdf")]
    )
    assert done.exit_code == 0, done.output


def test_it_is_drawn_and_reported(tmp_path):
    run = trained(tmp_path / "run", **{"train.steps": 12})
    done = CliRunner().invoke(app, ["plot", str(run.folder), "--panels", "conductances", "--out", str(tmp_path / "g.svg")])
    assert done.exit_code == 0, done.output
    assert "conductance [S]" in (tmp_path / "g.svg").read_text(encoding="utf-8")
    assert CliRunner().invoke(app, ["report", str(run.folder)]).exit_code == 0
    assert "Conductances of the trained edges along the run." in (run.folder / "report.html").read_text(encoding="utf-8")
    (run.folder / "trajectory.npy").unlink()  # an earlier version's
    done = CliRunner().invoke(app, ["plot", str(run.folder), "--panels", "conductances", "--out", str(tmp_path / "g.svg")])
    assert "this run has no such panel" in done.output
