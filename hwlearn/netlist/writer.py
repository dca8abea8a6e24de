"""Write a `Network` as a netlist that ngspice runs and `Network.from_netlist` reads back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from hwlearn.errors import DeviceError, NetlistError
from hwlearn.files import replace
from hwlearn.netlist.renamed import renamings
from hwlearn.network.devices import Names, Resistor
from hwlearn.network.devices.models import models_of
from hwlearn.spice.names import is_safe, safe_names
from hwlearn.text import GROUND, write_number

if TYPE_CHECKING:
    from hwlearn.network.edges import Element
    from hwlearn.network.network import Network

_RESISTOR = Resistor("")


def write_netlist(network: Network, path: str | PathLike[str] | None = None) -> str:
    """See `Network.to_netlist`. A name that ngspice would not keep is replaced; a comment line says by what, and gives it back
    when it is read.

    Raises:
        NetlistError: a conductance whose resistance overflows; nodes beside other elements that differ only in case.
        OSError: `path` cannot be written.
    """
    jumper = [source.value == 0 and source.kind == "voltage" and source.name[:1] in "rR" for source in network.sources]
    letters = ["r" if wire else "v" if s.kind == "voltage" else "i" for wire, s in zip(jumper, network.sources, strict=True)]
    taken = [element.card.split()[0].lower() for element in network.elements]
    nodes = _node_names(network)
    at = dict(zip(network.nodes, nodes, strict=True)) | {GROUND: GROUND}
    devices = [network.device_at.get(k, _RESISTOR) for k in range(len(network.edges))]
    kinds = [device.letter for device in devices] + letters
    names = _element_names([*network.edge_names, *(source.name for source in network.sources)], kinds, taken)
    edges, sources = names[: len(network.edges)], names[len(network.edges) :]
    free = _FreeNames([*names, *nodes, *taken, *models_of(network.directives)])

    lines = [f"* {' '.join(network.title.split())}"]
    if network.dialect:
        lines.append(f"* to be read with --dialect {network.dialect}, or dialect={network.dialect!r}")
    lines += renamings("node", network.nodes, nodes)
    lines += renamings("edge", network.edge_names, edges)
    lines += renamings("source", [source.name for source in network.sources], sources)
    if network.inputs:
        lines.append(f"* inputs: {' '.join(sources[: len(network.inputs)])}")
    for k, (name, edge, conductance) in enumerate(zip(edges, network.edges, network.conductances.tolist(), strict=True)):
        ends = (edge.tail, edge.head, *devices[k].further)
        try:
            lines += devices[k].cards(Names(name, tuple(at[node] for node in ends), free.of_one()), conductance).lines
        except DeviceError as error:
            raise NetlistError(f"{edge.name}: {error}") from None
    for name, source, letter in zip(sources, network.sources, letters, strict=True):
        # SPICE drives a current from the first node through the source to the second: into the circuit at the second.
        ends = (source.minus, source.plus) if letter == "i" else (source.plus, source.minus)
        value = "0" if letter == "r" else f"dc {write_number(source.value)}"
        lines.append(f"{name} {at[ends[0]]} {at[ends[1]]} {value}")
    lines += [_spelled_card(element) for element in network.elements]
    lines += [*network.directives, ".op", ".end", ""]
    text = "\n".join(lines)
    if path is not None:
        replace(Path(path), text.encode())
    return text


def _spelled_card(element: Element) -> str:
    """The card of an element with its name and nodes as the network spells them; ngspice lists lower case."""
    spelled = (element.name, *element.nodes)
    listed = element.card.split(maxsplit=len(spelled))
    alike = [word.lower() for word in listed[: len(spelled)]] == [word.lower() for word in spelled]
    return " ".join((*spelled, *listed[len(spelled) :])) if alike else element.card


def _node_names(network: Network) -> list[str]:
    """Verbatim where netlist elements refer to nodes by name."""
    if network.elements:
        if len({name.lower() for name in network.nodes}) < len(network.nodes):
            raise NetlistError("nodes that differ only in case beside netlist elements; rename one")
        return list(network.nodes)
    return _spelled(network.nodes, safe_names(network.nodes, "n"))


class _FreeNames:
    """Names that nothing in the netlist has."""

    def __init__(self, used: Iterable[str]) -> None:
        self._used = {name.lower() for name in used}
        self._numbers: dict[str, int] = {}

    def of_one(self) -> Callable[[str, str], str]:
        """`Names.own` of one device."""
        given: dict[tuple[str, str], str] = {}

        def own(letter: str, wanted: str) -> str:
            if (letter, wanted) not in given:
                given[letter, wanted] = self._new(
                    wanted if is_safe(wanted) and wanted.lower().startswith(letter) else f"{letter}own"
                )
            return given[letter, wanted]

        return own

    def _new(self, base: str) -> str:
        name, number = base, self._numbers.get(base, 0)
        while name.lower() in self._used:
            number += 1
            name = f"{base}_{number}"
        self._numbers[base] = number
        self._used.add(name.lower())
        return name


def _element_names(wanted: Sequence[str], kinds: Sequence[str], taken: list[str]) -> list[str]:
    result = [""] * len(wanted)
    for letter in dict.fromkeys(kinds):
        chosen = [k for k, kind in enumerate(kinds) if kind == letter]
        asked = [wanted[k] for k in chosen]
        for k, name in zip(chosen, _spelled(asked, safe_names(asked, letter, taken)), strict=True):
            result[k] = name
    return result


def _spelled(names: Iterable[str], safe: Iterable[str]) -> list[str]:
    return [name if name.lower() == other else other for name, other in zip(names, safe, strict=True)]
