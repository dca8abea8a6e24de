"""All claims in their order."""

from __future__ import annotations

from collections.abc import Callable

from hwlearn.claims import conserved_mass, decay, gradients, kite, memory, nudges, parameters, sard, step_limit
from hwlearn.claims.rows import Bench, Row

CLAIMS: dict[str, Callable[[Bench], list[Row]]] = {
    "a": gradients.check,
    "b": nudges.check,
    "c": decay.check,
    "d": kite.check,
    "e": sard.check,
    "f": conserved_mass.check,
    "g": parameters.check,
    "h": step_limit.check,
    "i": memory.check,
}
"""The checks by letter; each returns the rows of its claim."""
