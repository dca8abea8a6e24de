"""Lengths on paper, as people write them."""

from __future__ import annotations

import re

from hwlearn.errors import HwlearnError

UNITS = {"mm": 1.0, "cm": 10.0, "in": 25.4, "pt": 25.4 / 72}
"""Millimetres in each."""

NARROWEST, WIDEST = 40.0, 1200.0
"""Millimetres: below, axes have no room beside their letters; above, no paper is."""


def millimetres(text: str) -> float:
    """The length in mm of "86mm", "8.6 cm" or "3.4in".

    Raises:
        HwlearnError: no length, or no width that a figure can have.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]+)\s*", text)
    if found is None or found[2] not in UNITS:
        raise HwlearnError(f"width {text}: write a number and {', '.join(UNITS)}, such as 86mm")
    length = float(found[1]) * UNITS[found[2]]
    if not NARROWEST <= length <= WIDEST:
        raise HwlearnError(f"width {text}: figures are {NARROWEST:g} mm to {WIDEST:g} mm wide")
    return length
