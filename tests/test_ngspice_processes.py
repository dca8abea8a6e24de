"""Samples shared by processes, each with an ngspice of its own."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from hwlearn import Circuit, Drive, EquilibriumPropagation, ExactCircuit, Hold, Inject, Network, NgspiceCircuit, Task, train
from hwlearn.circuits.pace import PATIENCE, Pace
from hwlearn.circuits.workers import cores, one_process
from hwlearn.errors import ModelError, SimulationError
from hwlearn.network.builders import grid, kite
from hwlearn.testing import CircuitContract

DRIVE = Drive(np.random.default_rng(0).uniform(-1, 1, (7, 2)))


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch):
    monkeypatch.setattr("hwlearn.circuits.ngspice.cores", lambda: 2)


class TestNgspiceInTwoProcesses(CircuitContract):
    def make(self, network: Network) -> Circuit:
        return NgspiceCircuit(network, processes=2)


def workers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "hwlearn.circuits.workers" in " ".join(child.cmdline())]


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=10)[1]


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
        rule = EquilibriumPropagation(1e-6)
        ends = [train(circuit, task, rule, steps=5, learning_rate=1e-3).conductances for circuit in (several, one)]
        np.testing.assert_allclose(*ends, rtol=1e-12)
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
        psutil.wait_procs([worker], timeout=10)
        with pytest.raises(SimulationError, match="a process of ngspice died"):
            circuit.measure(DRIVE)
        np.testing.assert_array_equal(circuit.measure(DRIVE).node_voltages, expected)


@pytest.mark.parametrize("bad", [0, -1], ids=["here", "in the worker"])
def test_a_sample_that_fails_is_the_same_error_in_whichever_process(bad):
    network = kite(1e-300)  # Kirchhoff's law cannot be kept when 1e300 V drive it
    inputs = np.zeros((4, 2))
    with NgspiceCircuit(network, processes=2) as circuit:
        inputs[bad] = 1e150
        circuit.program(np.geomspace(1e-15, 1e15, 6))
        with pytest.raises(SimulationError, match="Kirchhoff"):
            circuit.measure(Drive(inputs))
        circuit.program(np.ones(6))
        drive = Drive([[1.0, 0.0], [0.0, 1.0]])
        np.testing.assert_allclose(circuit.measure(drive).node_voltages, ExactCircuit(kite()).measure(drive).node_voltages)


SCRIPT = """
import os, psutil, signal, sys, time
from hwlearn import Drive, NgspiceCircuit
from hwlearn.network.builders import grid, kite
circuit = NgspiceCircuit(grid(30, 30, outputs=["n1_1"]), processes=2)  # no "if __name__": a worker does not run this again
circuit.measure(Drive([[1.0, 0.0]] * 2))
print(psutil.Process().children()[0].pid, flush=True)
try:
    circuit.measure(Drive([[1.0, 0.0]] * 200_000))
except KeyboardInterrupt:
    print(psutil.Process().children(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_an_interrupt_or_its_parent(how):
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=-1, stderr=-1, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        worker = psutil.Process(int(process.stdout.readline()))
        time.sleep(0.3)
        os.killpg(process.pid, how)  # as a terminal does
        assert gone([worker])
        out, err = process.communicate(timeout=10)
        assert (out, err) == ("[]\n" if how == signal.SIGINT else "", "")


def test_workers_of_a_sweep_start_none():
    with one_process():
        assert cores() == 1
    with NgspiceCircuit(kite(), processes=2) as circuit:
        circuit._pace = Pace(2, may_split=True)
        assert circuit._pace.processes(100, cores=1) == 1


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
    assert phases(Pace(None, True), 100, 0.01, 0.006, 100) == [1] * int(PATIENCE) + [2] * (100 - int(PATIENCE))
    assert phases(Pace(None, True), 100, 0.01, 0.009, 100) == [1] * int(PATIENCE) + [2] * 4 + [1] * (96 - int(PATIENCE))
    assert phases(Pace(None, True), 16, 0.0002, 0.0001, 10_000) == [1] * 10_000  # a lab's circuit
    assert phases(Pace(None, False), 100, 0.01, 0.005, 100) == [1] * 100
    assert phases(Pace(3, False), 2, 0.01, 0.02, 9) == [2] * 9
