"""Facts of a netlist without an experiment: its elements, the ports that it offers, and what each backend makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.backend import BACKENDS
from hwlearn.circuits.drive import Drive
from hwlearn.errors import HwlearnError
from hwlearn.netlist.ignored import Ignored, ignored
from hwlearn.netlist.laws import read_elements
from hwlearn.network import Element, Network
from hwlearn.network.devices import Resistor
from hwlearn.network.devices.linear import LinearLaw
from hwlearn.show.facts.facts import Facts, Section, Table, named
from hwlearn.show.facts.network import counts
from hwlearn.text import GROUND

LINEAR, NEWTON, ONLY = "exact", "Newton's method", "ngspice only"
"""What becomes of an element: solved as linear equations, iterated, or simulated by ngspice alone."""


class Told(NamedTuple):
    """An element, and what becomes of it: `how`, and `why` if no law takes it. `where` is its file and line, if known."""

    name: str
    kind: str
    nodes: tuple[str, ...]
    value: str
    how: str
    why: str = ""
    where: str = ""


class Verdict(NamedTuple):
    """What a backend makes of the whole: `how` it solves it and the node voltages (N,) [V], or `why` it refuses."""

    backend: str
    how: str
    why: str
    voltages: Array | None


def netlist_facts(network: Network, folder: Path) -> Facts:
    """Elements, ports, and what each backend that is no hardware makes of it, measured once at the sources' own values.

    Args:
        network: read without ports: all its sources are fixed.
        folder: of the netlist.
    """
    elements, verdicts = list(_elements(network)), [_verdict(network, name, folder) for name in BACKENDS]
    sources = [f"{s.name} ({s.kind}, {s.value:.6g} {s.unit}, from {s.plus} to {s.minus})" for s in network.fixed_sources]
    left_out = ignored(network)
    pairs = [
        ("nodes", str(len(network.nodes))),
        ("could be inputs", named(sources) or "none: any node may be one, by a voltage source of its own"),
        ("could be outputs", named(node for node in network.nodes if node != GROUND)),
        *((verdict.backend, verdict.how or f"refused: {verdict.why}") for verdict in verdicts),
        *((("ignored by exact, at DC", str(left_out)),) if any(left_out) else ()),
    ]
    rows = [
        (*told[:2], " ".join(told.nodes), told.value, f"{told.how}: {told.why}" if told.why else told.how) for told in elements
    ]
    solved = [verdict for verdict in verdicts if verdict.voltages is not None]
    tables = [Table.of(("element", "kind", "nodes", "value", "solved by"), rows)]
    if solved:
        columns = np.stack([verdict.voltages for verdict in solved if verdict.voltages is not None], axis=1)
        tables.append(
            Table.of(
                ("node", *(f"{verdict.backend} [V]" for verdict in solved)),
                [
                    (node, *(f"{volts:.6g}" for volts in row))
                    for node, row in zip(network.nodes, columns.tolist(), strict=True)
                ],
            )
        )
    return Facts(
        network.title,
        counts(network),
        (Section(pairs=tuple(pairs), body=tuple(tables)),),
        _content(network, elements, verdicts, left_out),
    )


def _elements(network: Network) -> Iterator[Told]:
    for k, (edge, g) in enumerate(zip(network.edges, network.conductances.tolist(), strict=True)):
        device = network.device_at.get(k)
        if device is None:
            yield Told(edge.name, Resistor.word, edge[:2], f"{1 / g:.6g} Ω", LINEAR)
        else:
            value = f"{device.setting(g):.6g} {device.set_by.unit}"
            yield Told(edge.name, device.word, (*edge[:2], *device.further), value, NEWTON)
    for source in network.fixed_sources:
        word = "wire" if source.name[:1] in "rR" else f"{source.kind} source"
        yield Told(source.name, word, (source.plus, source.minus), f"{source.value:.6g} {source.unit}", LINEAR)
    for element in network.elements:
        yield _element(network, element)


def _element(network: Network, element: Element) -> Told:
    found, refused = read_elements([element], network.directives, network.laws, network.nodes)
    value = " ".join(element.card.split()[1 + len(element.nodes) :])
    if not found:
        why = refused[0].removeprefix(f"{element.where}: {element.card}").removeprefix(": ") or "no law reads it"
        return Told(element.name, element.name[:1].upper(), element.nodes, value, ONLY, why, element.where)
    linear = all(issubclass(branch.law, LinearLaw) for branch in found[0].branches)
    return Told(element.name, found[0].word, element.nodes, value, LINEAR if linear else NEWTON, "", element.where)


def _verdict(network: Network, name: str, folder: Path) -> Verdict:
    try:
        backend = BACKENDS.get(name)
        if backend.hardware:
            return Verdict(name, "", "hardware: needs a station file and an experiment", None)
        with backend.model_validate({"name": name}).circuit(network, folder) as circuit:
            measured = circuit.measure(Drive(np.zeros((1, len(network.inputs)))))
            return Verdict(name, str(measured.provenance), "", measured.node_voltages[0])
    except HwlearnError as error:
        return Verdict(name, "", " ".join(str(error).split()), None)


def _content(network: Network, elements: list[Told], verdicts: list[Verdict], left_out: Ignored) -> dict[str, Any]:
    names = ("name", "kind", "plus", "minus", "value", "unit")
    return {
        "title": network.title,
        "nodes": list(network.nodes),
        "inputs": [{name: getattr(source, name) for name in names} for source in network.fixed_sources],
        "outputs": [node for node in network.nodes if node != GROUND],
        "elements": [told._asdict() for told in elements],
        "ignored": left_out._asdict(),
        "backends": {
            verdict.backend: {
                "how": verdict.how or None,
                "why": verdict.why or None,
                "voltages": None
                if verdict.voltages is None
                else dict(zip(network.nodes, verdict.voltages.tolist(), strict=True)),
            }
            for verdict in verdicts
        },
    }
