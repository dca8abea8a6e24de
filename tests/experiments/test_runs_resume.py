"""A run that was cut off ends with the same numbers as one that never was."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwlearn import EquilibriumPropagation, ExactCircuit, Network, Task, train
from hwlearn.errors import ExperimentError, HwlearnError
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.experiments.runs import Run
from hwlearn.experiments.runs.checkpoint import Checkpoint, load_checkpoint
from hwlearn.network.builders import kite

ROOT = Path(__file__).parents[2]
KITE = """
[circuit]
builder = "kite"
conductances = [1, 1.5, 1.3, 1, 1, 1.7]
[task]
inputs = [[1.0, 0.0], [2.0, -1.0], [0.5, 0.2]]
targets = [[0.6, 0.5, 0.4], [0.8, 0.5, 0.2], [0.4, 0.3, 0.3]]
[rule]
name = "ep"
nudge = 1e-2
symmetric = true
[train]
steps = 60
learning_rate = 0.05
optimizer = "adam"
batch_size = 2
"""
FLOW = KITE[: KITE.index("[train]")] + "[flow]\nt_end = 200\n"


@pytest.fixture
def kite_file(tmp_path):
    file = tmp_path / "kite.toml"
    file.write_text(KITE)
    return file


def cut(run, after, error=KeyboardInterrupt):
    """Go, until so many steps were made."""

    def progress(done, total, loss):
        if done >= after:
            raise error

    return run.go(progress)


@given(
    optimizer=st.sampled_from(["plain", "momentum", "adam"]),
    parameter=st.sampled_from(["conductance", "log-conductance"]),
    batch_size=st.sampled_from([None, 1, 2, 3, 5]),
    seed=st.integers(0, 1000),
    stop=st.integers(0, 25),
)
def test_from_any_snapshot_training_goes_on_to_the_last_bit(optimizer, parameter, batch_size, seed, stop):
    random = np.random.default_rng(seed)
    task = Task(random.normal(size=(5, 2)), random.uniform(size=(5, 3)))
    rule, options = EquilibriumPropagation(symmetric=True), {"steps": 25, "learning_rate": 0.01, "seed": seed}
    options |= {"optimizer": optimizer, "parameter": parameter, "batch_size": batch_size}
    taken = {}

    def keep(state):
        taken[state.step] = state.snapshot()

    whole = train(ExactCircuit(kite()), task, rule, **options, callbacks=[keep])
    rest = train(ExactCircuit(kite()), task, rule, **options, start=taken[stop])
    assert rest.steps == whole.steps
    assert rest.conductances.tobytes() == whole.conductances.tobytes()
    assert rest.losses.tobytes() == whole.losses[stop:].tobytes()


def test_each_sample_comes_once_an_epoch():
    seen = []

    class Counting(EquilibriumPropagation):
        def read(self, circuit, task):
            seen.extend(task.inputs[:, 0].tolist())
            return super().read(circuit, task)

    task = Task(np.arange(12.0).reshape(6, 2), np.full((6, 3), 0.5))
    train(ExactCircuit(kite()), task, Counting(), steps=5, learning_rate=1e-9, batch_size=2)
    assert sorted(seen[:6]) == sorted(seen[6:]) == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert seen[:6] != seen[6:]


def test_a_snapshot_of_another_optimizer_is_refused():
    task, rule, taken = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]]), EquilibriumPropagation(), []
    train(
        ExactCircuit(kite()), task, rule, steps=1, learning_rate=0.1, callbacks=[lambda state: taken.append(state.snapshot())]
    )
    with pytest.raises(HwlearnError, match="another optimizer"):
        train(ExactCircuit(kite()), task, rule, steps=2, learning_rate=0.1, optimizer="adam", start=taken[0])


@pytest.mark.parametrize("after", [0, 1, 17, 60])
def test_ctrl_c_and_on(kite_file, tmp_path, after):
    experiment = load_experiment(kite_file)
    whole = Run.create(tmp_path / "whole", experiment).go()
    run = Run.create(tmp_path / "cut", experiment)
    first = cut(run, after)
    assert (first.stopped_because, first.steps, run.state) == ("interrupted", after, "interrupted")
    second = Run.load(tmp_path / "cut").resume()
    assert second.network.conductances.tobytes() == whole.network.conductances.tobytes()
    assert second.losses.tobytes() == whole.losses.tobytes()
    assert second.progress.tolist() == list(range(61))
    assert (second.loss_initial, second.loss_final, second.steps) == (whole.loss_initial, whole.loss_final, 60)
    history = Run.load(tmp_path / "cut").history
    assert (history.at, history.losses) == (list(range(61)), whole.losses.tolist())
    assert [event["event"] for event in history.events] == ["start", "end", "resume", "end"]
    assert Run.load(tmp_path / "cut").resume() is None


def test_the_folder_tells_the_whole_story(kite_file, tmp_path):
    outcome = Run.create(tmp_path / "run", load_experiment(kite_file, {"train.steps": 5})).go()
    run = Run.load(tmp_path / "run")
    assert (run.folder / "experiment.toml").read_text() == KITE
    assert run.info["overrides"] == {"train.steps": 5}
    assert run.settings["train.learning_rate"] == 0.05
    assert run.info["versions"]["numpy"] == np.__version__
    assert run.result == json.loads(json.dumps(outcome.as_dict()))
    np.testing.assert_array_equal(run.network.conductances, outcome.network.conductances)
    again = Network.from_netlist(run.folder / "trained.cir", inputs=["V_A", "V_D"], outputs=["T", "M", "W"])
    np.testing.assert_allclose(again.conductances, outcome.network.conductances, rtol=1e-15)
    assert [source.value for source in again.inputs] == [1.0, 0.0]
    with pytest.raises(ExperimentError, match="not empty"):
        Run.create(tmp_path / "run", load_experiment(kite_file))
    with pytest.raises(ExperimentError, match=r"kite\.toml"):
        Run.create(kite_file, load_experiment(kite_file))
    with pytest.raises(ExperimentError, match=r"no run\.json"):
        Run.load(tmp_path)


def test_a_run_can_be_trained_further(kite_file, tmp_path):
    Run.create(tmp_path / "run", load_experiment(kite_file, {"train.steps": 20})).go()
    longer = Run.load(tmp_path / "run").resume(overrides={"train.steps": 60})
    whole = run_experiment(load_experiment(kite_file))
    assert longer.losses.tobytes() == whole.losses.tobytes()


def test_no_run_goes_back(kite_file, tmp_path):
    run = Run.create(tmp_path / "run", load_experiment(kite_file))
    run.go()
    before = {path.name: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    with pytest.raises(ExperimentError, match=r"train\.steps asks for 20, but the run has come to 60; nothing was changed"):
        Run.load(run.folder).resume(overrides={"train.steps": 20})
    assert Run.load(run.folder).resume(overrides={"train.steps": 60}) is None
    assert {path.name: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before


def test_the_same_in_ngspice(kite_file, tmp_path):
    experiment = load_experiment(kite_file, {"backend.name": "ngspice"})
    whole = run_experiment(experiment)
    cut(Run.create(tmp_path / "run", experiment), 23)
    rest = Run.load(tmp_path / "run").resume()
    np.testing.assert_allclose(rest.network.conductances, whole.network.conductances, rtol=1e-10)
    assert rest.steps == 60


def test_a_flow_goes_on_from_its_last_step(tmp_path):
    file = tmp_path / "flow.toml"
    file.write_text(FLOW)
    experiment = load_experiment(file)
    whole = run_experiment(experiment)
    run = Run.create(tmp_path / "run", experiment)
    assert cut(run, 40.0).stopped_because == "interrupted"
    rest = Run.load(tmp_path / "run").resume()
    np.testing.assert_allclose(rest.network.conductances, whole.network.conductances, rtol=1e-6)
    assert (rest.progress[0], rest.progress[-1]) == (0.0, 200.0)
    assert (np.diff(rest.progress) > 0).all()


def test_a_torn_line_is_cut(kite_file, tmp_path):
    run = Run.create(tmp_path / "run", load_experiment(kite_file))
    cut(run, 30)
    journal = run.folder / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"step": 31, "lo')
    assert Run.load(run.folder).history.at == list(range(31))
    Run.load(run.folder).resume()
    assert journal.read_bytes().startswith(whole + b'{"event": "resume"')
    journal.write_bytes(b"{}\n" + whole)
    with pytest.raises(ExperimentError, match=r"journal\.jsonl: line 1: not a line of a journal"):
        Run.load(run.folder).history  # noqa: B018


def test_a_damaged_checkpoint_is_refused(kite_file, tmp_path):
    run = Run.create(tmp_path / "run", load_experiment(kite_file))
    cut(run, 30)
    checkpoint = run.folder / "checkpoint.npz"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    with pytest.raises(ExperimentError, match=r"checkpoint\.npz: not a whole checkpoint"):
        Run.load(run.folder).resume()


def test_what_a_power_cut_leaves_of_the_rows_is_known(tmp_path):
    path, latest = tmp_path / "checkpoint.npz", tmp_path / "latest.npy"
    snapshots = [{"step": np.array(float(k)), "wanted": np.full(4, 0.5 + k)} for k in range(6)]
    checkpoint = Checkpoint(path, latest)
    checkpoint.save(snapshots[0], whole=True)
    for snapshot in snapshots[1:4]:
        checkpoint.save(snapshot)
    old = latest.read_bytes()
    assert load_checkpoint(path, latest)["step"] == 3
    checkpoint.save(snapshots[4], whole=True)
    checkpoint.save(snapshots[5])
    checkpoint.close()
    new = latest.read_bytes()
    assert load_checkpoint(path, latest)["wanted"].tolist() == [5.5] * 4
    latest.write_bytes(old)  # these pages did not reach the disk
    assert load_checkpoint(path, latest)["step"] == 4
    torn = bytearray(new)
    torn[128 + (6 % 2) * 64 + 3 * 8 + 20] ^= 1
    latest.write_bytes(torn)
    assert load_checkpoint(path, latest)["step"] == 4
    for broken in (b"", new[:60], new[:140]):
        latest.write_bytes(broken)
        assert load_checkpoint(path, latest)["step"] == 4


def test_a_changed_file_is_refused_unless_asked(kite_file, tmp_path):
    cut(Run.create(tmp_path / "run", load_experiment(kite_file)), 10)
    kite_file.write_text(KITE.replace("learning_rate = 0.05", "learning_rate = 0.01").replace("1.7]", "1.8]"))
    with pytest.raises(ExperimentError) as caught:
        Run.load(tmp_path / "run", kite_file).resume()
    for words in ("train.learning_rate was 0.05 and is 0.01", "the network is another one", "--changed"):
        assert words in str(caught.value)
    assert Run.load(tmp_path / "run").resume(changed=True).steps == 60
    assert Run.load(tmp_path / "run").settings["train.learning_rate"] == 0.01


def test_a_bench_that_was_rewired_is_refused(tmp_path):
    station = tmp_path / "station.toml"
    text = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
    station.write_text(text, encoding="utf-8")
    overrides = {"backend.name": "bench", "backend.station": str(station), "train.steps": 3}
    run = Run.create(tmp_path / "run", load_experiment(ROOT / "netlists" / "allostery-bench.toml", overrides))
    cut(run, 1)
    station.write_text(
        text.replace("pots:3", "pots:x").replace("pots:4", "pots:3").replace("pots:x", "pots:4"), encoding="utf-8"
    )
    with pytest.raises(ExperimentError, match="wired otherwise"):
        Run.load(run.folder).resume(changed=True)
    station.write_text(text.replace("repeats = 8", "repeats = 4"), encoding="utf-8")
    assert Run.load(run.folder).resume().steps == 3
    (end,) = [event for event in Run.load(run.folder).history.events[-1:]]
    assert end["circuit"]["instruments"]["daq"]["identity"].startswith("HWLEARN,DAQ970A")
    assert len(end["circuit"]["writes"]) == 24


def test_two_processes_on_one_run_are_refused(kite_file, tmp_path):
    run, second = Run.create(tmp_path / "run", load_experiment(kite_file)), []

    def meanwhile(done, total, loss):
        if not second:
            other = Run.load(run.folder)
            second.append(other.state)
            with pytest.raises(ExperimentError, match="another process"):
                other.resume()

    run.go(meanwhile)
    assert second == ["running"]


GRID = """
[circuit]
builder = "grid"
rows = 3
columns = 3
[ports]
outputs = ["n1_2", "n2_1"]
[task]
inputs = [[1.0, 0.0]]
targets = [[0.6, 0.5]]
[rule]
name = "ep"
symmetric = true
[train]
steps = {steps}
learning_rate = 0.05
optimizer = "adam"
"""


@pytest.mark.parametrize("after", [0, 1, 5])
def test_what_was_measured_before_the_training_changes_no_bit_of_it(tmp_path, after):
    file = tmp_path / "grid.toml"
    file.write_text(GRID.format(steps=30))
    whole = run_experiment(load_experiment(file))
    cut(Run.create(tmp_path / "run", load_experiment(file)), after)
    rest = Run.load(tmp_path / "run").resume()
    assert rest.losses.tobytes() == whole.losses.tobytes()
    assert rest.network.conductances.tobytes() == whole.network.conductances.tobytes()


def test_a_run_goes_on_from_where_another_process_has_left_it_meanwhile(kite_file, tmp_path):
    run = Run.create(tmp_path / "run", load_experiment(kite_file))
    cut(run, 10)
    here = Run.load(tmp_path / "run")
    assert here.checkpoint is not None
    seen = here.history.at[-1]
    cut(Run.load(tmp_path / "run"), 40)
    here.resume()
    resumed = [json.loads(line) for line in (tmp_path / "run" / "journal.jsonl").read_text().splitlines()]
    begun = [line["step"] for line in resumed if line.get("event") == "resume"]
    assert begun[-1] > begun[0] >= seen
