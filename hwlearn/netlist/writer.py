"""Write a `Network` as a netlist that ngspice runs and `Network.from_netlist` reads back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import count
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from hwlearn.errors import NetlistError
from hwlearn.files import replace
from hwlearn.netlist.models import models_of
from hwlearn.netlist.transistors import TransistorNames, transistor_cards
from hwlearn.spice.names import safe_names
from hwlearn.text import GROUND, write_number

if TYPE_CHECKING:
    from hwlearn.network.network import Network


def write_netlist(network: Network, path: str | PathLike[str] | None = None) -> str:
    """See `Network.to_netlist`. A name that ngspice would not keep is replaced; a comment line says by what.

    Raises:
        NetlistError: a conductance whose resistance overflows; nodes beside other elements that differ only in case.
        OSError: `path` cannot be written.
    """
    jumper = [source.value == 0 and source.kind == "voltage" and source.name[:1] in "rR" for source in network.sources]
    letters = ["r" if wire else "v" if s.kind == "voltage" else "i" for wire, s in zip(jumper, network.sources, strict=True)]
    taken = [element.card.split()[0].lower() for element in network.elements]
    nodes = _node_names(network)
    at = dict(zip(network.nodes, nodes, strict=True)) | {GROUND: GROUND}
    channels = dict(zip(network.channels.edges.tolist(), network.transistors, strict=True))
    gates = [transistor.gate or f"VG{transistor.edge}" for transistor in network.transistors]
    kinds = ["m" if k in channels else "r" for k in range(len(network.edges))] + letters + ["v"] * len(gates)
    names = _element_names([*network.edge_names, *(source.name for source in network.sources), *gates], kinds, taken)
    edges, sources = names[: len(network.edges)], names[len(network.edges) : len(names) - len(gates)]
    written = _transistor_names(network, nodes, dict(zip(channels, names[len(names) - len(gates) :], strict=True)), edges)

    lines = [f"* {' '.join(network.title.split())}"]
    lines += _renamings("node", network.nodes, nodes)
    lines += _renamings("edge", network.edge_names, edges)
    lines += _renamings("source", [source.name for source in network.sources], sources)
    if network.inputs:
        lines.append(f"* inputs: {' '.join(sources[: len(network.inputs)])}")
    for k, (name, edge, conductance) in enumerate(zip(edges, network.edges, network.conductances.tolist(), strict=True)):
        if k in channels:
            ends = at[edge.tail], at[edge.head]
            lines += transistor_cards(channels[k], conductance, ends, at[channels[k].bulk], written[k])
            continue
        resistance = 1 / conductance
        if not 0 < resistance < math.inf:
            raise NetlistError(f"{edge.name}: {conductance} S has no resistance that can be written")
        lines.append(f"{name} {at[edge.tail]} {at[edge.head]} {write_number(resistance)}")
    for name, source, letter in zip(sources, network.sources, letters, strict=True):
        # SPICE drives a current from the first node through the source to the second: into the circuit at the second.
        ends = (source.minus, source.plus) if letter == "i" else (source.plus, source.minus)
        value = "0" if letter == "r" else f"dc {write_number(source.value)}"
        lines.append(f"{name} {at[ends[0]]} {at[ends[1]]} {value}")
    lines += [element.card for element in network.elements]
    lines += [*network.directives, ".op", ".end", ""]
    text = "\n".join(lines)
    if path is not None:
        replace(Path(path), text.encode())
    return text


def _node_names(network: Network) -> list[str]:
    """Verbatim where netlist elements refer to nodes by name."""
    if network.elements:
        if len({name.lower() for name in network.nodes}) < len(network.nodes):
            raise NetlistError("nodes that differ only in case beside netlist elements; rename one")
        return list(network.nodes)
    return _spelled(network.nodes, safe_names(network.nodes, "n"))


def _transistor_names(
    network: Network, nodes: Sequence[str], sources: dict[int, str], edges: Sequence[str]
) -> dict[int, TransistorNames]:
    """By edge, for the names of their gates' sources: gate nodes and models get names that nothing else has."""
    used = {name.lower() for name in nodes} | set(models_of(network.directives))
    free = (f"g{number}" for number in count(1))
    result = {}
    for k, source in sources.items():
        name = next(name for name in free if name not in used and f"t{name}" not in used)
        result[k] = TransistorNames(edges[k], source, name, f"t{name}")
    return result


def _element_names(wanted: Sequence[str], kinds: Sequence[str], taken: list[str]) -> list[str]:
    result = [""] * len(wanted)
    for letter in "rmvi":
        chosen = [k for k, kind in enumerate(kinds) if kind == letter]
        asked = [wanted[k] for k in chosen]
        for k, name in zip(chosen, _spelled(asked, safe_names(asked, letter, taken)), strict=True):
            result[k] = name
    return result


def _spelled(names: Iterable[str], safe: Iterable[str]) -> list[str]:
    return [name if name.lower() == other else other for name, other in zip(names, safe, strict=True)]


def _renamings(what: str, names: Iterable[str], written: Iterable[str]) -> list[str]:
    return [f"* {what} {new} stands for {old!r}" for old, new in zip(names, written, strict=True) if old != new]
