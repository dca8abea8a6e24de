"""Where an expanded element stands in the text, and how the text spells it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field

from hwlearn.errors import HwlearnWarning
from hwlearn.netlist.cards import before_parameters, node_count, subcircuit_call, words
from hwlearn.netlist.lines import Line
from hwlearn.netlist.renamed import Renamed
from hwlearn.text import GROUND

MOST_ELEMENTS = 5_000_000
"""Elements, with all subcircuits expanded, after which a netlist is taken for an accident."""


_GROUNDS = (GROUND, "gnd")


@dataclass(eq=False)
class _Scope:
    """The top level, or a subcircuit: its cards by lower-case element name, its subcircuits by name."""

    parent: _Scope | None = None
    ports: tuple[str, ...] | None = None
    lines: dict[str, Line] = field(default_factory=dict)
    inner: dict[str, _Scope] = field(default_factory=dict)

    def find(self, subcircuit: str) -> _Scope | None:
        scope: _Scope | None = self
        while scope is not None:
            if subcircuit in scope.inner:
                return scope.inner[subcircuit]
            scope = scope.parent
        return None


class Places:
    """Index of a flattened netlist.

    Args:
        lines: its cards.
        renamed: what its comments say of names.

    Attributes:
        nodes: first spelling of each node of the top level, by its lower-case name.

    Raises:
        NetlistError: two elements of one name in one scope, or `.subckt` and `.ends` that do not pair; names both lines. A
            subcircuit that calls itself, or more elements than `MOST_ELEMENTS`.
    """

    def __init__(self, lines: Iterable[Line], renamed: Renamed) -> None:
        self._renamed = renamed
        self._written = {name.lower(): written for written, name in renamed.elements.items()}
        self.nodes: dict[str, str] = {}
        self._top = _Scope()
        self._first_use: dict[str, Line] = {}
        scope, opened, alternatives = self._top, list[Line](), 0
        control, choice = False, Line("", 0, "")
        for line in lines:
            text = line.text
            start = text[:1]
            if control or text[:8].lower() == ".control":
                control = text.strip()[:5].lower() != ".endc"
                continue
            if start.isalpha():
                name = text.split(maxsplit=1)[0].lower()
                before = scope.lines.get(name)
                if before is None:
                    scope.lines[name] = line
                elif not alternatives:
                    raise line.error(f"element {text.split()[0]} is given twice; first at {before.where}")
                if scope is self._top:
                    self._spell(line)
            elif start == ".":
                word = text.split(maxsplit=1)[0].lower()
                if word.startswith((".subckt", ".macro")):
                    named = words(text)
                    if len(named) < 2:
                        raise line.error(f"{word} without a name")
                    scope = scope.inner.setdefault(named[1].lower(), _Scope(scope, tuple(before_parameters(named)[2:])))
                    opened.append(line)
                elif word.startswith((".ends", ".eom")):
                    if not opened:
                        raise line.error(f"{word} without .subckt")
                    opened.pop()
                    scope = scope.parent or self._top
                elif word == ".if":
                    alternatives += 1
                    choice = line
                elif word == ".endif":
                    alternatives -= 1
        if opened:
            raise opened[-1].error(f"{' '.join(opened[-1].text.split()[:2])} has no .ends")
        if alternatives > 0:
            raise choice.error(".if has no .endif")
        self._check_calls(self._top, set())
        self._count(self._top, (), {})

    def _check_calls(self, scope: _Scope, warned: set[tuple[str, str]]) -> None:
        """Refuse a call with too few or too many nodes: ngspice drops it, or dies. Warn of ports that are ground inside."""
        for name, line in scope.lines.items():
            if name[0] != "x":
                continue
            nodes, subcircuit = subcircuit_call(words(line.text))
            called = scope.find(subcircuit)
            if called is None or called.ports is None:
                continue
            first = line.text.split()[0]
            if len(called.ports) != len(nodes):
                given, needed = len(nodes), len(called.ports)
                raise line.error(f"{first} gives {given} nodes to subcircuit {subcircuit}, which has {needed}")
            for port, node in zip(called.ports, nodes, strict=True):
                if port.lower() in _GROUNDS and node.lower() not in _GROUNDS and (subcircuit, port) not in warned:
                    warned.add((subcircuit, port))
                    what = f"port {port} of subcircuit {subcircuit} is ground inside it, whatever it is tied to"
                    warnings.warn(
                        f"{line.where}: {what}, so node {node} of {first} is not; rename the port",
                        HwlearnWarning,
                        stacklevel=6,
                    )
        for inner in scope.inner.values():
            self._check_calls(inner, warned)

    def _count(self, scope: _Scope, callers: tuple[_Scope, ...], known: dict[int, int]) -> int:
        """How many elements a scope expands to; ngspice would expand a subcircuit that calls itself until memory ends."""
        if id(scope) not in known:
            total = 0
            for name, line in scope.lines.items():
                called = scope.find(subcircuit_call(words(line.text))[1]) if name[0] == "x" else None
                if called is scope or called in callers:
                    raise line.error(f"{line.text.split()[0]} calls a subcircuit from inside itself")
                total += 1 if called is None else self._count(called, (*callers, scope), known)
                if total > MOST_ELEMENTS:
                    raise line.error(f"more than {MOST_ELEMENTS} elements with all subcircuits expanded")
            known[id(scope)] = total
        return known[id(scope)]

    def _spell(self, line: Line) -> None:
        card = words(line.text)
        nodes = subcircuit_call(card)[0] if card[0][0] in "xX" else card[1 : node_count(card) + 1]
        for node in nodes:
            wrapped = node[0] == "(" or (node[-1] == ")" and "(" not in node)
            plain = node.removeprefix("(").removesuffix(")") if wrapped else node
            self.nodes.setdefault(plain.lower(), plain)
            self._first_use.setdefault(plain.lower(), line)

    def line(self, name: str) -> Line | None:
        """The card of an element as ngspice names it, such as `r1` or `r.x1.x2.ra`, and `br1` made from R1."""
        scope, leaf = self._top, self._written.get(name.lower(), name.lower())
        if "." in leaf and leaf not in scope.lines:
            # R1 in X9 in Xtop is r.xtop.x9.r1, and r.xtop.r.x9.r1 if X9's subcircuit is defined inside Xtop's.
            *path, leaf = leaf.split(".")
            for instance in (part for part in path if part[:1] == "x"):
                call = scope.lines.get(instance)
                inside = scope.find(subcircuit_call(words(call.text))[1]) if call is not None else None
                if inside is None:
                    return call
                scope = inside
        found = scope.lines.get(leaf)
        return found if found is not None or leaf[:1] != "b" else scope.lines.get(leaf[1:])

    def spelled(self, name: str) -> str:
        """An element's name as the netlist writes it, or says it; names inside subcircuits stay as ngspice makes them."""
        line = self._top.lines.get(name)
        return name if line is None else self._renamed.elements.get(name) or line.text.split(maxsplit=1)[0]

    def node(self, name: str) -> str:
        """A node's name as the netlist first writes it, or says it."""
        return self._renamed.nodes.get(name) or self.nodes.get(name, name)

    def user_of(self, node: str) -> Line | None:
        """The first card of the top level that uses a node, or the call that made it if it lies in a subcircuit."""
        low = node.lower()
        return self._first_use.get(low) or self._top.lines.get(low.split(".")[0])
