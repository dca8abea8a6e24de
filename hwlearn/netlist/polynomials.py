"""POLY and TABLE of controlled sources, written out as expressions: ngspice has them only with its code models."""

from __future__ import annotations

import re
from itertools import chain, combinations_with_replacement, count, islice

from hwlearn.text import parse_number

_POLY = re.compile(r"(\S+\s+\S+\s+\S+)\s+poly\s*\(\s*(\d+)\s*\)\s*(.*)", re.IGNORECASE)
_TABLE = re.compile(r"([efgh]\S*\s+\S+\s+\S+)\s+table\s*(?:\{(.*?)\}|'(.*?)')\s*=?\s*(.*)", re.IGNORECASE)
_WORD = re.compile(r"\{[^{}]*\}|'[^']*'|[^\s(),]+")
_MOST = 20
"""Controls of a polynomial."""


def written_out(card: str) -> str:
    """An E, F, G or H card whose polynomial or table is an expression; any other card as it is.

    E and G keep their names. F and H become B, with their own name behind it.
    """
    if match := _POLY.match(card):
        return _polynomial(card, match[1], int(match[2]), match[3])
    if match := _TABLE.match(card):
        numbers = _words(match[4])
        if len(numbers) >= 4 and not len(numbers) % 2:
            return _with_expression(match[1], f"pwl({match[2] or match[3]},{','.join(numbers)})")
    return card


def _polynomial(card: str, head: str, dimension: int, rest: str) -> str:
    words = _words(rest)
    per = 2 if card[0] in "eEgG" else 1
    controls, numbers = words[: per * dimension], words[per * dimension :]
    numbers = [word for word in numbers if "=" not in word]
    if not 0 < dimension <= _MOST or len(controls) < per * dimension or not numbers:
        return card
    pairs = [controls[k : k + per] for k in range(0, len(controls), per)]
    variables = [f"v({','.join(pair)})" if per == 2 else f"i({pair[0]})" for pair in pairs]
    terms = [
        "*".join((f"({number})", *powers))
        for number, powers in zip(numbers, _monomials(variables, len(numbers)), strict=True)
        if parse_number(number) != 0
    ]
    return _with_expression(head, "+".join(terms) or "0")


def _monomials(variables: list[str], wanted: int) -> list[tuple[str, ...]]:
    """1, x, y, x², xy, y², x³, …: the order of SPICE 2's coefficients."""
    degrees = (combinations_with_replacement(variables, degree) for degree in count())
    return list(islice(chain.from_iterable(degrees), wanted))


def _words(text: str) -> list[str]:
    """Words between blanks, commas and brackets; an expression is one, without its braces."""
    return [word.strip("{}'") for word in _WORD.findall(text)]


def _with_expression(head: str, expression: str) -> str:
    kind = head[0].lower()
    if kind in "eg":
        return f"{head} {'vol' if kind == 'e' else 'cur'}='{expression}'"
    return f"b{head} {'i' if kind == 'f' else 'v'}={expression}"
