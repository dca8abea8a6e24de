"""`Programmed`: the matrices of a `Folded` network at some conductances."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from hwlearn.arrays import Array, Indices
from hwlearn.circuits.newton.complementarity import Bounded
from hwlearn.circuits.newton.single import Single

FEW = 256
"""Samples whose Norton currents are kept for the next phase."""

MOST_OFTEN = 2
"""How often a phase drives each sample of the one before: symmetric nudges do so twice."""


class Programmed:
    """The matrices at some conductances.

    Args:
        conductances: (E,) S.
        to_driven: A (driven, free nodes beside them) S.
        steady: b (n,) A.
        bounded: K.
    """

    def __init__(self, conductances: Array | Single, to_driven: NDArray[Any], steady: NDArray[Any], bounded: Bounded) -> None:
        self._conductances, self.steady, self.bounded = conductances, steady, bounded
        self._to_driven = to_driven
        self._pulled: tuple[float, Bounded] | None = None
        self._known: tuple[NDArray[Any], NDArray[Any]] | None = None

    @property
    def conductances(self) -> Array:
        """(E,) S."""
        return self._conductances.whole if isinstance(self._conductances, Single) else self._conductances

    def pulled(self, conductance: float, nodes: Indices) -> Bounded:
        """K with a resistor more at some nodes."""
        if self._pulled is None or self._pulled[0] != conductance:
            self._pulled = conductance, self.bounded.loaded(conductance, nodes)
        return self._pulled[1]

    def norton(self, driven: NDArray[Any]) -> NDArray[Any]:
        """w A (S, free nodes beside driven ones) A, for voltages w (S, driven) V.

        Those of a few samples are known still for the next phase, which drives each of them once or more times in a row.
        """
        if self._known is not None:
            before, currents = self._known
            times, rest = divmod(len(driven), len(before))
            if not rest and times <= MOST_OFTEN and (driven.reshape(len(before), times, -1) == before[:, None]).all():
                return currents.repeat(times, axis=0)
        found = driven @ self._to_driven
        if len(driven) <= FEW:
            self._known = driven, found
        return found
