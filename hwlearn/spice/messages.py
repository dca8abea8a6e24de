"""Tell ngspice's errors from its chatter.

ngspice answers 0 to most failed commands and writes the reason to stderr, between notes that mean nothing. Newer versions
(42–45) write more notes. So a line counts as an error only if it says that something failed; unknown lines pass, and what a
simulation returns is checked on its own evidence (points counted, vectors present and finite, Kirchhoff's law).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

_FAILURE = re.compile(
    r"""^\s*(fatal\s+)?error\b
      | \bsingular\ matrix\b
      | \bno\ convergence\b
      | \biteration\ limit\ reached\b
      | \btimestep\ too\ small\b
      | \bcan'?t\ find\ model\b | \bunable\ to\ find\ definition\ of\ model\b | \bcould\ not\ find\ a\ valid\ modelname\b
      | \bunknown\ (subckt|device|parameter|model)\b
      | \bcircuit\ not\ parsed\b | \bthere\ is\ no\ circuit\b | \bno\ circuit\ loaded\b
      | \bsimulation\(s\)\ aborted\b | \brun\ simulation\ not\ started\b
      | \bcannot\ recover\b
      | \bundefined\ parameter\b
      | \bis\ not\ a\ valid\b
      | ^\s*no\ such\ (device|vector|parameter)""",
    re.IGNORECASE | re.VERBOSE,
)


_STEPPING = re.compile(r"\b(gmin|source) stepping\b", re.IGNORECASE)
"""How ngspice searches an operating point that Newton does not find at once."""

_UNCONVERGED = re.compile(
    r"\b(no convergence|iteration limit reached|timestep too small|transient op failed|source stepping failed)\b",
    re.IGNORECASE,
)

LONGEST = 200
"""Characters of a line of ngspice that an error repeats: some hold a whole card."""


def summary(lines: Sequence[str]) -> str:
    """The first four lines as one, for an error."""
    return " | ".join(dict.fromkeys(" ".join(line.split())[:LONGEST] for line in lines[:4]))


def failures(lines: Iterable[str], *, nonlinear: bool = False) -> list[str]:
    """The lines that report a failure, stripped.

    A linear circuit needs no search for its operating point unless it is singular; in a `nonlinear` one the search is usual.
    """
    return [line.strip() for line in lines if _fails(line, nonlinear)]


@lru_cache(maxsize=256)  # the notes of a phase are those of the last one
def _fails(line: str, nonlinear: bool) -> bool:
    return bool(_FAILURE.search(line) or (not nonlinear and _STEPPING.search(line)))


def is_unconverged(lines: Iterable[str]) -> bool:
    """Whether ngspice's iteration did not converge, by what it says."""
    return any(_UNCONVERGED.search(line) for line in lines)
