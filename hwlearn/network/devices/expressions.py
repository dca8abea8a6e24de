"""Expressions of behavioural sources: numbers written in full, and read back from what ngspice lists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter

from hwlearn.text import write_number

_UNSIGNED = r"[\d.]+(?:e[+-]?\d+)?"
_PART = re.compile(rf"[+-]?{_UNSIGNED}")
_LITERAL = re.compile(rf"(?<![\w.]){_UNSIGNED}")
_BRACKETED = rf"\([+-]?{_UNSIGNED}(?:[+-]{_UNSIGNED})?\)"


def exactly(number: float) -> str:
    """As a sum in brackets: of each number in an expression, ngspice keeps eleven digits."""
    most = float(f"{number:.10e}")
    left = number - most
    return f"({write_number(most)}{f'{left:+.10e}' if left else ''})"


def summed(text: str) -> float:
    """The number that `exactly` wrote, with or without its brackets."""
    return sum(map(float, _PART.findall(text)))


def shape(expression: str) -> str:
    """An expression without the numbers that `exactly` wrote."""
    return re.sub(rf"(?<![\w.]){_BRACKETED}", "#", expression)


class Template:
    """An expression with places for numbers and for words, such as `{r_on}*v({node})`.

    Args:
        text: without blanks, in lower case.
        words: names of the places that are words, such as nodes.
    """

    def __init__(self, text: str, words: tuple[str, ...]) -> None:
        self._text, self._words = text, words

    def written(self, values: Mapping[str, float], words: Mapping[str, str]) -> str:
        """The expression with all places filled."""
        return self._text.format(**{name: exactly(value) for name, value in values.items()}, **words)

    def read(self, expression: str) -> dict[str, str] | None:
        """What stands in the places of an expression that ngspice listed: numbers as they stand there, and words.

        None if it is another expression. A number that the template itself has may be any number: whoever reads compares the
        whole with what would have been written (`same`).
        """
        pattern, seen = "", set[str]()
        for literal, name, _, _ in Formatter().parse(self._text):
            ends = [0, *(end for match in _LITERAL.finditer(literal) for end in match.span()), len(literal)]
            pieces = [literal[ends[k] : ends[k + 1]] for k in range(len(ends) - 1)]
            pattern += "".join(re.escape(piece) if k % 2 == 0 else _PART.pattern for k, piece in enumerate(pieces))
            if name is None:
                continue
            inside = r"[^(),]+" if name in self._words else _BRACKETED
            pattern += inside if name in seen else f"(?P<{name}>{inside})"
            seen.add(name)
        match = re.fullmatch(pattern, "".join(expression.split()))
        return None if match is None else match.groupdict()


def same(written: str, listed: str) -> bool:
    """Whether two expressions are the same, up to how their numbers are written."""
    (one, numbers), (two, others) = (_taken_apart("".join(text.lower().split())) for text in (written, listed))
    return one == two and all(abs(a - b) <= 1e-9 * abs(a) for a, b in zip(numbers, others, strict=True))


def _taken_apart(expression: str) -> tuple[str, list[float]]:
    """An expression without its numbers, and these."""
    numbers = re.compile(rf"(?<![\w.])(?:{_BRACKETED}|{_LITERAL.pattern})")
    return numbers.sub("#", expression), [summed(match[0]) for match in numbers.finditer(expression)]
