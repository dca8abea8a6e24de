"""Read a netlist into a `Network`."""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.errors import DeviceError, NetlistError, NetworkError, SimulationError
from hwlearn.netlist.bounds import holding, with_gates
from hwlearn.netlist.cards import kind_of
from hwlearn.netlist.checks import check_text
from hwlearn.netlist.expanded import Card, Expanded, expand, has_value, measure
from hwlearn.netlist.faithful import check_faithful
from hwlearn.netlist.laws import read_edge
from hwlearn.netlist.lines import Line
from hwlearn.netlist.meant import as_meant
from hwlearn.netlist.parameters import check_parameters
from hwlearn.netlist.places import Places
from hwlearn.netlist.safety import Control, without_commands
from hwlearn.netlist.source import NetlistSource, read_source
from hwlearn.netlist.temperature import with_temperature
from hwlearn.netlist.values import is_zero, resistance_word, source_words, why_no_value
from hwlearn.network.devices import Card as DeviceCard
from hwlearn.network.devices import Device, EdgeDevice, NetlistAround
from hwlearn.network.ports import Port, Source, as_input, as_output
from hwlearn.spice.dialects import Dialect
from hwlearn.text import GROUND

if TYPE_CHECKING:
    from hwlearn.network.edges import Element
    from hwlearn.network.network import Network


def read_netlist(
    path: str | PathLike[str],
    *,
    inputs: Iterable[str | Source] = (),
    outputs: Iterable[str | Port] = (),
    trainable: Iterable[str] | None = None,
    bounds: tuple[ArrayLike, ArrayLike],
    gate_bounds: tuple[float, float] | None = None,
    devices: Iterable[type[Device]] = (),
    trust: bool = False,
    control: Control | None = None,
    dialect: Dialect | None = None,
) -> Network:
    """See `Network.from_netlist`."""
    from hwlearn.network.network import DEFAULT_BOUNDS, Network

    laws = tuple(devices)
    source = without_commands(read_source(path, trust), trust, control or ("trust" if trust else "refuse"))
    written, source = source, replace(source, lines=tuple(as_meant(source.lines)))
    places = Places(source.lines, source.renamed)
    check_text(source, places, dialect or "")
    source = with_temperature(source)
    expanded = expand(source, places, dialect or "")
    check_parameters(source, places, expanded, dialect or "")
    check_faithful(written, source, expanded, dialect or "")
    parts = _Parts(
        expanded, source, places, [inputs] if isinstance(inputs, str | Source) else list(inputs), laws, dialect or ""
    )
    chosen = parts.trainable(trainable)
    try:
        return Network.from_edges(
            parts.edges,
            parts.conductances,
            inputs=parts.inputs,
            outputs=[parts.output(spec) for spec in ([outputs] if isinstance(outputs, str | Port) else outputs)],
            names=parts.names,
            trainable=chosen,
            bounds=holding(
                with_gates(bounds, gate_bounds, parts.names, parts.devices),
                dict(zip(parts.names, parts.conductances, strict=True)),
                chosen if bounds is not DEFAULT_BOUNDS else [],
            ),
            fixed_sources=parts.fixed,
            devices=parts.devices,
            elements=parts.elements,
            directives=parts.directives if parts.elements else (),
            title=_title(source.title, Path(path)),
            laws=laws if parts.elements else (),
            dialect=parts.dialect if parts.elements else "",
        )
    except NetlistError:
        raise
    except NetworkError as error:
        line = parts.line_of(str(error))
        raise (NetlistError(str(error), str(path)) if line is None else line.error(str(error))) from None


_MESSAGE_WORDS = frozenset(
    {"in", "is", "it", "its", "input", "island", "resistor", "loop", "voltage", "lower", "ground", "edge"}
)
"""Words of `Network`'s messages that could be names of elements."""


class _Parts:
    """What `Network.from_edges` needs, gathered from the expanded netlist."""

    def __init__(
        self,
        expanded: Expanded,
        source: NetlistSource,
        places: Places,
        inputs: list[str | Source],
        laws: Sequence[type[Device]],
        dialect: str,
    ) -> None:
        self.file, self.places, self.dialect, self._said = source.title.file, places, dialect, source.renamed
        self.directives = expanded.directives
        self.edges: list[tuple[str, str]] = []
        self.names: list[str] = []
        self.conductances: list[float] = []
        self.jumpers: list[Source] = []
        self.devices: list[EdgeDevice] = []
        self.elements: list[Element] = []
        self._nodes: dict[str, str] = {GROUND: GROUND, "gnd": GROUND}

        wanted = {str(spec).lower() for spec in inputs if not isinstance(spec, Source)}
        resistors: list[Card] = []
        sources: list[tuple[Card, str]] = []
        others: list[Card] = []
        self._not_edges: dict[str, str] = {}
        for card in expanded.cards:
            self._check(card)
            kind = kind_of(card.name)
            if kind == "r":
                self._resistor(card, resistors)
                continue
            described = source_words(card) if kind in "vi" else None
            if described is None or (described.wave and not described.has_dc and card.name not in wanted):
                if "external" in card.rest:
                    raise self._line(card).error(f"nothing feeds the external source {self._name(card)}: make it an input")
                others.append(card)
            else:
                sources.append((card, described.dc))
        measured = self._measure(resistors, sources)
        parts = self._others(others, expanded.cards, measured, wanted, laws) if others else set()
        self._choose(inputs, [source for source in measured if source.name not in parts])

    def _line(self, card: Card) -> Line:
        return self.places.line(card.name) or Line(self.file, 1, card.text)

    def _check(self, card: Card) -> None:
        if kind_of(card.name) != "k" and len(card.words) < 3:
            raise self._line(card).error(f"{self._name(card)} needs two nodes or more")

    def _name(self, card: Card) -> str:
        return self.places.spelled(card.name)

    def _node(self, word: str) -> str:
        name = self._nodes.get(word)
        if name is None:
            name = self._nodes[word] = self.places.node(word)
        return name

    def _element(self, card: Card) -> None:
        from hwlearn.network.edges import Element

        nodes = tuple(self._node(word) for word in card.nodes)
        self.elements.append(Element(self._name(card), card.text, nodes, self._line(card).where))

    def _resistor(self, card: Card, resistors: list[Card]) -> None:
        word = resistance_word(card)
        if word is None:
            raise self._line(card).error(f"{self._name(card)} has no value (ngspice would take 1 mΩ); give one in ohms")
        if not is_zero(word):
            resistors.append(card)
            return
        self.jumpers.append(Source(self._name(card), "voltage", self._node(card.nodes[0]), self._node(card.nodes[1]), 0.0))

    def _measure(self, resistors: list[Card], sources: list[tuple[Card, str]]) -> list[Source]:
        given = [(kind_of(card.name), dc) for card, dc in sources]
        try:
            conductances, values, complaints = measure([card.rest for card in resistors], given, self.directives, self.dialect)
        except SimulationError as error:
            bad = (k for k, source in enumerate(given) if not has_value(*source, self.directives, self.dialect))
            if (card := next((sources[k][0] for k in bad), None)) is None:
                raise NetlistError(str(error), self.file) from None
            raise self._line(card).error(f"{self._name(card)} has no value at t = 0: {why_no_value(card)}") from None
        for k, text in complaints:
            raise self._line(resistors[k]).error(f"{self._name(resistors[k])} has no value and its model gives none ({text})")
        for card, value in zip(resistors, conductances.tolist(), strict=True):
            if not 0 < value < math.inf:
                what = "negative" if value < 0 else "infinite" if value == 0 else "not a number"
                raise self._line(card).error(
                    f"the resistance of {self._name(card)} is {what} ({' '.join(card.rest)}); it must be positive and finite"
                )
            self.edges.append((self._node(card.nodes[0]), self._node(card.nodes[1])))
            self.names.append(self._name(card))
            self.conductances.append(value)
        result = []
        for (card, _), value in zip(sources, values.tolist(), strict=True):
            if not math.isfinite(value):
                raise self._line(card).error(f"the value of {self._name(card)} is {value}; it must be finite")
            plus, minus = (self._node(word) for word in card.nodes[:2])
            # SPICE drives a current from the first node through the source to the second: into the circuit at the second.
            if kind_of(card.name) == "v":
                result.append(Source(self._name(card), "voltage", plus, minus, value))
            else:
                result.append(Source(self._name(card), "current", minus, plus, value))
        return result

    def _others(
        self, others: list[Card], cards: Sequence[Card], sources: list[Source], wanted: set[str], laws: Sequence[type[Device]]
    ) -> set[str]:
        """Make edges of the cards that a law reads so, and elements of the rest; returns the sources that belong to edges."""
        parts = set[str]()
        values = {source.name: source.value for source in sources}
        netlist = NetlistAround(map(self._spelled, cards), self.directives, values, wanted)
        elements: list[Card] = []
        for card in others:
            found = None
            try:
                found = read_edge(self._spelled(card), netlist, laws)
            except DeviceError as error:
                self._not_edges[card.name] = str(error)
            if found is None:
                elements.append(card)
                continue
            self.edges.append(found.ends)
            self.names.append(found.device.edge)
            self.conductances.append(found.conductance)
            self.devices.append(found.device)
            parts.update(found.parts)
        for card in elements:
            if self._name(card) not in parts:
                self._element(card)
        return parts

    def _spelled(self, card: Card) -> DeviceCard:
        return DeviceCard(self._name(card), tuple(map(self._node, card.nodes)), card.rest)

    def _choose(self, inputs: list[str | Source], sources: list[Source]) -> None:
        """Split the netlist's sources into inputs and fixed ones, and add sources for inputs that are nodes."""
        by_name = {source.name.lower(): source for source in sources}
        known = {node.lower(): node for edge in self.edges for node in edge}
        known |= {node.lower(): node for element in self.elements for node in element.nodes}
        known |= {node.lower(): node for s in (*sources, *self.jumpers) for node in (s.plus, s.minus)}
        known[GROUND] = GROUND
        known |= {new: known[old.lower()] for new, old in self._said.nodes.items() if old.lower() in known}
        by_name |= {new: by_name[old.lower()] for new, old in self._said.elements.items() if old.lower() in by_name}
        self._known = known
        self.inputs: list[Source] = []
        for spec in inputs:
            if not isinstance(spec, Source) and str(spec).lower() in by_name:
                self.inputs.append(by_name[str(spec).lower()])
                continue
            made = as_input(spec)
            plus, minus = (self._find(node, "input", str(spec), by_name) for node in (made.plus, made.minus))
            self.inputs.append(Source(made.name, made.kind, plus, minus, made.value))
        taken = {source.name for source in self.inputs}
        self.fixed = [source for source in (*sources, *_forest(self.jumpers)) if source.name not in taken]

    def _find(self, node: str, what: str, spec: str, others: Iterable[str] = ()) -> str:
        found = self._known.get(node.lower())
        if found is not None:
            return found
        line = self.places.line(spec)
        if line is not None:
            raise line.error(f"{what} {spec!r} is neither an independent source nor a node")
        names = {**self._known, **{name: self.places.spelled(name) for name in others}}
        close = get_close_matches(node.lower(), names, n=1, cutoff=0.5)
        hint = f"; did you mean {names[close[0]]!r}?" if close else ""
        kind = "source or node" if what == "input" else "node"
        raise NetlistError(f"{what} {spec!r}: the netlist has no {kind} {node!r}{hint}", self.file)

    def output(self, spec: str | Port) -> Port:
        """An output with its nodes as the netlist spells them."""
        port = as_output(spec)
        text = spec if isinstance(spec, str) else port.name
        return Port(self._find(port.plus, "output", text), self._find(port.minus, "output", text))

    def trainable(self, patterns: Iterable[str] | None) -> list[str] | NDArray[np.bool_] | None:
        """The patterns, none of which may mean only what is no edge; a mask of the resistors if there are none."""
        if patterns is None:
            others = {device.edge for device in self.devices}
            return np.array([name not in others for name in self.names]) if others else None
        chosen = [patterns] if isinstance(patterns, str) else [str(pattern) for pattern in patterns]
        for pattern in chosen:
            low = pattern.lower()
            if not any(fnmatch.fnmatchcase(name.lower(), low) for name in self.names):
                for jumper in self.jumpers:
                    if fnmatch.fnmatchcase(jumper.name.lower(), low) and (line := self.places.line(jumper.name)):
                        raise line.error(f"{jumper.name} is a 0 Ω jumper and cannot be trained; give it a resistance")
                for name, reason in self._not_edges.items():
                    if fnmatch.fnmatchcase(name, low) and (line := self.places.line(name)):
                        raise line.error(f"{self.places.spelled(name)} cannot be trained: {reason}")
        return chosen

    def line_of(self, message: str) -> Line | None:
        """The card that an error of `Network` is about: the first element, or else the first node, that it names."""
        named = re.findall(r"[^\s,;:'\"()]+", message)
        known = {*self.names, *(source.name for source in (*self.inputs, *self.fixed))} - _MESSAGE_WORDS
        for word in named:
            if word in known and (line := self.places.line(word)) is not None:
                return line
        if message.startswith("island"):
            return next((line for word in named[6:] if (line := self.places.user_of(word)) is not None), None)
        return None


def _forest(jumpers: list[Source]) -> list[Source]:
    """Jumpers without those that close a loop of jumpers alone: a wire beside a wire changes nothing."""
    root: dict[str, str] = {}

    def top(node: str) -> str:
        while node in root:
            root[node] = root.get(root[node], root[node])
            node = root[node]
        return node

    kept = []
    for jumper in jumpers:
        one, two = top(jumper.plus), top(jumper.minus)
        if one != two:
            root[one] = two
            kept.append(jumper)
    return kept


def _title(first: Line, path: Path) -> str:
    text = first.text.strip().lstrip("*").strip()
    if text.lower().startswith(".title"):
        text = text[6:].strip()
    return text or path.stem
