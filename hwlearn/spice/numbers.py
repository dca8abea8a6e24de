"""Numbers and the ground node, as ngspice writes and reads them."""

from __future__ import annotations

import re

GROUND = "0"

_SCALE = {"t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "mil": 25.4e-6, "m": 1e-3}
_SCALE |= {"u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[ed][+-]?\d+)?)(meg|mil|[tgkmunpfa])?", re.IGNORECASE)


def parse_number(token: str) -> float | None:
    """The value that ngspice gives to `token` (letters after the suffix are ignored); None if it is not a number."""
    match = _NUMBER.match(token)
    if match is None:
        return None
    return float(match[1].lower().replace("d", "e")) * _SCALE.get((match[2] or "").lower(), 1.0)


def write_number(value: float) -> str:
    """The shortest text that reads back as exactly `value`."""
    return repr(float(value))
