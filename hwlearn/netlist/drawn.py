"""Functions that ngspice draws at random, once, when it reads a netlist.

In expressions of B, E and G it takes the first number or parameter of each argument alone, in silence (`eval_agauss` in its
inp.c): 2 for `2*3`, 0 for `v(a)`. PSpice and LTspice have a `limit` of another meaning, which vendors' models use.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from hwlearn.netlist.functions import definitions
from hwlearn.netlist.lines import Line

DRAWN = ("agauss", "gauss", "aunif", "unif", "limit")
"""What ngspice draws; `limit` is nominal ± deviation."""

_PLAIN = re.compile(r"\s*\{?\s*([+-]?(\d|\.\d)(e[+-]|[\w.])*|[a-z_]\w*)\s*\}?\s*", re.IGNORECASE)
_EXPRESSION = re.compile(r"b|[eg].*\b(value|vol|cur|table)\b", re.IGNORECASE)
_LIVE = re.compile(r"\b(v|i)\s*\(|\b(time|temper|hertz)\b", re.IGNORECASE)


def check_drawn(lines: Sequence[Line], dialect: str) -> None:
    """Refuse draws that ngspice would misread.

    Raises:
        NetlistError: names the function, and what to write.
    """
    if not any(name in line.text.lower() for line in lines for name in DRAWN):
        return
    functions = [found for line in lines for found in definitions(line.text)]
    own = {name.lower() for name, _, _ in functions}
    names = {name for name in DRAWN if name not in own and (name, dialect) != ("limit", "ps")}
    passed = _pass_on(functions, names)
    for line in _in_use(lines):
        bare = _EXPRESSION.match(line.text) is not None
        for name, inside in _calls(line.text, names | passed):
            if _LIVE.search(inside) or (bare and not all(map(_PLAIN.fullmatch, inside.split(",")))):
                raise line.error(
                    f"of {name}({inside}) ngspice draws a number when it reads the netlist, and misreads what it draws: "
                    f"{_remedy(name, inside, dialect)}"
                )


def _in_use(lines: Sequence[Line]) -> Iterator[Line]:
    """The elements of the top level, and of subcircuits that are called from there, through others, too."""
    around, inside = list[str](), dict[str, list[Line]]()
    for line in lines:
        if line.nesting > 0:
            around.append("".join(line.text.lower().split()[1:2]))
        elif line.nesting < 0:
            del around[-1:]
        elif line.text[:1].isalpha():
            inside.setdefault(around[-1] if around else "", []).append(line)
    names, seen = [""], set[str]()
    while names:
        name = names.pop()
        if name in seen:
            continue
        seen.add(name)
        for line in inside.get(name, ()):
            yield line
            if line.text[:1] in "xX":
                names += [word for word in line.text.lower().split()[1:] if word in inside]


def _remedy(name: str, inside: str, dialect: str) -> str:
    if name != "limit" or inside.count(",") < 2:
        return "draw it in a .param, and name that here"
    return "write min(max(x, low), high)" + ("" if dialect else ", or read the netlist with --dialect ps, dialect='ps'")


def _pass_on(functions: list[tuple[str, str, str]], names: Collection[str]) -> set[str]:
    """The functions that draw, of their own parameters, what they are called with; through others, too."""
    found = set[str]()
    while True:
        more = {
            name.lower()
            for name, parameters, body in functions
            for _, inside in _calls(body, {*names, *found})
            if {word.strip().lower() for word in parameters.split(",")} & set(re.findall(r"\w+", inside.lower()))
        }
        if more <= found:
            return found
        found |= more


def _calls(text: str, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """(function, what stands in its brackets) of each call."""
    if not names:
        return
    for match in re.finditer(rf"(?<![\w.])({'|'.join(sorted(names))})\s*\(", text, re.IGNORECASE):
        depth, end = 1, match.end()
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield match[1].lower(), text[match.end() : end - 1 if not depth else end]
