"""`Columns`: which source columns suit the inputs, as they change or stay."""

from __future__ import annotations

from functools import cached_property

from hwlearn.arrays import Array
from hwlearn.circuits.exact.basis import Basis
from hwlearn.circuits.exact.system import System

REBUILT = 16
"""A new basis costs as much as this many columns."""


class Columns:
    """The basis of the last inputs.

    Inputs that change get a column for each source, not for each sample, if this takes at most `REBUILT` more columns.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.basis: Basis | None = None
        self.changing = False  # whether other inputs came once

    @cached_property
    def per_source(self) -> Basis:
        """A column for each source."""
        return Basis(self.system, None)

    def of(self, inputs: Array) -> tuple[Basis, Array]:
        """A basis for `inputs` (S, n_in), and the weights (S, count) of its columns."""
        if self.basis is not None and (weights := self.basis.weights(inputs)) is not None:
            return self.basis, weights
        self.changing = self.basis is not None
        few = self.changing and self.system.sources <= len(inputs) + REBUILT
        self.basis = Basis(self.system, None if few else inputs)
        weights = self.basis.weights(inputs)
        assert weights is not None
        return self.basis, weights

    def fewest(self, inputs: Array) -> int:
        """How many columns `of` makes for these inputs, or what making them anew costs."""
        if not self.changing and self.basis is not None and self.basis.weights(inputs) is None:
            self.changing = True
        return min(self.system.sources, len(inputs) + (REBUILT if self.changing else 0))
