"""`MemristiveCircuit`: any circuit with memristors, whose states move with the phases that it is put through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Open, Outputs
from hwlearn.circuits.measurement import Measurement
from hwlearn.circuits.memristive.integration import moved
from hwlearn.circuits.memristive.measurement import MemristiveMeasurement
from hwlearn.circuits.memristive.programming import Exactly, Programming
from hwlearn.errors import HwlearnError
from hwlearn.network import Network
from hwlearn.network.devices import Memristor, Motions


class MemristiveCircuit(Circuit):
    """Each sample of a drive is applied for some time, in their order, and read at its end.

    While it is applied, the states follow dx/dt = f(x, v), with v the voltages of the whole circuit at the conductances that
    the states have then: the circuit inside is asked for them at each step of the integrator, programmed and measured. Its
    own capacitances count for nothing. A state is right to 1e-8 of its range after each sample. Where no state moves at all,
    as below the thresholds of `VTEAM`, all samples are measured at once.

    `conductances` is what the circuit was told; what it has is `real`, and that is what answers, and dissipates.

    Args:
        inside: the circuit that is wrapped, and closed with this one.
        seconds: how long each sample is applied.
        programming: how memristors get other conductances; exactly if not given.

    Attributes:
        states: (M,) of the memristors, in the order of the network's edges.

    Raises:
        HwlearnError: there is no memristor, a time that is none, or a programming that the devices cannot follow.
    """

    pulls = True

    def __init__(self, inside: Circuit, seconds: float = 0.0, programming: Programming | None = None) -> None:
        super().__init__(inside.network)
        found = {k: device for k, device in sorted(self.network.device_at.items()) if isinstance(device, Memristor)}
        if not found:
            raise HwlearnError("the network has no memristor: make edges of it IonDrift or VTEAM devices")
        if not 0 <= seconds < np.inf:
            raise HwlearnError(f"seconds is {seconds}; a sample is applied for a finite time, 0 or more")
        self.inside, self.seconds = inside, float(seconds)
        self.name = f"memristive {inside.name}"
        self._programming = Exactly() if programming is None else programming
        self._at, self._devices = np.array(list(found), dtype=np.intp), tuple(found.values())
        self._motions = Motions(self._devices)
        self._programming.begin(self._devices, self._motions)
        self._conductances = inside.conductances
        self._asked = self._conductances[self._at].copy()
        self.states = self._motions.states(self._asked)

    def alike(self, network: Network) -> MemristiveCircuit:
        return MemristiveCircuit(self.inside.alike(network), self.seconds, self._programming)

    @property
    def bounds(self) -> tuple[Array, Array]:
        return self.inside.bounds

    @property
    def real(self) -> Array:
        """(E,) S: what the edges have now."""
        return self._with(self.states)

    @property
    def strayed(self) -> Array:
        return self.real - self._conductances

    def heeded(self, direction: Array) -> Array:
        heeded = np.ones_like(direction)
        heeded[self._at] = self._programming.heeded(self.states, direction[self._at])
        return heeded

    @property
    def state_of(self) -> dict[str, float]:
        """The states, by names of the memristors."""
        return dict(zip((device.edge for device in self._devices), self.states.tolist(), strict=True))

    def provenance(self) -> dict[str, Any]:
        return {**self.inside.provenance(), "backend": self.name, "states": self.state_of}

    def snapshot(self) -> dict[str, Array]:
        own = {"states": self.states.copy(), "asked": self._asked.copy()}
        return own | {f"inside.{name}": value for name, value in self.inside.snapshot().items()}

    def restore(self, snapshot: Mapping[str, Array]) -> None:
        states, asked = np.array(snapshot["states"]), np.array(snapshot["asked"])
        if not states.shape == asked.shape == self.states.shape:
            raise HwlearnError("the snapshot is that of a circuit with other memristors: start anew")
        self.states, self._asked = states, asked
        self.inside.restore(
            {name.removeprefix("inside."): value for name, value in snapshot.items() if name.startswith("inside.")}
        )

    def _with(self, states: Array) -> Array:
        real = np.array(self._conductances)
        real[self._at] = self._motions.conductances(states)
        return real

    def _program(self, conductances: Array) -> Array:
        self.states, self._asked = self._programming.programmed(self.states, self._asked, conductances[self._at])
        return conductances

    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> Measurement:
        at_once = self._measured(self.states, _drive(inputs, outputs, imposed, slice(None)))
        drops = at_once.edge_drops()[:, self._at]
        if not self.seconds or not any(self._motions.rates(self.states, row).any() for row in drops):
            return MemristiveMeasurement.of(self.network, self._conductances, [at_once])
        parts = []
        for k in range(len(inputs)):
            sample = _drive(inputs, outputs, imposed, slice(k, k + 1))
            self.states = moved(lambda at, sample=sample: self._rates(at, sample), self.states, self.seconds)  # type: ignore[misc]
            parts.append(self._measured(self.states, sample))
        return MemristiveMeasurement.of(self.network, self._conductances, parts)

    def _rates(self, states: Array, sample: Drive) -> Array:
        states = np.clip(states, 0.0, 1.0)
        return self._motions.rates(states, self._measured(states, sample).edge_drops()[0, self._at])

    def _measured(self, states: Array, drive: Drive) -> Measurement:
        self.inside.program(self._with(states))
        return self.inside.measure(drive)

    def _close(self) -> None:
        self.inside.close()


def _drive(inputs: Array, outputs: Outputs, imposed: Array | None, chosen: slice) -> Drive:
    if imposed is None or isinstance(outputs, Open):
        return Drive(inputs[chosen])
    return Drive(inputs[chosen], outputs.imposing(imposed[chosen]))
