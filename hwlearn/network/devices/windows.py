"""Windows: how the state of a memristive device slows down near its ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hwlearn.arrays import Array


class Window(NamedTuple):
    """A factor 0 … 1 of the speed at which a state x rises; that at which it falls has the same one at 1 − x.

    Attributes:
        rising: from states (D,) and exponents p (D,).
        expression: the same for ngspice, of `{x}`, an expression without blanks, and p, `{exponent}`.
    """

    rising: Callable[[Array, Array], Array]
    expression: str


STOPS = 1e-9
"""Part of the range in which a state without a window comes to rest: a motion that ends at once could not be integrated."""


def _hard(states: Array, exponents: Array) -> Array:
    del exponents
    return np.clip((1 - states) / STOPS, 0.0, 1.0)


def _joglekar(states: Array, exponents: Array) -> Array:
    return 1 - np.abs(2 * states - 1) ** (2 * exponents)


def _biolek(states: Array, exponents: Array) -> Array:
    return 1 - np.abs(states) ** (2 * exponents)


def _prodromakis(states: Array, exponents: Array) -> Array:
    return 1 - ((states - 0.5) ** 2 + 0.75) ** exponents


WINDOWS = {
    "none": Window(_hard, "u(1-{x})"),
    "joglekar": Window(_joglekar, "(1-pwr(abs(2*{x}-1),2*{{exponent}}))"),
    "biolek": Window(_biolek, "(1-pwr(abs({x}),2*{{exponent}}))"),
    "prodromakis": Window(_prodromakis, "(1-pwr(({x}-0.5)*({x}-0.5)+0.75,{{exponent}}))"),
}
"""By name. "none" lets the state run to 0 and 1 at full speed. "joglekar", 1 − (2x − 1)²ᵖ, lets a state that is at an end
never leave it (Joglekar and Wolf 2009, Eur. J. Phys. 30:661); nor does "prodromakis", 1 − ((x − ½)² + ¾)ᵖ (Prodromakis,
Peh, Papavassiliou and Toumazou 2011, IEEE Trans. Electron Devices 58:3099, with j = 1). "biolek", 1 − x²ᵖ where x rises,
does (Biolek, Biolek and Biolková 2009, Radioengineering 18:210)."""
