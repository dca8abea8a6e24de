"""How memristors are brought to other conductances."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.memristive.integration import moved
from hwlearn.errors import HwlearnError
from hwlearn.network.devices import Memristor, Motions


class Programming(ABC):
    """Moves the states of memristors that are told other conductances than before."""

    @abstractmethod
    def begin(self, devices: Sequence[Memristor], motions: Motions) -> None:
        """Look at the devices, once.

        Raises:
            HwlearnError: they cannot be programmed so; names one.
        """

    @abstractmethod
    def programmed(self, states: Array, asked: Array, wanted: Array) -> tuple[Array, Array]:
        """States (M,) after programming, and the conductances (M,) [S] that were asked for so far.

        Args:
            states: (M,) now.
            asked: (M,) S, what this returned before; at first, what the devices start with.
            wanted: (M,) S, what they are told now.
        """

    @abstractmethod
    def heeded(self, states: Array, direction: Array) -> Array:
        """(M,) which part is made of a small change of conductances that is asked for at states (M,), in a direction (M,)."""


class Exactly(Programming):
    """A memristor that is told another conductance than before has it exactly. The others stay where readings left them."""

    def begin(self, devices: Sequence[Memristor], motions: Motions) -> None:
        self._motions = motions

    def programmed(self, states: Array, asked: Array, wanted: Array) -> tuple[Array, Array]:
        return np.where(wanted != asked, self._motions.states(wanted), states), wanted

    def heeded(self, states: Array, direction: Array) -> Array:
        return np.ones_like(direction)


class Pulses(Programming):
    """Equal pulses across one device at a time, as many as would do for a device at state ½, and nobody looks what they did.

    A pulse does less near the ends, and another thing up than down. So real conductances depart from what was asked for, as
    those of an `UpdateBias` do: training sees it by what the circuit answers. What is less than a pulse is asked for later.

    Args:
        up, down: from tail to head, what raises the conductance and what lowers it [V].
        seconds: that a pulse lasts.
    """

    def __init__(self, up: float, down: float, seconds: float) -> None:
        self.up, self.down, self.seconds = float(up), float(down), float(seconds)
        if not (np.isfinite([self.up, self.down]).all() and 0 < self.seconds < np.inf):
            raise HwlearnError(f"up is {up}, down {down} and seconds {seconds}: give finite volts, and a time above 0")

    def begin(self, devices: Sequence[Memristor], motions: Motions) -> None:
        self._motions = motions
        half = np.full(len(devices), 0.5)
        before = motions.conductances(half)
        ones = np.ones(len(devices))
        self._rise, self._fall = (
            motions.conductances(self._pulsed(half, ones, np.full(len(devices), volts))) - before
            for volts in (self.up, self.down)
        )
        for steps, volts, what in ((self._rise, self.up, "raise"), (-self._fall, self.down, "lower")):
            if not (steps > 0).all():
                device = devices[int((steps > 0).argmin())]
                raise HwlearnError(
                    f"a pulse of {volts:g} V for {self.seconds:g} s does not {what} the conductance of {device.word} "
                    f"{device.edge}: give another voltage, beyond its threshold if it has one, or turn the device round"
                )

    def programmed(self, states: Array, asked: Array, wanted: Array) -> tuple[Array, Array]:
        missing = wanted - asked
        step = np.where(missing > 0, self._rise, -self._fall)
        count = np.trunc(missing / step * (1 + 1e-9))
        if not count.any():
            return states, asked
        volts = np.where(count > 0, self.up, self.down)
        return self._pulsed(states, np.abs(count), volts), asked + count * step

    def heeded(self, states: Array, direction: Array) -> Array:
        """Of many small changes, each of which may be less than a pulse."""
        up = direction > 0
        rates = self._motions.rates(states, np.where(up, self.up, self.down))
        return self._motions.slopes(states) * rates * self.seconds / np.where(up, self._rise, self._fall)

    def _pulsed(self, states: Array, counts: Array, volts: Array) -> Array:
        """States (M,) after numbers of pulses (M,), each of its device's volts (M,)."""
        return moved(lambda at: counts * self._motions.rates(at, volts), states, self.seconds)
