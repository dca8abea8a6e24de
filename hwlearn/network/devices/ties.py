"""What is no current of voltages: `Tie`, a voltage that a device makes, and `Mirror`, a copy of another element's current."""

from __future__ import annotations

from typing import NamedTuple


class Tie(NamedTuple):
    """The device holds v(start) − v(end) = value + Σ gain v(one, other), as a voltage source or a short does.

    Attributes:
        start, end: terminals.
        gains: (one terminal, other terminal, V/V) each.
        value: V.
    """

    start: str
    end: str
    gains: tuple[tuple[str, str, float], ...] = ()
    value: float = 0.0


class Mirror(NamedTuple):
    """A current from one terminal through the device to another: `gain` times that through another element.

    Attributes:
        start, end: terminals.
        of: name of a voltage source, or of an element that is a tie. Its current is that from plus through it to minus.
        gain: A/A.
    """

    start: str
    end: str
    of: str
    gain: float
