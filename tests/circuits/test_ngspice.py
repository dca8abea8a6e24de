"""What is special about ngspice: one per process, sweeps, names, interrupts, memory, wrong answers."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys

import numpy as np
import psutil
import pytest
from processes import ended, interruptible, wait_until

from hwlearn import (
    CoupledLearning,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    Hold,
    Inject,
    Network,
    NgspiceCircuit,
    Task,
    train,
)
from hwlearn.circuits.ngspice import circuit as ngspice
from hwlearn.circuits.ngspice.deck import Deck
from hwlearn.errors import LibraryNotFoundError, NetworkError, SimulationError
from hwlearn.network.builders import grid, kite
from hwlearn.spice.library import find_library
from hwlearn.spice.messages import failures
from hwlearn.spice.session import session
from hwlearn.spice.shared import Shared
from hwlearn.text import parse_number, write_number

TASK = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])


def voltages(circuit: NgspiceCircuit | ExactCircuit, drive: Drive) -> np.ndarray:
    return circuit.measure(drive).node_voltages


def test_circuits_take_turns_in_one_process() -> None:
    one, two = kite([1, 1.5, 1.3, 1, 1, 1.7]), grid(4, 4, outputs=["n1_2", "n2_1"])
    task = Task([[1.0, 0.0]], [[0.6, 0.3]])
    first, second = NgspiceCircuit(one), NgspiceCircuit(two)
    for _ in range(3):  # every switch loses a paused sweep
        for circuit, work in ((first, TASK), (second, task)):
            reference = ExactCircuit(circuit.network)
            reference.program(circuit.conductances)
            rule = CoupledLearning(symmetric=True)
            ends = [train(c, work, rule, steps=3, learning_rate=0.5).conductances for c in (circuit, reference)]
            np.testing.assert_allclose(*ends, rtol=1e-12)
    first.close()
    third = NgspiceCircuit(one)
    for circuit in (second, third):
        reference = ExactCircuit(circuit.network)
        reference.program(circuit.conductances)
        drive = Drive([[0.3, -1.0]])
        np.testing.assert_allclose(voltages(circuit, drive), voltages(reference, drive), rtol=1e-12)
    second.close()
    third.close()


def test_forgotten_circuits_are_unloaded() -> None:
    gc.collect()
    before = session().run(lambda shared: len(session().decks))
    for _ in range(3):
        NgspiceCircuit(kite())
    gc.collect()
    assert session().run(lambda shared: len(session().decks)) == before


def test_long_sweeps_restart_and_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngspice, "PLOT_BYTES", 8 * 20 * 50)
    network = kite()
    inputs = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    with NgspiceCircuit(network) as circuit:
        for rows in (inputs[:7], inputs, inputs[:64], inputs[:65], inputs[:1]):
            np.testing.assert_allclose(
                voltages(circuit, Drive(rows)), voltages(ExactCircuit(network), Drive(rows)), rtol=0, atol=1e-14
            )


def test_awkward_names_are_told_apart() -> None:
    names = ["a", "A", "v(1)", "x y", "é", "time", "1", "001", "n_0", "e=f", "{p}", "it's", "a;b", "pi", "hwl_x0"]
    edges = [(names[k], names[k + 1]) for k in range(len(names) - 1)]
    network = Network.from_edges(edges, np.linspace(1, 2, len(edges)), inputs=["a", "hwl_x0"], outputs=["time", "é"])
    with NgspiceCircuit(network) as circuit:
        for outputs in (Inject([[0.1, 0.2]]), Hold([[0.1, 0.2]])):
            drive = Drive([[1, -1]], outputs)
            np.testing.assert_allclose(voltages(circuit, drive), voltages(ExactCircuit(network), drive), atol=1e-13)


def test_extreme_conductances_are_right_or_refused() -> None:
    network = grid(3, 3, outputs=["n1_1"])
    g = np.ones(12)
    g[0], g[1] = 1e-9, 1e3
    with NgspiceCircuit(network) as circuit:
        circuit.program(g)
        reference = ExactCircuit(network)
        reference.program(g)
        drive = Drive([[1.0, 0.0]])
        np.testing.assert_allclose(voltages(circuit, drive), voltages(reference, drive), atol=1e-8)
        circuit.program(np.ones(12))  # and nothing sticks
        np.testing.assert_allclose(voltages(circuit, drive), voltages(ExactCircuit(network), drive), atol=1e-13)


def test_a_lost_alter_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    with NgspiceCircuit(grid(3, 3, outputs=["n1_1"])) as circuit:
        circuit.measure(Drive([[1.0, 0.0]]))
        circuit.program(np.linspace(1, 2, 12))
        alters = circuit._deck.alters
        monkeypatch.setattr(circuit._deck, "alters", [*alters[:6], alters[5], *alters[7:]])
        with pytest.raises(SimulationError, match="Kirchhoff"):
            circuit.measure(Drive([[1.0, 0.0]]))
        monkeypatch.undo()
        reference = ExactCircuit(circuit.network)
        reference.program(circuit.conductances)
        drive = Drive([[1.0, 0.0]])
        np.testing.assert_allclose(voltages(circuit, drive), voltages(reference, drive), atol=1e-13)  # loaded afresh


def test_a_failing_command_is_an_error_and_the_next_phase_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    with NgspiceCircuit(kite()) as circuit:
        circuit.measure(Drive([[1.0, 0.0]]))
        circuit.program(np.linspace(1, 2, 6))
        monkeypatch.setattr(circuit._deck, "alters", ["alter rnone=%.17g"] * 6)
        with pytest.raises(SimulationError, match="could not set a value"):
            circuit.measure(Drive([[1.0, 0.0]]))
        monkeypatch.undo()
        reference = ExactCircuit(circuit.network)
        reference.program(circuit.conductances)
        drive = Drive([[1.0, 0.0]])
        np.testing.assert_allclose(voltages(circuit, drive), voltages(reference, drive), atol=1e-13)


def test_ngspice_that_gave_up_is_opened_again() -> None:
    with NgspiceCircuit(kite()) as circuit:
        before = voltages(circuit, Drive([[1.0, 0.0]]))
        generation = session().generation
        with pytest.raises(SimulationError, match="cannot read"):  # "ngspice.dll cannot recover": for ever, in that library
            session().run(lambda shared: session().add(shared, object(), ["t", "r1 a 0 {nope}", "v1 a 0 1", ".end"]))
        np.testing.assert_array_equal(voltages(circuit, Drive([[1.0, 0.0]])), before)
        assert session().generation == generation + 1


def _child(queue: multiprocessing.SimpleQueue) -> None:  # type: ignore[type-arg]
    with NgspiceCircuit(kite()) as circuit:
        queue.put(train(circuit, TASK, EquilibriumPropagation(), steps=5, learning_rate=0.5).conductances)


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_forked_child_has_an_ngspice_of_its_own() -> None:
    with NgspiceCircuit(kite()) as circuit:
        circuit.measure(Drive([[1.0, 0.0]]))
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        child = context.Process(target=_child, args=(queue,))
        child.start()
        here = train(circuit, TASK, EquilibriumPropagation(), steps=5, learning_rate=0.5).conductances
        child.join()
        np.testing.assert_array_equal(queue.get(), here)


def test_memory_stays_flat_over_thousands_of_steps() -> None:
    process = psutil.Process()
    with NgspiceCircuit(kite([1, 1.5, 1.3, 1, 1, 1.7])) as circuit:
        rule = CoupledLearning(symmetric=True)
        grown = []
        for _ in range(4):
            before = process.memory_info().rss
            train(circuit, TASK, rule, steps=1000, learning_rate=0.5)
            grown.append(process.memory_info().rss - before)
        assert min(grown) < 0.8e6  # a leak of 800 bytes a step shows in each thousand


INTERRUPTED = """
import sys, time, signal
from hwlearn import *
from hwlearn.network.builders import grid
size, samples = int(sys.argv[1]), int(sys.argv[2])
circuit = NgspiceCircuit(grid(size, size, outputs=["n1_1"]))
try:
    print("ready", flush=True)
    circuit.measure(Drive([[1.0, 0.0]] * samples))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child")
@pytest.mark.parametrize(("size", "samples"), [(200, 1), (30, 200_000)], ids=["one long ordering", "a long sweep"])
def test_ctrl_c_ends_a_measurement(size: int, samples: int) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(size), str(samples)]
    with subprocess.Popen(interruptible(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        before = psutil.Process(process.pid).cpu_times().user
        wait_until(lambda: psutil.Process(process.pid).cpu_times().user > before + 0.3, process)  # it measures
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        _, err = ended(process)
        assert (process.returncode, err) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="no timers that interrupt")
def test_an_interrupted_circuit_goes_on_afterwards() -> None:
    with NgspiceCircuit(kite()) as circuit:
        drive = Drive([[1.0, 0.0]] * 200_000)

        def interrupt(number: int, frame: object) -> None:
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            with pytest.raises(KeyboardInterrupt):  # noqa: PT012
                signal.setitimer(signal.ITIMER_REAL, 0.2)
                circuit.measure(drive)
        finally:
            signal.signal(signal.SIGALRM, before)
        drive = Drive([[1.0, 0.0]])
        np.testing.assert_allclose(voltages(circuit, drive), voltages(ExactCircuit(kite()), drive), atol=1e-14)


def test_klu_is_used_where_the_library_has_it_and_only_there() -> None:
    network = grid(6, 6, np.random.default_rng(0).uniform(1e-4, 1e-2, 60), outputs=["n2_3", "n4_1"])
    with NgspiceCircuit(network) as circuit:
        said = session().run(_version)
        measured = circuit.measure(Drive([[1.0, 0.0]]))
        assert measured.provenance.endswith("(KLU)" if "KLU" in said else "(Sparse)")
        circuit.program(network.conductances[::-1].copy())  # pivots were chosen for other values, and for open outputs
        reference = ExactCircuit(network)
        reference.program(circuit.conductances)
        for outputs in (Hold([[0.2, 0.7]]), Inject([[1e-4, -1e-4]])):
            drive = Drive([[0.3, -0.5]], outputs)
            np.testing.assert_allclose(voltages(circuit, drive), voltages(reference, drive), atol=1e-12)


def _version(shared: Shared) -> str:
    shared.command("version -f")
    return " ".join(shared.messages[0])


def test_the_deck_asks_for_klu_only_if_told_that_it_is_there() -> None:
    deck = Deck(kite())
    assert [line for line in deck.lines(klu=True) if line not in deck.lines(klu=False)] == [".options klu"]


def test_a_missing_library_names_the_command() -> None:
    with pytest.raises(LibraryNotFoundError, match="does not exist"):
        find_library(environ={"NGSPICE_LIBRARY_PATH": "/nowhere/libngspice.so"})
    assert find_library(environ={"NGSPICE_LIBRARY_PATH": "mine.so"}) == "mine.so"
    for platform, command in (("darwin", "brew install libngspice"), ("win32", "ngspice.dll")):
        with pytest.raises(LibraryNotFoundError, match=command):
            find_library(platform=platform, environ={})
    assert "ngspice" in find_library()


def test_errors_are_told_from_notes() -> None:
    notes = [
        "Note: No compatibility mode selected!",
        "Doing analysis at TEMP = 27.000000 and TNOM = 27.000000",
        "Using SPARSE 1.3 as Direct Linear Solver",
        "Note: can't find the initialization file spinit.",
        "1 : condition met: stop  after 2",
        "doAnalyses: pause requested",
        "dc simulation interrupted",
        "Warning: losing old state for circuit 'open'",
        "Reducing trtol to 1 for xspice 'A' devices",
    ]
    assert failures(notes) == []
    errors = [
        "Error: no such device or model name rnone",
        "Warning: singular matrix:  check nodes x and y",
        "Note: Starting dynamic gmin stepping",
        "Error on line 4 or its substitute:",
        "doAnalyses: iteration limit reached",
        "run simulation not started",
    ]
    assert failures(errors) == errors


@pytest.mark.parametrize(
    ("token", "value"),
    [("1k", 1e3), ("1MEG", 1e6), ("1M", 1e-3), ("2.5e-3", 2.5e-3), ("1e3ohm", 1e3), ("1k5", 1e3), (".5n", 5e-10)],
)
def test_numbers_are_read_as_ngspice_reads_them(token: str, value: float) -> None:
    assert parse_number(token) == pytest.approx(value, rel=1e-12)
    read = session().run(lambda shared: _resistance(shared, token))
    assert read == pytest.approx(value, rel=1e-12)


def _resistance(shared: object, token: str) -> float:
    deck = object()
    session().add(shared, deck, ["t", f"r1 a 0 {token}", "v1 a 0 1", ".end"])  # type: ignore[arg-type]
    value = float(shared.vectors([b"@r1[resistance]"], 1)[0, 0])  # type: ignore[attr-defined]
    session().remove(shared, deck)  # type: ignore[arg-type]
    return value


def test_numbers_survive_writing() -> None:
    for value in (np.float64(0.1) + np.float64(0.2), 1e-300, 12345.678):
        assert float(write_number(value)) == value
    assert parse_number("abc") is None


def test_importing_hwlearn_imports_neither_pyspice_nor_matplotlib() -> None:
    heavy = ("PySpice", "pyvisa", "matplotlib")
    code = f"import sys, hwlearn; hwlearn.Network; hwlearn.ExactCircuit; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_island_is_found_before_ngspice_invents_a_voltage() -> None:
    with pytest.raises(NetworkError, match="island"):
        Network.from_edges([("a", "b"), ("c", "d")], inputs=["a"], outputs=["c"])
