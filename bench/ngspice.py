"""One training step in ngspice against the bare commands that it needs and against what one would otherwise write.

    python bench/ngspice.py [step] [processes]

step: all resistors set, S samples measured free and nudged; and a step of `train` (EP, one-sided, two outputs); over
  bare: the same commands given straight to libngspice: `alter` lines, paused sweep, vectors copied, nothing checked;
  PySpice: one `operating_point()` per sample and phase. All in ms per step.
processes: a phase of S samples, resistors set anew, shared by two processes, over the same in one; seconds of the clock.

The sides take turns, so that a busy machine slows all; numbers are medians, of CPU time in `step`. The bare side has a copy of
the library, which has globals of its own; PySpice has a process of its own.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import logging  # noqa: E402
import multiprocessing  # noqa: E402
import shutil  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from multiprocessing.connection import Connection  # noqa: E402

import cffi  # noqa: E402
import numpy as np  # noqa: E402
from step import NUDGE, RATE, lattice, timed  # noqa: E402

from hwlearn import Drive, EquilibriumPropagation, ExactCircuit, Inject, Network, NgspiceCircuit, Task, train  # noqa: E402
from hwlearn.circuits.ngspice.deck import SWEEP, Deck, drive  # noqa: E402
from hwlearn.spice.library import find_library  # noqa: E402
from hwlearn.spice.session import session  # noqa: E402

MILLI_NUDGE = 1e-3 * NUDGE  # conductances are of the order of 1e-3 S here

API = """
typedef struct { char *name; int type; short flags; double *real; void *complex; int length; } vector;
typedef int (text)(char *, int, void *);
typedef int (leave)(int, bool, bool, int, void *);
typedef int (data)(void *, int, int, void *);
typedef int (plot)(void *, int, void *);
typedef int (thread)(bool, int, void *);
typedef int (source)(double *, double, char *, int, void *);
int ngSpice_Init(text *, text *, leave *, data *, plot *, thread *, void *);
int ngSpice_Init_Sync(source *, source *, void *, int *, void *);
int ngSpice_Command(char *);
int ngSpice_Circ(char **);
vector *ngGet_Vec_Info(char *);
"""


class Bare:
    """libngspice with the callbacks that a fed sweep cannot do without: a count of points, and what a source delivers."""

    def __init__(self, lines: list[str]) -> None:
        self.ffi = ffi = cffi.FFI()
        ffi.cdef(API)
        with tempfile.NamedTemporaryFile() as copy:
            shutil.copyfile(find_library(), copy.name)
            self.library = library = ffi.dlopen(copy.name)
        self.points, self.table = 0, dict[bytes, list[float]]()

        def count(*_: object) -> int:
            self.points += 1
            return 0

        def deliver(value: cffi.FFI.CData, _time: float, name: cffi.FFI.CData, *_: object) -> int:
            column = self.table[ffi.string(name)]
            value[0] = column[min(self.points, len(column) - 1)]
            return 0

        def silent(*_: object) -> int:
            return 0

        quiet = {kind: ffi.callback(f"{kind} *", silent) for kind in ("text", "leave", "plot", "thread")}
        counting, feeding = ffi.callback("data *", count), ffi.callback("source *", deliver)
        library.ngSpice_Init(quiet["text"], quiet["text"], quiet["leave"], counting, quiet["plot"], quiet["thread"], ffi.NULL)
        library.ngSpice_Init_Sync(feeding, feeding, ffi.NULL, ffi.new("int *", 0), ffi.NULL)
        rows = [ffi.new("char[]", line.encode()) for line in lines]
        library.ngSpice_Circ(ffi.new("char *[]", [*rows, ffi.NULL]))
        self._kept = quiet, counting, feeding, rows

    def command(self, text: str) -> None:
        self.library.ngSpice_Command(text.encode())

    def read(self, names: list[bytes], samples: int) -> np.ndarray:
        """(names, samples): the last points of each vector."""
        values, find, size = np.empty((len(names), samples)), self.library.ngGet_Vec_Info, 8 * samples
        for k, name in enumerate(names):
            info = find(name)
            if samples == 1:
                values[k] = info.real[info.length - 1]
            else:
                self.ffi.memmove(values[k], info.real + (info.length - samples), size)
        return values


def bare(network: Network, task: Task, steps: int) -> Callable[[], float]:
    """The commands of a step, and what they answer."""
    deck, samples = Deck(network), len(task)
    ngspice = Bare(deck.lines(klu=session().run(lambda shared: shared.has_klu)))
    nodes = [name.encode() for name in deck.nodes]
    branches = [f"{name}#branch".encode() for name in deck.inputs]
    feeds, drives = [name.encode() for name in deck.inputs], [drive(k).encode() for k in range(len(network.outputs))]
    inputs = dict(zip(feeds, task.inputs.T.tolist(), strict=True))
    free, nudged = (inputs | {name: [current] * samples for name in drives} for current in (0.0, MILLI_NUDGE))
    random = np.random.default_rng(3)
    started = False

    def program(conductances: np.ndarray) -> None:
        alters = [alter % r for alter, r in zip(deck.alters, (1 / conductances).tolist(), strict=True)]
        per_line = 1000 // (max(map(len, alters)) + 1)
        for k in range(0, len(alters), per_line):
            ngspice.command(";".join(alters[k : k + per_line]))

    def phase(table: dict[bytes, list[float]]) -> np.ndarray:
        nonlocal started
        ngspice.table, ngspice.points = table, 0
        if started:
            ngspice.command(f"step {samples}")
        else:
            for command in (f"stop after {samples}", f"dc {SWEEP} 0 1e9 1", "delete all"):
                ngspice.command(command)
            started = True
        ngspice.read(branches, samples)
        return ngspice.read(nodes, samples)

    def run() -> None:
        for _ in range(steps):
            program(network.conductances * random.uniform(0.9, 1.1, len(network.edges)))
            phase(free)
            phase(nudged)
        ngspice.library.ngSpice_Command(ngspice.ffi.NULL)  # forgets the history of commands

    run()
    program(network.conductances)
    expected = ExactCircuit(network).measure(Drive(task.inputs, Inject([[MILLI_NUDGE] * len(drives)])))
    np.testing.assert_allclose(phase(nudged).T, expected.node_voltages, rtol=1e-9)
    return timed(steps, run)


def operating_points(network: Network, task: Task, steps: int) -> Callable[[], float]:
    """The step as one would write it with PySpice: a circuit, a simulator and an operating point per sample and phase."""
    logging.disable(logging.CRITICAL)
    os.environ.setdefault("NGSPICE_LIBRARY_PATH", find_library())
    from PySpice.Spice.Netlist import Circuit as Netlist

    outputs = [port.plus for port in network.outputs]

    def phase(g: np.ndarray, inputs: np.ndarray, currents: np.ndarray) -> dict[str, float]:
        netlist = Netlist("grid")
        for k, edge in enumerate(network.edges):
            netlist.R(k, edge.tail, edge.head, 1 / float(g[k]))
        for k, source in enumerate(network.inputs):
            netlist.V(k, source.plus, netlist.gnd, float(inputs[k]))
        for k, node in enumerate(outputs):
            netlist.I(k, netlist.gnd, node, float(currents[k]))
        analysis = netlist.simulator(temperature=27, nominal_temperature=27).operating_point()
        return {name: float(np.asarray(value)[0]) for name, value in analysis.nodes.items()}

    def run() -> None:
        g = network.conductances
        for _ in range(steps):
            change = np.zeros(len(g))
            for inputs, targets in zip(task.inputs, task.targets, strict=True):
                free = phase(g, inputs, np.zeros(len(outputs)))
                error = np.array([free[node] for node in outputs]) - targets
                nudged = phase(g, inputs, -MILLI_NUDGE * error)
                drops, after = (np.array([v[e.tail] - v[e.head] for e in network.edges]) for v in (free, nudged))
                change -= (after**2 - drops**2) / (2 * MILLI_NUDGE) / len(task)
            g = np.clip(g + RATE * change, network.lower, network.upper)

    return timed(steps, run)


def measured(circuit: NgspiceCircuit, task: Task, steps: int) -> Callable[[], float]:
    """The measurements of a step."""
    network, random = circuit.network, np.random.default_rng(3)
    free = Drive(task.inputs)
    nudged = Drive(task.inputs, Inject(np.full((len(task), len(network.outputs)), MILLI_NUDGE)))

    def run() -> None:
        for _ in range(steps):
            circuit.program(network.conductances * random.uniform(0.9, 1.1, len(network.edges)))
            circuit.measure(free)
            circuit.measure(nudged)

    return timed(steps, run)


def trained(circuit: NgspiceCircuit, task: Task, steps: int) -> Callable[[], float]:
    """The step of `train`, always from the same start, so that every resistor changes."""

    def run() -> None:
        circuit.program(circuit.network.conductances)
        train(circuit, task, EquilibriumPropagation(MILLI_NUDGE), steps=steps - 1, learning_rate=RATE)

    return timed(steps, run)  # with the two measurements around them, n − 1 steps have as many phases as n


class InProcess:
    """A timing of PySpice's, which can't share a process with another user of the library."""

    def __init__(self, network: Network, task: Task) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, network, task), daemon=True)
        self._process.start()

    def __call__(self) -> float:
        self._here.send(True)
        return float(self._here.recv())

    def close(self) -> None:
        self._here.send(False)
        self._process.join()


def _serve(pipe: Connection, network: Network, task: Task) -> None:
    run = operating_points(network, task, 1)
    while pipe.recv():
        pipe.send(run())


def step() -> None:
    print(
        f"{'grid':8}{'S':>4}{'bare':>9}{'measured':>10}{'/ bare':>8}{'trained':>9}{'/ bare':>8}{'PySpice':>9}{'/ trained':>11}"
    )
    for n, samples, steps, turns in ((10, 1, 20, 31), (10, 16, 10, 31), (30, 1, 8, 13), (30, 16, 4, 7)):
        network = lattice(n, unit=1e-3)
        random = np.random.default_rng(2)
        task = Task(random.uniform(0, 1, (samples, 2)), random.uniform(0.3, 0.7, (samples, 2)))
        circuit, other = NgspiceCircuit(network, processes=1), InProcess(network, task)
        sides = bare(network, task, steps), measured(circuit, task, steps), trained(circuit, task, steps)
        references = [other()]
        taken = np.array([[side() for side in sides] for _ in range(turns + 1)])[1:]
        references += [other()]
        (least, phases, whole), reference = 1e3 * np.median(taken, axis=0), 1e3 * np.median(references)
        ratios = np.median(taken / taken[:, :1], axis=0)
        print(
            f"{f'{n}×{n}':8}{samples:4}{least:9.2f}{phases:10.2f}{ratios[1]:8.2f}{whole:9.2f}{ratios[2]:8.2f}"
            f"{reference:9.1f}{reference / whole:11.1f}",
            flush=True,
        )
        circuit.close()
        other.close()


def processes() -> None:
    print(f"{'grid':8}{'S':>6}{'one ms':>10}{'two ms':>10}{'times faster':>15}{'10 … 90 %':>16}")
    random = np.random.default_rng(4)
    for n, turns in ((10, 15), (30, 5)):
        network = lattice(n, unit=1e-3)
        circuits = [NgspiceCircuit(network, processes=count) for count in (1, 2)]
        for samples in (16, 64, 256, 1000):
            shape = samples, 2
            phase = Drive(random.uniform(0, 1, shape), Inject(random.uniform(0, MILLI_NUDGE, shape)))
            rows = np.array([_phases(circuits, phase, random) for _ in range(turns + 1)])[1:]
            one, two = 1e3 * np.median(rows, axis=0)
            least, faster, most = np.percentile(rows[:, 0] / rows[:, 1], (10, 50, 90))
            print(f"{f'{n}×{n}':8}{samples:6}{one:10.1f}{two:10.1f}{faster:15.2f}{least:10.2f} … {most:.2f}", flush=True)


def _phases(circuits: list[NgspiceCircuit], phase: Drive, random: np.random.Generator) -> list[float]:
    """Seconds of a phase on each circuit, at new conductances."""
    seconds = []
    for circuit in circuits:
        circuit.measure(Drive(phase.inputs[:1]))  # the circuits share an ngspice here: this wakes its sweep
        circuit.program(circuit.network.conductances * random.uniform(0.9, 1.1, len(circuit.network.edges)))
        start = time.perf_counter()
        circuit.measure(phase)
        seconds.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    for topic in sys.argv[1:] or ["step", "processes"]:
        {"step": step, "processes": processes}[topic]()
