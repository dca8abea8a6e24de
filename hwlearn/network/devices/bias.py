"""`Bias`: an edge that is a current source, whose current learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwlearn.arrays import Array
from hwlearn.network.devices.device import EdgeDevice, Parameter
from hwlearn.network.devices.law import Branch, Law
from hwlearn.network.devices.netlist import Cards, Names
from hwlearn.text import write_number


class ConstantCurrent(Law):
    """i = −b with b = (g − g₀) · 1 V, whatever the voltage. It takes g₀ [S]."""

    def __init__(self, span: Array) -> None:
        self._span = span[:, None]

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        still = np.zeros(volts[0].shape)
        return still - (given - self._span), (still,)

    def driving(self, given: Array, volts: Array) -> Array:
        """−1 V."""
        return np.full(volts[0].shape, -1.0)


@dataclass(frozen=True)
class Bias(EdgeDevice):
    """A current b into the tail and out of the head, whatever the voltage between them, |b| < `span`.

    To be trained like all edges it has a positive number g = `span` / V + b / V [S], which is no conductance. The power that
    phases contrast contains −b Δv, so a rule takes the contrast of the drop itself: ∂(2 power)/∂g = −2 V · Δv in the place of
    Δv² (Kendall et al. 2020 for EP; ∂E/∂b = −v).

    Attributes:
        span: largest current [A].
    """

    span: float = 100.0

    word: ClassVar = "bias"
    letter: ClassVar = "i"
    terminals: ClassVar = ("tail", "head")
    branches: ClassVar = (Branch("tail", "head", ConstantCurrent, ("span",)),)
    parameters: ClassVar = (Parameter("span", "A", positive=True),)
    passive: ClassVar = False
    set_by: ClassVar = Parameter("current", "A")

    def conductance(self, setting: float) -> float:
        return self.span + setting

    def setting(self, conductance: float) -> float:
        return conductance - self.span

    def contrast(self, here: Array, there: Array) -> float:
        return -2.0 * float((here - there).mean())

    def contrasted(self, drops: Array) -> Array:
        """−1 V."""
        return np.full(drops.shape, -1.0)

    def cards(self, names: Names, conductance: float) -> Cards:
        tail, head = names.nodes
        line = f"{names.card} {head} {tail} dc {write_number(self.setting(conductance))}"
        return Cards([line], f"alter {names.card} dc=%.17g")
