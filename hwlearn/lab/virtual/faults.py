"""Faults that a virtual instrument shows on demand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

FaultKind = Literal["mute", "late", "garbage", "half", "drop", "over", "stuck"]
"""What can go wrong.

mute: no answer; late: the answer comes after `LATE` seconds; garbage: bytes that are no text; half: half an answer, then the
connection closes; drop: the connection closes instead of an answer; over: the next scan is over-range; stuck: an edge keeps
its conductance whatever is written.
"""

KINDS: tuple[str, ...] = get_args(FaultKind)
TRANSPORT = frozenset({"mute", "late", "garbage", "half", "drop"})
GARBAGE = b"\xff\x00?#!\n"


class Faults:
    """The faults that wait in one instrument; each answer uses up one."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self.late = 0.6
        """Delay [s] of a late answer."""

    def add(self, kind: FaultKind, count: int = 1) -> None:
        """Let the next `count` answers (scans, for "over") go wrong.

        Raises:
            ValueError: no such fault.
        """
        if kind not in KINDS:
            raise ValueError(f"no fault {kind!r}; there are {', '.join(KINDS)}")
        self._waiting += [kind] * count

    def transport(self) -> str | None:
        """The fault of this answer, taken from the list."""
        return self._take(lambda kind: kind in TRANSPORT)

    def over(self) -> bool:
        """Whether this scan is over-range."""
        return self._take(lambda kind: kind == "over") is not None

    def _take(self, wanted: Callable[[str], bool]) -> str | None:
        for k, kind in enumerate(self._waiting):
            if wanted(kind):
                return self._waiting.pop(k)
        return None
