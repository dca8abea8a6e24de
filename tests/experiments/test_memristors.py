"""Experiments with memristors: files, states in journal, run folder and result, runs that were killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from processes import ENVIRONMENT

from hwlearn import Network, NewtonCircuit
from hwlearn.circuits.memristive import MemristiveCircuit, Pulses
from hwlearn.errors import HwlearnError
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.experiments.runs import Run
from hwlearn.network.devices import VTEAM, IonDrift

ROOT = Path(__file__).parents[2]
FILE = ROOT / "netlists" / "memristors.toml"
STEPS = 3


def load(**overrides):
    return load_experiment(FILE, {key.replace("__", "."): value for key, value in overrides.items()})


def states(network):
    return np.array(list(network.settings[network.devices[0].set_by].values()))


def test_it_learns_although_pulses_do_not_do_what_is_asked():
    outcome = run_experiment(load(train__steps=30, train__learning_rate=1e-7))
    assert outcome.loss_final < 1e-2 * outcome.loss_initial
    assert all(isinstance(device, IonDrift) for device in outcome.network.devices)


def test_the_file_says_what_the_circuit_does():
    with load().circuit() as circuit:
        assert isinstance(circuit, MemristiveCircuit)
        assert circuit.seconds == 1e-4
        assert isinstance(circuit._programming, Pulses)
        assert (circuit._programming.up, circuit._programming.down, circuit._programming.seconds) == (1.0, -1.0, 1e-3)
        assert circuit.network.devices[0] == IonDrift("R1", 100.0, 16e3, "biolek", 1.0, 1e-14, 1e-8)


def test_imperfections_come_around_memristors(tmp_path):
    """Noise is read, a tolerance is a resistance that no state may leave, and a dead edge is gone; states are still kept."""
    imperfect = {"noise": {"volts": 1e-4}, "tolerance": {"part": 0.05}, "dead-edges": {"names": ["R3"]}}
    run = Run.create(tmp_path / "run", load(train__steps=STEPS, imperfect=imperfect))
    assert run.go().steps == STEPS
    assert run.checkpoint["circuit.inside.states"].shape == (2,)
    end = json.loads((run.folder / "journal.jsonl").read_text().splitlines()[-1])
    assert list(end["circuit"]["states"]) == ["R1", "R2"]


def test_the_reference_of_a_comparison_stands_still():
    with load().circuit("exact", imperfect=False) as circuit:
        assert isinstance(circuit, NewtonCircuit)


def test_states_are_in_journal_run_folder_and_result(tmp_path):
    run = Run.create(tmp_path / "run", load(train__steps=STEPS))
    outcome = run.go()
    events = [json.loads(line) for line in (run.folder / "journal.jsonl").read_text().splitlines()]
    start, end = (next(event for event in events if event.get("event") == name) for name in ("start", "end"))
    assert list(start["circuit"]["states"]) == ["R1", "R2", "R3"]
    assert all(0 < value < 1 for value in end["circuit"]["states"].values())
    assert start["circuit"]["states"] != end["circuit"]["states"]
    assert run.checkpoint["circuit.states"].shape == (3,)
    result = json.loads((run.folder / "result.json").read_text())
    assert result["states"] == pytest.approx(dict(zip(["R1", "R2", "R3"], states(outcome.network), strict=True)), rel=1e-14)
    trained = Network.from_netlist(run.folder / "trained.cir", inputs=["V1", "V2"], outputs=["o"])
    np.testing.assert_allclose(states(trained), states(outcome.network), rtol=1e-12)
    assert [device.mobility for device in trained.devices] == [1e-14] * 3


def test_a_run_that_is_cut_and_resumed_is_the_whole_one_bit_for_bit(tmp_path):
    whole = run_experiment(load(train__steps=STEPS))
    run = Run.create(tmp_path / "run", load(train__steps=STEPS))
    for at in (0, 2, STEPS + 1):  # before anything was programmed, in between, not at all
        Run.load(run.folder).go(Cut(at)) if at == 0 else Run.load(run.folder).resume(progress=Cut(at))
    again = Run.load(run.folder)
    assert again.history.losses == whole.losses.tolist()
    assert again.network.conductances.tobytes() == whole.network.conductances.tobytes()


class Cut:
    """Progress that ends a training as Ctrl-C does, at a step."""

    def __init__(self, at):
        self.at = at

    def __call__(self, done, total, loss):
        if done >= self.at:
            raise KeyboardInterrupt


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize(("backend", "same"), [("exact", 0.0), ("ngspice", 1e-9)])  # ngspice orders its matrix anew
def test_kill_9_loses_one_step_at_most(tmp_path, backend, same):
    overrides = json.dumps({"train.steps": 6, "memristors.seconds": 2e-5, "backend.name": backend})
    command = [sys.executable, str(ROOT / "tests" / "support" / "killer.py"), str(FILE), overrides, str(tmp_path), "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for one in found["killed"]:
        assert one["steps"] <= 1
        assert one["end"] == list(range(7))
        assert one["g"] == pytest.approx(found["whole"], rel=same, abs=0.0)
        assert one["states"] == pytest.approx(found["states"], rel=same, abs=0.0)
    assert sum(one["cut"] for one in found["killed"]) > 0


@pytest.mark.parametrize("backend", ["exact", "ngspice"])
def test_reading_disturbs_fixed_memristors(backend):
    """Nothing is trained; two readings of the loss move the states all the same."""
    overrides = {"train__steps": 1, "train__learning_rate": 1e-30, "backend__name": backend, "memristors__seconds": 1e-3}
    outcome = run_experiment(load(**overrides))
    assert (np.abs(states(outcome.network) - states(load().network)) > 1e-5).all()


def test_thresholds_keep_readings_from_disturbing():
    vteam = {"law": "vteam", "r_on": 100.0, "r_off": 16e3, "v_on": -1.5, "v_off": 1.5}
    overrides = {"memristors__devices": {"r*": vteam}, "memristors__pulse": {"up": -2.0, "down": 2.0, "seconds": 1e-9}}
    experiment = load(train__steps=0, **overrides)
    assert experiment.network.devices[0] == VTEAM("R1", 100.0, 16e3, v_on=-1.5, v_off=1.5)
    np.testing.assert_array_equal(states(run_experiment(experiment).network), states(experiment.network))


@pytest.mark.parametrize("backend", ["exact", "ngspice"])
def test_in_continuous_time_states_follow_the_conductances(backend, tmp_path):
    """The course of g is that of resistors, and the states are those of r = r_off + (r_on − r_off) x."""
    flow = {"t_end": 1e-6, "rtol": 1e-7}
    still = {"train": None, "flow": flow, "memristors.seconds": 0.0, "memristors.pulse": None, "backend.name": backend}
    run = Run.create(tmp_path / "run", load_experiment(FILE, still))
    outcome = run.go()
    bounds = [1 / 16e3, 1 / 100]
    resistors = run_experiment(
        load_experiment(FILE, {"train": None, "flow": flow, "memristors": None, "circuit.bounds": bounds})
    )
    assert outcome.loss_final < 0.5 * outcome.loss_initial
    np.testing.assert_allclose(outcome.network.conductances, resistors.network.conductances, rtol=1e-5)
    resistance = 1 / outcome.network.conductances
    np.testing.assert_allclose(states(outcome.network), (16e3 - resistance) / (16e3 - 100), rtol=1e-9)
    assert run.result["states"] == pytest.approx(dict(zip(["R1", "R2", "R3"], states(outcome.network), strict=True)))


def test_the_parameter_may_be_the_state():
    outcome = run_experiment(load(train__parameter="state", train__learning_rate=0.2, memristors__pulse=None, train__steps=12))
    assert outcome.loss_final < 0.1 * outcome.loss_initial


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"memristors.devices": {"Q*": {"law": "vteam", "r_on": 1.0, "r_off": 2.0}}}, r"no edge is called 'Q\*'"),
        ({"memristors.devices": {"R*": {"law": "diode"}}}, "diode is no memristor; take ion-drift, vteam"),
        ({"memristors.devices": {"R*": {"law": "vteam", "r_on": 1.0}}}, "r_off is missing"),
        (
            {"memristors.devices": {"R*": {"law": "vteam", "r_on": 1.0, "r_of": 2.0}}},
            "unknown argument 'r_of'; did you mean 'r_off'",
        ),
        ({"memristors.devices": {"R*": {"law": "vteam", "r_on": "1k", "r_off": 2.0}}}, "vteam: must be real number"),
        ({"memristors.devices": {"R*": {"law": "vteam", "r_on": 3.0, "r_off": 2.0}}}, "r_on must be the smaller"),
        (
            {"memristors.devices": {"R*": {"law": "vteam", "r_on": 1.0, "r_off": 9.0}}},
            r"R1 has 4000 Ω, which is not between r_on",
        ),
        ({"memristors.seconds": -1.0}, "greater than or equal to 0"),
        ({"memristors.pulse": {"up": -1.0, "down": 1.0, "seconds": 1e-3}}, "does not raise the conductance"),
        ({"memristors.devices": {}}, "the network has no memristor"),
        ({"train": None, "flow": {"t_end": 1.0}}, r"\[memristors\] seconds = 0\.0001: each reading moves the states, .* give"),
        (
            {"train": None, "flow": {"t_end": 1.0}, "memristors.seconds": 0.0},
            r"\[memristors\] pulse: pulses are whole, .* leave pulse out",
        ),
    ],
)
def test_what_makes_no_sense_is_named(overrides, says):
    with pytest.raises(HwlearnError, match=says):
        load_experiment(FILE, overrides).circuit()


def test_an_edge_is_one_device():
    devices = load().settings.memristors.model_dump()["devices"]
    experiment = load_experiment(FILE, {"memristors.devices": {**devices, "R1": devices["R*"]}})
    with pytest.raises(HwlearnError, match="R1 is a device already"):
        _ = experiment.network
