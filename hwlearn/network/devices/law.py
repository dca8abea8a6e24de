"""`Law`: how the currents of branches depend on voltages; `Branch`: where a device has one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hwlearn.arrays import Array
from hwlearn.text import GROUND

Limiter = Callable[[Array, Array], None]
"""Shortens a step of Newton's method in place: (volts before, volts after), (C, D, S) each."""


class Law(ABC):
    """Currents of D branches, of one device or of many, in S samples. Each depends on the voltages of C controls.

    Made from arrays, one for each of the numbers that `Branch` names: (D,), or (D, K) if a number is K numbers, as in a table.

    Attributes:
        scale: V, one for all or (C, D): how fast the currents bend. Newton's method ends when the last step of every control
            is below 1e-7 of it, which leaves an error of the order of its square.
    """

    scale: float | Array = 1.0

    @abstractmethod
    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        """Currents (D, S) A, and their slopes by each control, C arrays (D, S) S.

        Args:
            given: g (D, 1) S, the conductances of the devices' edges; NaN for elements.
            volts: (C, D, S) V of the controls.
        """

    def driving(self, given: Array, volts: Array) -> Array:
        """∂i/∂g (D, S) V. If a subclass does not override it, that of currents proportional to g."""
        return self.currents(given, volts)[0] / given

    def limiter(self, typical: float) -> Limiter | None:
        """What keeps Newton's method from overshooting; None for a law that bends gently.

        With one, Newton's method starts at controls of 0 V. Without, it starts where the sources alone put them.

        Args:
            typical: a typical conductance of the circuit [S].
        """
        del typical
        return None


class Branch(NamedTuple):
    """A current through a device, from one terminal to another.

    Attributes:
        start, end: terminals.
        law: how the current depends on the controls.
        numbers: names of the device's numbers, of which the law is made.
        controls: pairs of terminals, "0" for ground, whose voltages are the law's; the branch's own if none are given.
    """

    start: str
    end: str
    law: type[Law]
    numbers: tuple[str, ...] = ()
    controls: tuple[tuple[str, str], ...] = ()

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The pairs of terminals whose voltages control the current: `controls`, or the branch's own."""
        return self.controls or ((self.start, self.end),)

    @property
    def local(self) -> bool:
        """True if the current depends on the voltages of its own ends alone."""
        own = {(self.start, self.end), (self.start, GROUND), (self.end, GROUND)}
        return own.issuperset(self.pairs)

    @property
    def reciprocal(self) -> bool:
        """True if the current depends on the branch's own voltage alone."""
        return self.pairs == ((self.start, self.end),)
