"""Many short commands in few lines: each line costs ngspice a walk through all its vectors."""

from __future__ import annotations

from collections.abc import Sequence

MAX_LINE = 1020
"""Characters; ngspice drops the tail beyond 1023 silently."""

WIDER = 19
"""Characters by which a number that `%.17g` writes is longer than `%.17g`, at most."""


def joined(commands: Sequence[str]) -> list[tuple[str, slice]]:
    """Command lines, and which of the commands each holds. A command may have one `%.17g`."""
    longest = max((len(command) + WIDER * command.count("%") for command in commands), default=0)
    count = max(1, MAX_LINE // (longest + 1))
    parts = [slice(k, k + count) for k in range(0, len(commands), count)]
    return [(";".join(commands[part]), part) for part in parts]
