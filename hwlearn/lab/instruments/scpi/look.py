"""`Setting`: a question about what an instrument was left with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hwlearn.lab.instruments.found import Found, Misreading


class Setting(NamedTuple):
    """A question, its usual answer, and what another one means.

    Attributes:
        query: changes nothing. usual: a word, or a number.
        what: in words, see `Found`. kind: how serious.
        bit: of the answer, the only part that counts; 0 if all of it does.
    """

    query: str
    usual: str
    what: str
    kind: type[Found] = Misreading
    bit: int = 0

    def found(self, answer: str, channels: Sequence[str]) -> Iterator[Found]:
        """What an answer tells: one for each of the channels, or one for all. A number that cannot be read is not usual."""
        fields = answer.split(",")
        for channel, field in zip(channels if len(fields) == len(channels) else [""], fields, strict=False):
            if not _same(field, self.usual, self.bit):
                yield self.kind(self.what, channel)


def _same(one: str, two: str, bit: int) -> bool:
    one, two = one.strip().strip("\"'").upper(), two.upper()
    try:
        return float(int(float(one)) & bit if bit else one) == float(two)
    except ValueError:
        return one == {"0": "OFF", "1": "ON"}.get(two, two)
