"""`ImperfectCircuit`: any circuit, with imperfections."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array, seed_of
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Hold, Inject, Open, Outputs
from hwlearn.circuits.imperfect.effect import Effect
from hwlearn.circuits.imperfect.measurement import ImperfectMeasurement
from hwlearn.circuits.ledger import Ledger
from hwlearn.circuits.measurement import Measurement
from hwlearn.network import Network

LEAST = 1e-12
"""What an effect makes negative, or zero, of an edge that is there, is this part of the wanted conductance."""


class ImperfectCircuit(Circuit):
    """A circuit that does not quite do what it is told, and does not quite say what it does.

    `conductances` is what it believes; what it has is `real`, and that is what answers, and dissipates. Offsets, tolerances
    and the like are drawn once from the seed; noise from the seed and the number of the measurement, so that equal runs give
    equal readings.

    Args:
        inside: the circuit that is wrapped, and closed with this one.
        effects: in the order in which they act.
        seed: of everything random.

    Attributes:
        inside: the circuit as it truly is: another one than was given, `alike`, where edges are not there.

    Raises:
        HwlearnError: a node hangs on edges only that are not there; edges are missing that this kind of circuit cannot miss.
    """

    pulls = True

    def __init__(self, inside: Circuit, *effects: Effect, seed: int = 0) -> None:
        super().__init__(inside.network)
        self.seed = seed_of(seed)
        self.effects = tuple(deepcopy(effect) for effect in effects)
        self.name = f"imperfect {inside.name}"
        self._conductances = inside.conductances
        self._calls = 0
        ends = [(port.plus, port.minus) for port in self.network.outputs]
        index = self.network.node_index
        self._ends = np.array([[index.get(node, -1) for node in pair] for pair in ends], dtype=np.intp).reshape(-1, 2)
        for number, effect in enumerate(self.effects):
            effect.begin(self.network, inside.bounds, np.random.default_rng((seed, number)))
        self._given, self.inside = inside, self._built(inside)
        there = set(self.inside.network.edge_names)
        self._there = np.array([name in there for name in self.network.edge_names], dtype=bool)
        believed, self._real = self._made_of(inside.conductances)
        if (self._real[self._there] != self.inside.conductances).any():
            self.program(believed)

    def _built(self, inside: Circuit) -> Circuit:
        """The circuit with only the edges that are truly there."""
        there = self.network
        for effect in self.effects:
            there = effect.built(there)
        return inside if there is self.network else inside.alike(there)

    @property
    def codes(self) -> NDArray[np.intp] | None:
        inside = self.inside.codes
        if inside is None:
            return None
        codes = np.full(len(self.network.edges), -1, dtype=np.intp)
        codes[self._there] = inside
        return codes

    @property
    def ledger(self) -> Ledger | None:
        return self.inside.ledger

    @property
    def strayed(self) -> Array:
        strayed = np.zeros(len(self.network.edges))
        strayed[self._there] = self.inside.strayed
        return strayed

    def heeded(self, direction: Array) -> Array:
        heeded = np.ones_like(direction)
        heeded[self._there] = self.inside.heeded(direction[self._there])
        return heeded

    @property
    def bounds(self) -> tuple[Array, Array]:
        bounds = self._given.bounds
        for effect in self.effects:
            bounds = effect.within(bounds)
        return bounds

    @property
    def real(self) -> Array:
        """(E,) S: what the edges truly have now; 0 where there is none."""
        return self._real.copy()

    @property
    def there(self) -> Network:
        """What is truly there now: `network` without what is missing, with the conductances that it has."""
        return self.inside.network.with_conductances(self.inside.conductances)

    def provenance(self) -> dict[str, Any]:
        kinds = [type(effect).__name__ for effect in self.effects]
        return {**self.inside.provenance(), "backend": self.name, "imperfections": kinds}

    def celsius(self) -> dict[str, float]:
        return self.inside.celsius()

    def snapshot(self) -> dict[str, Array]:
        own = {"calls": np.array(float(self._calls))}
        for number, effect in enumerate(self.effects):
            own |= {f"{number}.{name}": value for name, value in effect.snapshot().items()}
        return own | {f"inside.{name}": value for name, value in self.inside.snapshot().items()}

    def restore(self, snapshot: Mapping[str, Array]) -> None:
        self._calls = int(snapshot["calls"])
        for number, effect in enumerate(self.effects):
            effect.restore(_below(snapshot, f"{number}."))
        self.inside.restore(_below(snapshot, "inside."))

    def _program(self, conductances: Array) -> Array:
        believed, self._real = self._made_of(conductances)
        self.inside.program(self._real[self._there])
        return np.array(believed)

    def _made_of(self, wanted: Array) -> tuple[Array, Array]:
        """(E,) S that the circuit believes it has, and (E,) S that it has, when told `wanted`."""
        believed, real = wanted, wanted
        for effect in self.effects:
            believed = effect.believed(believed)
            real = effect.real(real, wanted)
        return believed, np.where(self._there, np.where(real > 0, real, LEAST * wanted), 0.0)

    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> Measurement:
        nominal, current = outputs, None
        if imposed is not None and not isinstance(outputs, Open):
            values = imposed
            for effect in self.effects:
                values = effect.imposed(values, outputs)
            nominal = outputs.imposing(values)
            current = imposed if isinstance(outputs, Inject) else None
        got = self.inside.measure(Drive(inputs, nominal))
        random = np.random.default_rng((self.seed, len(self.effects), self._calls))
        self._calls += 1
        true = got.node_voltages
        read, currents, noise = true, got.output_currents if current is None else current, got.noise**2
        for effect in self.effects:
            read = effect.read(read, random)
            if isinstance(outputs, Hold):
                currents = effect.read_currents(currents, random)
            noise += effect.noise**2
        volts = got.output_voltages
        if read is not true:
            # An output is read by the channels of its two nodes; ground and nodes that nobody reads add nothing.
            error = np.hstack((np.nan_to_num(read - true), np.zeros((len(read), 1))))
            volts = volts + error[:, self._ends[:, 0]] - error[:, self._ends[:, 1]]
        return ImperfectMeasurement(
            self.network,
            self._conductances,
            read,
            volts,
            currents,
            got.input_currents,
            float(np.sqrt(noise)),
            f"imperfect {got.provenance}",
            true=got,
        )

    def _close(self) -> None:
        self.inside.close()
        self._given.close()


def _below(snapshot: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {name.removeprefix(prefix): value for name, value in snapshot.items() if name.startswith(prefix)}
