"""Functions that a netlist defines, by `.func` or `.param f(x)=…`: ngspice writes them out wherever they are called.

A function that calls itself ends Python, and calls that double at each level fill the memory. So the length of what ngspice
would write is counted beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from hwlearn.netlist.lines import Line

LONGEST = 1_000_000
"""Characters, with all functions written out, after which a card is taken for an accident."""

DEEPEST = 100
"""How many functions deep a call may go."""

_FUNC = re.compile(r"\.func\w*\s+(\w+)\s*\(([^()]*)\)\s*=?(.*)", re.IGNORECASE)
_PARAM = re.compile(r"\b(\w+)\s*\(([\w\s,]*)\)\s*=\s*(\{[^}]*\}|'[^']*'|\S+)")
_WORD = re.compile(r"([A-Za-z_]\w*)(\s*\()?|[(),]|[^A-Za-z_(),]+")

_Size = dict[str, int]
"""Length of a text in which parameters stand: how often each does, and the rest under ""."""


@dataclass(eq=False)
class _Function:
    line: Line
    parameters: tuple[str, ...]
    body: str


@dataclass(eq=False)
class _Scope:
    """The functions of the top level or of one subcircuit, by lower-case name, and the scope around it."""

    outer: _Scope | None = None
    own: dict[str, _Function] = field(default_factory=dict)

    def find(self, name: str) -> tuple[_Function, _Scope] | None:
        if name in self.own:
            return self.own[name], self
        return self.outer.find(name) if self.outer is not None else None


def check_functions(lines: Iterable[Line]) -> None:
    """Refuse functions that ngspice cannot write out.

    Raises:
        NetlistError: a function that calls itself, or calls that go deeper than `DEEPEST` or become longer than `LONGEST`.
    """
    scope, placed = _Scope(), list[tuple[Line, _Scope]]()
    for line in lines:
        start = line.text[:5].lower()
        if start in (".subc", ".macr"):
            scope = _Scope(scope)
        elif start in (".ends", ".eom"):
            scope = scope.outer or scope
        for name, parameters, body in definitions(line.text):
            names = tuple(word.strip().lower() for word in parameters.split(","))
            scope.own[name.lower()] = _Function(line, names, body.lower())
        placed.append((line, scope))
    if not any(scope.own for _, scope in placed):
        return
    sizes = _Sizes()
    for line, scope in placed:
        for function in scope.own.values():
            if function.line is line:
                sizes.of_function(function, scope, line)
        if "(" in line.text and sum(sizes.of_text(line.text.lower(), (), scope, line).values()) > LONGEST:
            raise line.error(f"more than {LONGEST} characters with all functions written out")


def definitions(text: str) -> list[tuple[str, str, str]]:
    """(name, parameters, body) of the functions that a card defines."""
    start = text[:5].lower()
    if start == ".func":
        match = _FUNC.match(text)
        return [(match[1], match[2], match[3])] if match else []
    return _PARAM.findall(text) if start == ".para" else []


class _Sizes:
    """Lengths with all functions written out, each function looked at once."""

    def __init__(self) -> None:
        self._known: dict[int, _Size] = {}
        self._depths: dict[int, int] = {}
        self._open: list[_Function] = []

    def of_function(self, function: _Function, scope: _Scope, caller: Line) -> _Size:
        key = id(function)
        if key not in self._known:
            if function in self._open:
                raise function.line.error("this function calls itself, which ngspice cannot write out")
            self._open.append(function)
            self._depths[key] = 1
            if len(self._open) <= DEEPEST:  # else the depths below say so
                self._known[key] = self.of_text(function.body, function.parameters, scope, function.line)
            self._open.pop()
        depth = len(self._open) + self._depths[key]
        if depth > DEEPEST:
            raise caller.error(f"functions call each other more than {DEEPEST} deep")
        for k, outer in enumerate(self._open):
            self._depths[id(outer)] = max(self._depths[id(outer)], depth - k)
        return self._known[key]

    def of_text(self, text: str, parameters: tuple[str, ...], scope: _Scope, line: Line) -> _Size:
        calls: list[tuple[tuple[_Function, _Scope] | None, list[_Size]]] = [(None, [{}])]
        for match in _WORD.finditer(text):
            word, name = match[0], match[1]
            if word.endswith("("):
                calls.append((scope.find(name) if name else None, [{"": len(word) + 1}]))
            elif word == ")" and len(calls) > 1:
                called, arguments = calls.pop()
                _add(calls[-1][1][-1], self._written_out(called, arguments, line))
            elif word == ",":
                calls[-1][1].append({"": 1})
            else:
                _add(calls[-1][1][-1], {name: 1} if name in parameters else {"": len(word)})
        total: _Size = {}
        for _, arguments in calls:
            for argument in arguments:
                _add(total, argument)
        return total

    def _written_out(self, called: tuple[_Function, _Scope] | None, arguments: list[_Size], line: Line) -> _Size:
        total: _Size = {}
        if called is None:
            for argument in arguments:
                _add(total, argument)
            return total
        function, scope = called
        size = self.of_function(function, scope, line)
        _add(total, {"": size.get("", 0)})
        for parameter, argument in zip(function.parameters, arguments, strict=False):
            _add(total, argument, size.get(parameter, 0))
        return total


def _add(total: _Size, more: _Size, times: int = 1) -> None:
    for name, count in more.items():
        total[name] = min(total.get(name, 0) + times * count, 10 * LONGEST)
