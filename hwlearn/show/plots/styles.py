"""The one place of colours of rules and dashes of backends, so that all figures of a paper agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_hex, to_rgb

from hwlearn.show.plots.picture import SERIES

RULE_COLOURS = {"ep": SERIES[0], "cl": SERIES[1], "al": SERIES[2], "clamp": SERIES[3], "dual-cl": SERIES[4]}
OTHER_RULE = SERIES[5]
"""Of rules, and of those of other packages."""

BACKEND_DASHES: dict[str, Any] = {"exact": "-", "ngspice": (0, (5, 2)), "bench": (0, (1, 1.3))}
OTHER_BACKEND: Any = (0, (8, 2, 2, 2))
"""Of backends, and of those of other packages."""

PREDICTED: Any = (0, (4, 1.5, 1, 1.5))
"""Of lines that are predicted, not observed; no backend has it."""

LIGHTEST = 0.62
"""How far the last of many lines of one colour is towards white."""


def rule_colour(rule: str) -> str:
    """The colour of a rule, the same in all figures."""
    return RULE_COLOURS.get(rule, OTHER_RULE)


def backend_dash(backend: str) -> Any:
    """How lines of a backend are dashed, the same in all figures."""
    return BACKEND_DASHES.get(backend, OTHER_BACKEND)


def shades(colour: str, count: int) -> list[str]:
    """As many shades of a colour, from itself on towards white."""
    base = np.array(to_rgb(colour))
    return [to_hex(tuple((base + (1 - base) * LIGHTEST * k / max(count - 1, 1)).tolist())) for k in range(count)]


def line_styles(pairs: Sequence[tuple[str, str]]) -> Iterable[dict[str, Any]]:
    """Colour and dash of lines of (rule, backend); lines of the same pair differ in shade."""
    seen: dict[tuple[str, str], int] = {}
    for pair in pairs:
        number = seen[pair] = seen.get(pair, -1) + 1
        yield {"color": shades(rule_colour(pair[0]), pairs.count(pair))[number], "linestyle": backend_dash(pair[1])}
