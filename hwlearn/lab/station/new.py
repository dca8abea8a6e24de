"""`new_station`: a station file for a network, everything wired, and what only its owner knows left open as comments."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from hwlearn.lab.station.parts import Parts
from hwlearn.lab.station.settable import check_settable
from hwlearn.lab.station.write import inline, quoted
from hwlearn.network import Network, Source
from hwlearn.text import GROUND


def new_station(network: Network, parts: Parts, name: str, *, virtual: bool = False) -> str:
    """The text of a station file. Channels are counted in the order of the network's sources, nodes, outputs and edges.

    Args:
        virtual: `backend = "virtual"`, to try it without the bench.

    Raises:
        ModelError: the network has edges that no bench sets.
    """
    check_settable(network)
    return "\n".join(_lines(network, parts, name, virtual)) + "\n"


def _lines(network: Network, parts: Parts, name: str, virtual: bool) -> Iterator[str]:
    yield f"# Station of {network.title}; written by `hwlearn bench new`. Look for TODO."
    yield "schema = 1"
    yield f"name = {inline(name)}"
    yield ""
    yield "[defaults]"
    yield f'backend = "{"virtual" if virtual else "@py"}" # "virtual" simulates all of it, "@py" talks to it'
    yield "timeout_s = 10.0"
    for instrument, table in _instruments(network, parts):
        yield ""
        yield f"[instrument.{instrument}]"
        for word, value in table.items():
            yield f"{word} = {inline(value)}" + (" # TODO: your port" if word == "resource" else "")
    yield from _ports(network, parts)
    yield from _numbers(network, parts, virtual)
    yield from _edges(network, parts)


def _instruments(network: Network, parts: Parts) -> Iterator[tuple[str, dict[str, object]]]:
    """(name, keys of its table): those of the parts, and of source meters, which have one channel, one for each output."""
    for name, table in parts.instruments.items():
        yield name, table
        for number, more in enumerate(_meters(network, parts)[1:] if parts.nudge == (name, None) else (), 1):
            before, host, after = re.split(r"(\d+)(?=::5025)", str(table["resource"]))
            yield more, {**table, "resource": f"{before}{int(host) + number}{after}"}


def _meters(network: Network, parts: Parts) -> list[str]:
    """Names of the source meters: one for each output, and one if there are none."""
    name, _ = parts.nudge
    return [name, *(f"{name}{number}" for number in range(2, len(network.output_names) + 1))]


def _ports(network: Network, parts: Parts) -> Iterator[str]:
    drives, reads = _Counter(parts.drives), _Counter(parts.reads)
    for source in network.inputs:
        yield ""
        yield from _question(source)
        yield f"[input.{quoted(source.name)}]"
        yield f"drive = {inline(drives.next())}"
    grounded = set()
    for source in network.fixed_sources:
        yield ""
        yield f"[source.{quoted(source.name)}]"
        if not source.value and GROUND in (source.plus, source.minus):
            grounded.add(source.plus if source.minus == GROUND else source.minus)
            yield 'drive = "ground" # a wire'
        else:
            made = f"{source.value:g} {source.unit} from {source.minus} to {source.plus}"
            yield f'drive = "external" # TODO: {made}, or a channel'
    yield ""
    yield "[node] # each against ground"
    for node in network.nodes:
        if node != GROUND and node not in grounded:
            yield f"{quoted(node)} = {{ read = {inline(reads.next())} }}"
    yield from _outputs(network, parts, drives, reads)
    for counter, what in ((drives, "voltage channels"), (reads, "inputs")):
        yield from counter.missing(what)


def _outputs(network: Network, parts: Parts, drives: _Counter, reads: _Counter) -> Iterator[str]:
    _, ohm = parts.nudge
    for meter, name in zip(_meters(network, parts), network.output_names, strict=False):
        yield ""
        if ohm is None:
            yield f"[output.{quoted(name)}]"
            yield f"nudge = {inline(f'{meter}:1')}"
        elif "," in name:
            yield f"# TODO: output {name} is a difference, which takes a source meter: [output.{quoted(name)}], nudge = …"
        else:
            yield f"[output.{quoted(name)}] # nudged through a resistor, whose drop is the current"
            nudge = {"drive": drives.next(), "read": reads.next(), "series_ohm": ohm, "tolerance_v": 2 * parts.step}
            yield f"nudge = {inline(nudge)}"
    if not network.outputs:
        yield ""
        yield "# TODO: a netlist has no outputs; `hwlearn new` writes an experiment file that has: give `bench new` that one"


def _question(source: Source) -> Iterator[str]:
    if source.kind == "current":
        yield f"# TODO: {source.name} is a current source: wire a source meter"
    elif GROUND not in (source.plus, source.minus):
        yield f"# TODO: {source.name} is between two nodes: its channel must float, or ground one of them"


def _numbers(network: Network, parts: Parts, virtual: bool) -> Iterator[str]:
    pot = parts.pot
    fixed = [1 / g for g, trainable in zip(network.conductances, network.trainable, strict=True) if not trainable]
    most = min(pot.amperes * pot.smallest / 2, parts.volts, *([math.sqrt(0.25 * min(fixed)) / 2] if fixed else []))
    volts = math.floor(10 * most) / 10
    yield ""
    yield f"[limits] # {pot.part} takes {1e3 * pot.amperes:g} mA: {volts:g} V at one end and −{volts:g} V at the other"
    yield f"v_node_max = {volts:g}"
    yield f"v_compliance = {volts:g}"
    yield f"p_edge_max = {math.ceil(1e3 * (2 * volts) ** 2 / min(pot.smallest, *fixed, math.inf)) / 1e3:g}"
    yield ""
    yield "[measure]"
    yield f"range_v = {parts.range_v:g}"
    yield f"max_abs_v = {0.99 * parts.range_v:.3g}"
    yield f"high_z = {inline(parts.high_z)}"
    yield "nplc = 1"
    yield "repeats = 4"
    yield f"settle_s = {0 if virtual else 0.01} # TODO: `hwlearn bench check` says how long your network takes"
    yield ""
    yield "[program]"
    yield 'rounding = "stochastic" # learns below one code'
    yield ""
    yield "[safe]"
    meters = _meters(network, parts) if parts.nudge[1] is None else []
    yield f"order = {inline([*meters, *(name for name in parts.safe if name not in meters)])}"
    yield ""
    yield "[virtual] # what the virtual bench adds: a guess; `hwlearn bench calibrate` measures the real one"
    yield "seed = 1"
    yield "noise_v = 3e-5"
    yield "lsb_v = 6.25e-5"
    yield "pot_tolerance = 0.2"
    for word, value in parts.virtual.items():
        yield f"{word} = {inline(value)}"
    yield ""
    yield f"[table.pot] # {pot.part}, {pot.series:g} Ω in series"
    yield "bits = 8"
    yield f"full_scale_ohm = {pot.ohm * 255 / pot.steps:.6g}"
    yield f"wiper_ohm = {pot.wiper:g}"
    yield "min_code = 1"
    yield f"i_max = {pot.amperes:g}"


def _edges(network: Network, parts: Parts) -> Iterator[str]:
    pots = _Counter(parts.pots)
    yield ""
    yield "[edge]"
    for name, trainable, conductance in zip(network.edge_names, network.trainable, network.conductances, strict=True):
        if trainable:
            edge: dict[str, object] = {"set": pots.next(), "table": "pot", "series_ohm": parts.pot.series}
        else:
            edge = {"fixed_ohm": float(f"{1 / conductance:.6g}")}
        yield f"{quoted(name)} = {inline(edge)}"
    yield from pots.missing("resistors")


class _Counter:
    """Hands out channels, more than there are if need be."""

    def __init__(self, channels: tuple[str, int, int | None]) -> None:
        self._name, self._first, self._most = channels
        self._given = 0

    def next(self) -> str:
        """The next channel."""
        self._given += 1
        return f"{self._name}:{self._first + self._given - 1}"

    def missing(self, what: str) -> Sequence[str]:
        """A question if more were given than there are."""
        if self._most is None or self._given <= self._most:
            return ()
        return (f"# TODO: {self._given} {what}, and {self._name} has {self._most}: add chips, and name them in its wiring.py",)
