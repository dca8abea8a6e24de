"""`Wanted`: the conductances that training asks for, step by step."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.newton import NewtonCircuit
from hwlearn.circuits.newton.single import Single
from hwlearn.learning.limits import Limits


class Wanted:
    """Conductances in full precision, between the bounds of a circuit, which realises them.

    Args:
        circuit: is programmed by `realise`.

    Attributes:
        good: (E,) S that the circuit had at the last `note`.
    """

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._limits = self._made(*circuit.bounds, circuit.network.trainable)
        self.start(circuit.conductances)
        self.note()

    def _made(self, lower: Array, upper: Array, trainable: NDArray[np.bool_]) -> Limits:
        """The limits of what is kept in float64, from bounds (E,) [S]."""
        return Limits(lower, upper, trainable)

    def start(self, conductances: Array) -> None:
        """Ask for conductances (E,) S from now on."""
        self._values = conductances

    @property
    def conductances(self) -> Array:
        """(E,) S. Not to be written to."""
        return self._values

    def move(self, change: NDArray[np.floating], counting: bool) -> int:
        """Add a change (E,) S, which is overwritten; see `Limits.moved` for what is returned."""
        self._values, clipped = self._limits.moved(self._values, change, counting)
        return clipped

    def realise(self) -> None:
        """Program the circuit."""
        self._circuit._realise(self._values)

    def note(self) -> None:
        """Remember what the circuit has now."""
        self._good = self._circuit.conductances

    @property
    def good(self) -> Array:
        return self._good


@final
class SingleWanted(Wanted):
    """The same in the float32 of the circuit: a step moves half the memory. What devices are set to stays in float64."""

    _circuit: NewtonCircuit

    def _made(self, lower: Array, upper: Array, trainable: NDArray[np.bool_]) -> Limits:
        devices, resistors = sorted(self._circuit.network.device_at), trainable.copy()
        resistors[devices] = False
        self._single = Limits(lower, upper, resistors, np.float32)
        return Limits(lower[devices], upper[devices], trainable[devices])

    def start(self, conductances: Array) -> None:
        self._kept = Single.of(self._circuit.network, conductances)

    @property
    def conductances(self) -> Array:
        return self._kept.whole

    def move(self, change: NDArray[np.floating], counting: bool) -> int:
        kept = self._kept
        change = change.astype(np.float32, copy=False)
        devices, some = self._limits.moved(kept.devices, kept.at_devices(change), counting)
        numbers, more = self._single.moved(kept.numbers, change, counting)
        self._kept = kept.moved(numbers, devices)
        return some + more

    def realise(self) -> None:
        self._circuit.take(self._kept)

    def note(self) -> None:
        self._noted = self._circuit.kept
        if self._noted is None:
            super().note()

    @property
    def good(self) -> Array:
        return self._good if self._noted is None else self._noted.whole


def wanted_of(circuit: Circuit, parameter: str) -> Wanted:
    """What training asks for: `SingleWanted` where the circuit computes in float32 and steps are those of conductances."""
    single = isinstance(circuit, NewtonCircuit) and circuit.single and parameter == "conductance"
    return SingleWanted(circuit) if single else Wanted(circuit)
