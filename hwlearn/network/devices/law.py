"""`Law`: currents and slopes of all devices of one kind at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from hwlearn.arrays import Array

Limiter = Callable[[Array, Array], None]
"""Shortens a step of Newton's method in place: (volts before, volts after), both (C, D, S)."""


class Law(ABC):
    """Currents and slopes of D devices of one kind in S samples, with the numbers of each device as arrays.

    Branches, controls and slopes are counted as the device's class lists them; see `Device`.

    Attributes:
        scale: V, one for all or (C, D): how fast the currents bend. Newton's method ends when the last step of every control
            is below 1e-7 of it, which leaves an error of the order of its square.
        limited: controls, by position, whose steps `limiter` shortens. They start at 0 V, the others where the sources put
            them.
    """

    scale: float | Array = 1.0
    limited: tuple[int, ...] = ()

    @abstractmethod
    def currents(self, given: Array, volts: Array) -> tuple[Sequence[Array], Sequence[Array]]:
        """Currents [A] through the branches and slopes [S], (D, S) for each branch and for each slope.

        Args:
            given: (D, 1) S, the conductance of each device's edge; without meaning for elements.
            volts: (C, D, S) V, the controls.
        """

    def driving(self, given: Array, volts: Array) -> Array:
        """∂i/∂g of the edge's current (D, S) V. As it stands here, of a current that is proportional to g."""
        return self.currents(given, volts)[0][0] / given

    def limiter(self, typical: float) -> Limiter | None:
        """What keeps Newton's method from overshooting; None for a law that bends gently.

        Args:
            typical: a typical conductance of the circuit [S].
        """
        del typical
        return None
