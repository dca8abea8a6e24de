"""In which order the samples of a phase are measured."""

from __future__ import annotations

from collections.abc import Iterator


def visits(count: int, repeats: int, order: str) -> Iterator[tuple[int, int]]:
    """(sample, readings) in the order of measuring; the readings of each sample add up to `repeats`.

    "AB" takes each sample once, with all its readings. "ABBA" takes neighbouring samples 2k and 2k + 1 (a symmetric rule's
    +nudge and −nudge of one input) as A B B A A B B A …: in their difference a drift that is linear in time cancels. An odd
    number of repeats leaves one reading without a partner.
    """
    if order == "AB" or repeats == 1:
        for sample in range(count):
            yield sample, repeats
        return
    for first in range(0, count, 2):
        pair = [sample for sample in (first, first + 1) if sample < count]
        if len(pair) == 1:
            yield first, repeats
            continue
        turns = [pair if turn % 2 == 0 else pair[::-1] for turn in range(repeats)]
        flat = [sample for turn in turns for sample in turn]
        at = 0
        while at < len(flat):  # neighbouring visits of one sample need no new settling
            run = 1
            while at + run < len(flat) and flat[at + run] == flat[at]:
                run += 1
            yield flat[at], run
            at += run
