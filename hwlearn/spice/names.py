"""Names that ngspice reads back as they were written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hwlearn.text import GROUND

OWN = "hwl_"  # names that start so belong to the decks that hwlearn writes
_SAFE = re.compile(r"(?!.*//)[a-z0-9_/+\[\]#~|-][a-z0-9_/+\[\]#~|.:$*<>!^-]*\Z")
"""What ngspice keeps; `//`, and `$` after a blank, begin a comment, and the other marks are parts of expressions."""

_TAKEN_BY_NGSPICE = frozenset({"gnd", "time", "frequency", "temper", "hertz", "all", "temp"})


def is_safe(name: str) -> bool:
    """True when ngspice keeps the lower-case form of `name` apart from every other name."""
    low = name.lower()
    return bool(_SAFE.match(low)) and low not in _TAKEN_BY_NGSPICE and not low.startswith(OWN)


def safe_names(names: Sequence[str], prefix: str, taken: Iterable[str] = ()) -> list[str]:
    """One distinct name for each of `names`, in ngspice's lower case; ground stays ground.

    A safe name that begins with `prefix` stays what it is; the others become `prefix` and a number. Nodes have the prefix
    "n", and may begin with anything. `taken` names are avoided.
    """
    used = set(taken)
    result: list[str | None] = []
    for name in names:
        low = name.lower()
        if name == GROUND:
            result.append(GROUND)
        elif is_safe(name) and low not in used and low.startswith("" if prefix == "n" else prefix):
            used.add(low)
            result.append(low)
        else:
            result.append(None)
    number = 0
    for k, given in enumerate(result):
        if given is None:
            while f"{prefix}_{number}" in used:
                number += 1
            result[k] = f"{prefix}_{number}"
            used.add(f"{prefix}_{number}")
    return [name for name in result if name is not None]
