"""`NgspiceCircuit`: the network in ngspice, as a shared library in this process."""

from __future__ import annotations

import time
import weakref
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Hold, Open, Outputs, Pull
from hwlearn.circuits.measurement import Measurement, SampledMeasurement
from hwlearn.circuits.ngspice.deck import SWEEP, Deck, drive, sense
from hwlearn.circuits.ngspice.kirchhoff import Kirchhoff
from hwlearn.circuits.ngspice.pace import Pace
from hwlearn.circuits.ngspice.trial import try_deck
from hwlearn.circuits.ngspice.workers import Team, cores
from hwlearn.circuits.trust import decades_apart
from hwlearn.circuits.verified import Verified
from hwlearn.errors import ConvergenceError, ModelError, SimulationError
from hwlearn.network import Network
from hwlearn.spice.commands import joined
from hwlearn.spice.messages import failures, is_unconverged, summary
from hwlearn.spice.session import forget, session
from hwlearn.text import GROUND, write_number

if TYPE_CHECKING:
    from hwlearn.spice.shared import Shared

PLOT_BYTES = 64e6  # a sweep that has stored this much is started afresh
STALE = "jmz"
"""Field-effect transistors, whose current ngspice may keep from a step before: it limits the voltages at which it evaluates
them without telling Newton's method. Each sample is simulated again from where it ended, and the second answer taken."""

AT_ONCE = 2**20
"""Numbers of the samples that are handed to ngspice and read together, which bounds the memory."""

CHUNK = 64  # sweep points between two looks at an interrupt


class NgspiceCircuit(Circuit):
    """A network simulated by ngspice. Takes every netlist element that ngspice takes.

    With nonlinear elements, Newton's tolerances are tightened (`deck.TOLERANCES`) unless the netlist's `.options` set them.
    Where it does not converge, they are loosened in steps; the provenance tells the one that was reached.

    The deck is loaded once. All samples of a phase are points of one sweep whose sources are fed from here; the sweep is
    paused after each phase and continued by the next, so that the matrix is ordered once per training. Conductances,
    and the settings of other devices, are set by `alter`, joined into long command lines, and only where they changed.

    The matrix is solved by KLU where the library has it, else by Sparse 1.3; a measurement's provenance tells by which.

    Several of these share the one ngspice of the process; alternating between them restarts sweeps, which is correct but slow.
    Ctrl-C is answered at once.

    Args:
        processes: that share the samples of a phase, this one and workers with an ngspice each, started when first needed.
            None: one, unless several were measured to be faster for the phases at hand; never in a worker of a sweep. A
            nonlinear circuit is split only when asked: Newton starts at the sample before, so it agrees to its tolerances.

    Raises:
        ModelError: fewer than one process.
        LibraryNotFoundError: libngspice is missing.
        SimulationError: ngspice cannot read the deck.
    """

    name = "ngspice"
    pulls = True

    def __init__(self, network: Network, processes: int | None = None) -> None:
        super().__init__(network)
        if processes is not None and processes < 1:
            raise ModelError(f"processes is {processes}; give at least 1, or None for what pays")
        self._processes = processes
        self._pace = Pace(processes, may_split=network.linear)
        self._team = Team(network)
        self._deck = Deck(network)
        self._read = [k for k, name in enumerate(self._deck.nodes) if name != GROUND]
        self._voltage_inputs = np.flatnonzero([source.kind == "voltage" for source in network.inputs])
        branches = [f"{self._deck.inputs[k]}#branch" for k in self._voltage_inputs.tolist()]
        self._vectors = [name.encode() for name in (*(self._deck.nodes[k] for k in self._read), *branches)]
        self._senses = [f"{sense(k)}#branch".encode() for k in range(len(network.outputs))]
        self._fed = [name.encode() for name in (*self._deck.inputs, *map(drive, range(len(network.outputs))))]
        self._port_signs = network.port_incidence.toarray()
        self._kirchhoff = Kirchhoff(network, self._port_signs)
        self._verified = Verified(network) if network.linear else None
        self._max_points = max(
            1, int(PLOT_BYTES / 8 / (len(network.nodes) + len(self._deck.inputs) + 3 * len(self._senses) + 2))
        )
        self._numbers = len(self._fed) + len(self._vectors) + len(self._senses)  # of a sample
        self._solver, self._step = "", 0
        self._times = 2 if any(element.name[:1].lower() in STALE for element in network.elements) else 1
        self._reset()
        self._loosen_until_it_ends()
        session().run(self._select)
        weakref.finalize(self, forget, self._deck)
        weakref.finalize(self, self._team.end)

    def alike(self, network: Network) -> NgspiceCircuit:
        return NgspiceCircuit(network, self._processes)

    def provenance(self) -> dict[str, Any]:
        version = session().run(lambda shared: str(shared.ngspice_version))
        return {"backend": self.name, "version": version, "solver": self._solver} | self._deck.tolerances[self._step]

    def _reset(self) -> None:
        """Forget what ngspice was told: it holds the deck as written, with open outputs and no sweep."""
        self._written = self.network.conductances
        self._gains = 0.0, 0.0
        self._points = 0
        self._changing, self._lines = np.zeros(0, dtype=np.intp), list[tuple[str, slice]]()

    def _program(self, conductances: Array) -> Array:
        return conductances

    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> Measurement:
        start, samples = time.perf_counter(), len(inputs)
        processes = self._pace.processes(samples, cores())
        if processes == 1:
            measured = self._here(inputs, outputs, imposed)
        else:
            ends = [samples * k // processes for k in range(processes + 1)]
            shares = [_drive(inputs, outputs, imposed, slice(*pair)) for pair in pairwise(ends)]
            measured = self._team.measure(
                self._conductances, shares, lambda share: self._here(share.inputs, share.outputs, share.outputs.imposed)
            )
        self._pace.took(samples, processes, time.perf_counter() - start)
        if self._pace.refused:
            self._team.end()
        return measured

    def _here(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> SampledMeasurement:
        together = max(1, AT_ONCE // self._numbers)
        parts = [slice(first, first + together) for first in range(0, len(inputs), together)]
        found = [self._part(inputs[part], outputs, None if imposed is None else imposed[part]) for part in parts]
        return found[0] if len(found) == 1 else SampledMeasurement.joined(found)

    def _part(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> SampledMeasurement:
        conductances = self._conductances
        while True:
            try:
                return session().run(lambda shared: self._phase(shared, conductances, inputs, outputs, imposed))
            except ConvergenceError as error:
                if self._step + 1 == len(self._deck.tolerances):
                    raise self._unconverged(error) from None
                self._step += 1
                self._loosen_until_it_ends()

    def _loosen_until_it_ends(self) -> None:
        """Go to the first tolerances from the present ones on with which ngspice ends."""
        last = len(self._deck.tolerances) - 1
        while not try_deck(self.network, self._deck.lines(klu=False, step=self._step), self._fed, patient=self._step == last):
            self._step += 1

    def _unconverged(self, error: ConvergenceError) -> ConvergenceError:
        reached = self._deck.tolerances[-1].get("reltol")
        tried = "" if reached is None else f"; reltol up to {reached:g} was tried"
        return ConvergenceError(
            f"{error}{tried}. Give the netlist a .nodeset, or .options such as reltol=1e-4, gmin=1e-10 or itl1=1000; a node "
            "that only capacitors and gates touch needs a resistor to ground",
            error.lines,
        )

    def _phase(
        self, shared: Shared, conductances: Array, inputs: Array, outputs: Outputs, imposed: Array | None
    ) -> SampledMeasurement:
        count, sensed = len(inputs), isinstance(outputs, Hold | Pull)
        try:
            self._select(shared)
            self._alter(shared, conductances, outputs)
            if imposed is None:
                feed = np.zeros((count, len(self._senses)))
            else:
                feed = imposed * self._gains[1] if sensed else imposed
            self._sweep(shared, np.hstack([inputs, feed]).repeat(self._times, axis=0).tolist())
            wanted = self._vectors + self._senses if sensed else self._vectors
            found = shared.vectors(wanted, count * self._times)[:, self._times - 1 :: self._times].T
            nodes, known = len(self._read), len(self._vectors)
            if nodes == len(self._deck.nodes):
                measured = found[:, :nodes].copy()
            else:
                measured = np.zeros((count, len(self._deck.nodes)))
                measured[:, self._read] = found[:, :nodes]
            input_currents = inputs.copy()
            input_currents[:, self._voltage_inputs] = -found[:, nodes:known]
            currents = found[:, known:].copy() if sensed else feed
            self._kirchhoff.check(conductances, measured[-1], inputs[-1], currents[-1])
            if self._verified is not None:
                self._verified.check(conductances, measured[-1], inputs[-1], currents[-1])
                self._verified.improve(input_currents, conductances, measured, inputs, currents)
        except SimulationError:
            session().remove(shared, self._deck)  # whatever state it is in, it is not used again
            raise
        loosened = f", reltol {self._deck.tolerances[self._step]['reltol']:g}" if self._step else ""
        version = f"ngspice {shared.ngspice_version} ({self._solver}{loosened})"
        seen = measured @ self._port_signs.T
        return SampledMeasurement(self.network, conductances, measured, seen, currents, input_currents, provenance=version)

    def _select(self, shared: Shared) -> None:
        """Make the deck current; load it if ngspice does not have it (any more)."""
        at = session()
        if self._deck not in at.decks:
            self._reset()
            at.add(shared, self._deck, self._deck.lines(klu=shared.has_klu, step=self._step), self.network.dialect)
            shared.forget()
        at.make_current(shared, self._deck)

    def _alter(self, shared: Shared, conductances: Array, outputs: Outputs) -> None:
        if conductances is not self._written:
            self._alter_edges(shared, conductances)
        wanted = _gains(outputs, conductances)
        if wanted != self._gains:
            gains = [f"{name} gain={write_number(gain)}" for name, gain in zip(("fhwl_%d", "ghwl_%d"), wanted, strict=True)]
            for line, _ in joined([f"alter {gain % k}" for k in range(len(self._senses)) for gain in gains]):
                shared.command(line)
        self._raise_failures(shared, "set a value")
        self._written, self._gains = conductances, wanted

    def _alter_edges(self, shared: Shared, conductances: Array) -> None:
        changed = np.flatnonzero(conductances != self._written)
        if not np.array_equal(changed, self._changing):
            self._changing, self._lines = changed, joined([self._deck.alters[k] for k in changed.tolist()])
        values = self._deck.values(changed, conductances[changed])
        for line, part in self._lines:
            shared.command(line % tuple(values[part]))

    def _sweep(self, shared: Shared, rows: list[list[float]]) -> None:
        at, count = session(), len(rows)
        fresh = at.sweeping is not self._deck or self._points + count > self._max_points
        shared.feed(self._fed, rows)
        done = 0
        while done < count:
            if at.interrupted.is_set():
                at.sweeping = None
                raise SimulationError("the simulation was interrupted")
            size = min(CHUNK, count - done)
            if fresh:
                shared.command("destroy all")
                self._points, fresh = 0, False
                shared.command(f"stop after {size}")
                at.sweeping = self._deck
                shared.command(f"dc {SWEEP} 0 1e9 1")
                self._solver = "KLU" if any("Using KLU" in line for line in shared.messages[0]) else "Sparse"
                shared.command("delete all")
                if 0 < shared.points < size:  # stopped by the step count of another sweep, one that failed
                    shared.command(f"step {size - shared.points}")
            else:
                shared.command(f"step {size}")
            done += size
            if shared.points != done:
                self._raise_failures(shared, "simulate the circuit")
                last = summary(shared.messages[1][-3:])
                raise SimulationError(f"ngspice simulated {shared.points} samples of {done}: {last}")
        self._points += count
        self._raise_failures(shared, "simulate the circuit")

    def _raise_failures(self, shared: Shared, doing: str) -> None:
        bad = failures(shared.messages[1], nonlinear=not self.network.linear)
        if bad:
            singular = self.network.linear and any("singular" in line for line in bad)
            why = f"; {decades_apart(self.network, self._conductances)}" if singular else ""
            kind = ConvergenceError if is_unconverged(bad) and not self.network.linear else SimulationError
            raise kind(f"ngspice could not {doing}: {summary(bad)}{why}", bad)

    def _close(self) -> None:
        self._team.end()
        forget(self._deck)


def _gains(outputs: Outputs, conductances: Array) -> tuple[float, float]:
    """f and γ of the deck, for what is done at the outputs."""
    if isinstance(outputs, Pull):
        return 0.0, outputs.conductance
    if isinstance(outputs, Hold):
        return 1.0, float(np.exp(np.log(conductances).mean())) if len(conductances) else 1.0
    return 0.0, 0.0


def _drive(inputs: Array, outputs: Outputs, imposed: Array | None, share: slice) -> Drive:
    if isinstance(outputs, Open) or imposed is None:
        return Drive(inputs[share])
    return Drive(inputs[share], outputs.imposing(imposed[share]))
