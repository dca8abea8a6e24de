"""Samples shared by processes, each with an ngspice of its own."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from processes import PATIENCE, ended, interruptible, wait_until

from hwlearn import Circuit, Drive, EquilibriumPropagation, ExactCircuit, Hold, Inject, Network, NgspiceCircuit, Task, train
from hwlearn.circuits.ngspice.pace import PATIENCE as PAYS
from hwlearn.circuits.ngspice.pace import Pace
from hwlearn.circuits.ngspice.workers import cores
from hwlearn.errors import ModelError, SimulationError
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs.copies import Kept
from hwlearn.experiments.runs.fingerprint import fingerprint
from hwlearn.experiments.sweeps.work import Job, train_cell
from hwlearn.network.builders import grid, kite
from hwlearn.testing.nodal import contract_networks
from hwlearn.testing.resistors import ResistorContract

DRIVE = Drive(np.random.default_rng(0).uniform(-1, 1, (7, 2)))


KITE = Path(__file__).parents[2] / "netlists" / "kite.toml"


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)


class TestNgspiceInTwoProcesses(ResistorContract):
    @pytest.fixture
    def circuit(self) -> Iterator[Circuit]:
        """On the network that has every kind of source and port: each test starts a process."""
        with NgspiceCircuit(contract_networks()["mixed"], processes=2) as made:
            yield made


def workers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "hwlearn.circuits.ngspice.workers" in " ".join(child.cmdline())]


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=PATIENCE)[1]


def test_answers_are_those_of_one_process_and_of_the_exact_model():
    network = grid(5, 5, np.random.default_rng(1).uniform(1e-4, 1e-2, 40), outputs=["n2_3", "n4_1"])
    held, task = np.random.default_rng(2).uniform(0, 1, (7, 2)), Task(DRIVE.inputs, np.full((7, 2), 0.1))
    with NgspiceCircuit(network, processes=3) as several, NgspiceCircuit(network, processes=1) as one:
        exact = ExactCircuit(network)
        for outputs in (Inject([[1e-4, 0.0]]), Hold(held), Inject(1e-3 * held)):
            drive = Drive(DRIVE.inputs, outputs)
            got, alone, reference = (circuit.measure(drive) for circuit in (several, one, exact))
            for name in ("node_voltages", "output_voltages", "output_currents", "input_currents"):
                scale = abs(getattr(alone, name)).max()
                np.testing.assert_allclose(getattr(got, name), getattr(alone, name), rtol=0, atol=1e-12 * scale)
                np.testing.assert_allclose(getattr(got, name), getattr(reference, name), rtol=0, atol=1e-11 * scale)
        rule = EquilibriumPropagation(1e-3)  # contrasts magnify rounding by g over nudge
        ends = [train(circuit, task, rule, steps=5, learning_rate=1e-3).conductances for circuit in (several, one)]
        np.testing.assert_allclose(*ends, rtol=1e-11)
        assert len(workers()) == 2
    assert not workers()


def test_one_sample_starts_nothing_and_a_forgotten_circuit_ends_its_workers():
    circuit = NgspiceCircuit(kite(), processes=2)
    circuit.measure(Drive([[1.0, 0.0]]))
    assert not workers()
    circuit.measure(DRIVE)
    (worker,) = workers()
    circuit.measure(Drive([[1.0, 0.0]]))
    assert workers() == [worker]
    del circuit
    assert not workers()


def test_a_killed_worker_is_an_error_and_the_next_measurement_is_right():
    with NgspiceCircuit(kite(), processes=2) as circuit:
        expected = circuit.measure(DRIVE).node_voltages
        (worker,) = workers()
        worker.kill()
        psutil.wait_procs([worker], timeout=PATIENCE)
        with pytest.raises(SimulationError, match="a process of ngspice died"):
            circuit.measure(DRIVE)
        np.testing.assert_array_equal(circuit.measure(DRIVE).node_voltages, expected)


@pytest.mark.parametrize("bad", [0, -1], ids=["here", "in the worker"])
def test_a_sample_without_a_solution_is_the_same_error_in_whichever_process(bad, tmp_path):
    path = tmp_path / "some.cir"
    path.write_text("* some\nVA a 0 0\nR1 a b 1k\nR2 b 0 1k\nB1 b 0 I= v(b) > 0.1 ? 1m : -1m\n")
    inputs = np.full((4, 1), 5.0)  # v(b) = 5 V/2 - 0.5 kΩ 1 mA
    with NgspiceCircuit(Network.from_netlist(path, inputs=["VA"], outputs=["b"]), processes=2) as circuit:
        np.testing.assert_allclose(circuit.measure(Drive(inputs)).output_voltages, 2.0, rtol=1e-9)
        inputs[bad] = 0.0
        with pytest.raises(SimulationError, match=r"ngspice could not simulate the circuit: .*failed"):
            circuit.measure(Drive(inputs))
        assert not workers()
        inputs[bad] = 3.0
        measured = circuit.measure(Drive(inputs)).output_voltages
        np.testing.assert_allclose(measured, inputs / 2 - 0.5, rtol=1e-9)


SCRIPT = """
import os, psutil, signal, sys, time
from hwlearn import Drive, NgspiceCircuit
from hwlearn.network.builders import grid, kite
circuit = NgspiceCircuit(grid(30, 30, outputs=["n1_1"]), processes=2)  # no "if __name__": a worker does not run this again
circuit.measure(Drive([[1.0, 0.0]] * 2))
try:
    print(psutil.Process().children()[0].pid, flush=True)
    circuit.measure(Drive([[1.0, 0.0]] * 200_000))
except KeyboardInterrupt:
    print(psutil.Process().children(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_an_interrupt_or_its_parent(how):
    with subprocess.Popen(
        interruptible([sys.executable, "-c", SCRIPT]), stdout=-1, stderr=-1, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        worker = psutil.Process(int(process.stdout.readline()))
        before = worker.cpu_times().user
        wait_until(lambda: worker.cpu_times().user > before + 0.2, process)  # it measures
        os.killpg(process.pid, how)  # as a terminal does
        assert gone([worker])
        out, err = ended(process)
        assert (out, err) == ("[]\n" if how == signal.SIGINT else "", "")


def test_an_experiment_file_may_ask_for_processes_and_a_sweep_starts_none(tmp_path, monkeypatch):
    samples = {"task.inputs": [[1.0, 0.0]] * 4, "task.targets": [[0.6, 0.5, 0.4]] * 4, "train.steps": 2}
    plain = load_experiment(KITE, {**samples, "backend.name": "ngspice"})
    experiment = load_experiment(KITE, {**samples, "backend.name": "ngspice", "backend.processes": 2})
    assert fingerprint(experiment) == fingerprint(plain)  # a run may be resumed on a machine with more cores
    with experiment.circuit() as circuit:
        circuit.measure(Drive(experiment.task.inputs))
        assert len(workers()) == 1
    monkeypatch.setattr("hwlearn.circuits.ngspice.workers.Worker", None)
    done = train_cell(Job(experiment, tmp_path, "cell", mark="elsewhere", kept=Kept("../files", {})))
    assert done.error is None


def _cores(queue):
    queue.put(cores())


def test_children_of_multiprocessing_have_siblings():
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    child = context.Process(target=_cores, args=(queue,))
    child.start()
    assert queue.get() == 1
    child.join()
    assert cores() == 2


def test_no_processes_are_refused():
    with pytest.raises(ModelError, match="processes is 0"):
        NgspiceCircuit(kite(), processes=0)


def phases(pace: Pace, samples: int, alone: float, split: float, count: int) -> list[int]:
    """Processes of phases that take so many seconds a sample."""
    used = []
    for _ in range(count):
        used.append(pace.processes(samples, cores=2))
        pace.took(samples, used[-1], samples * (alone if used[-1] == 1 else split))
    return used


def test_processes_are_started_when_phases_have_cost_enough_and_kept_if_they_pay():
    most = 1 + round(PAYS)  # of a second each; the first does not count
    assert phases(Pace(None, True), 100, 0.01, 0.006, 100) == [1] * most + [2] * (100 - most)
    assert phases(Pace(None, True), 100, 0.01, 0.009, 100) == [1] * most + [2] * 4 + [1] * (96 - most)
    assert phases(Pace(None, True), 16, 0.0002, 0.0001, 10_000) == [1] * 10_000  # a lab's circuit
    ordering = Pace(None, True)
    ordering.took(1, 1, 20.0)  # the first phase orders the matrix: that tells nothing of the next
    assert phases(ordering, 100, 0.0002, 0.0001, 100) == [1] * 100
    assert phases(Pace(None, False), 100, 0.01, 0.005, 100) == [1] * 100
    assert phases(Pace(3, False), 2, 0.01, 0.02, 9) == [2] * 9
