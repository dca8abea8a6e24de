"""Facts of a network and its task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from hwlearn.learning.task import Task
from hwlearn.network import EdgeDevice, Network, Source
from hwlearn.show.facts.facts import Facts, Section, Table

SHOWN = 12
"""Fixed sources, and other elements, that are listed."""

SHOWN_PORTS = 8
"""Columns of the task's table for inputs, and for outputs."""


def network_facts(network: Network, task: Task) -> Facts:
    """Ports, sources, elements, edges and samples."""
    circuit = Section(pairs=tuple(_pairs(network)), body=(_edges(network), *_devices(network)))
    samples = {"task": {"inputs": task.inputs.tolist(), "targets": task.targets.tolist()}}
    return Facts(
        network.title, counts(network), (circuit, Section(body=(_samples(network, task),))), _content(network) | samples
    )


def counts(network: Network) -> str:
    """How large it is."""
    return f"{len(network.nodes)} nodes, {len(network.edges)} {network.edge_word}s"


def _pairs(network: Network) -> list[tuple[str, str]]:
    pairs = [
        ("nodes", str(len(network.nodes))),
        (f"{network.edge_word}s", network.counted()),
    ]
    if len(network.edges):
        pairs.append(("conductances", f"{network.conductances.min():.4g} … {network.conductances.max():.4g} S"))
    pairs += [("input", f"{s.name}: {s.kind} from {s.plus} to {s.minus}") for s in network.inputs]
    pairs += [("output", name) for name in network.output_names]
    fixed = [f"{s.name}: {s.value:.6g} {s.unit} from {s.plus} to {s.minus}" for s in network.fixed_sources]
    pairs += _some("fixed source", fixed)
    return pairs + _some("other element", [element.card for element in network.elements])


def _some(name: str, texts: list[str]) -> list[tuple[str, str]]:
    more = [f"… {len(texts) - SHOWN} more"] if len(texts) > SHOWN else []
    return [(name, text) for text in [*texts[:SHOWN], *more]]


def _edges(network: Network) -> Table:
    rows = zip(network.edges, network.conductances.tolist(), network.trainable.tolist(), strict=True)
    return Table.of(
        (network.edge_word, "tail", "head", "conductance [S]", ""),
        [(edge.name, edge.tail, edge.head, f"{g:.6g}", "" if trained else "fixed") for edge, g, trained in rows],
    )


def _devices(network: Network) -> Iterator[Table]:
    """Of each law, how its edges are set and with which parameters."""
    kinds: list[type[EdgeDevice]] = list(dict.fromkeys(map(type, network.devices)))
    for kind in kinds:
        rows = []
        for k, device in network.device_at.items():
            if type(device) is kind:
                setting = device.setting(float(network.conductances[k]))
                numbers = (setting, *(getattr(device, parameter.name) for parameter in kind.parameters))
                rows.append((device.edge, *(f"{value:.6g}" for value in numbers), *device.further))
        columns = [parameter.column for parameter in (kind.set_by, *kind.parameters)]
        yield Table.of((kind.word, *columns, *kind.terminals[2:]), rows)


def _samples(network: Network, task: Task) -> Table:
    given = [f"{source.name} [{source.unit}]" for source in network.inputs]
    wanted = [f"→ {name} [V]" for name in network.output_names]
    rows = zip(task.inputs[:, :SHOWN_PORTS].tolist(), task.targets[:, :SHOWN_PORTS].tolist(), strict=True)
    return Table.of(
        ("sample", *given[:SHOWN_PORTS], *wanted[:SHOWN_PORTS]),
        [(str(k), *(f"{value:.6g}" for value in (*u, *y))) for k, (u, y) in enumerate(rows)],
    )


def _content(network: Network) -> dict[str, Any]:
    """Ports, edges and fixed sources for JSON."""

    def listed(sources: tuple[Source, ...]) -> list[dict[str, Any]]:
        names = ("name", "kind", "plus", "minus", "value", "unit")
        return [{name: getattr(source, name) for name in names} for source in sources]

    conductances = dict(zip(network.edge_names, network.conductances.tolist(), strict=True))
    return {
        "title": network.title,
        "nodes": list(network.nodes),
        "inputs": listed(network.inputs),
        "outputs": list(network.output_names),
        "fixed_sources": listed(network.fixed_sources),
        "devices": [
            {"law": device.word, **asdict(device), device.set_by.key: device.setting(conductances[device.edge])}
            for device in network.devices
        ],
        "other_elements": [element.card for element in network.elements],
        "edges": [
            {"name": edge.name, "tail": edge.tail, "head": edge.head, "conductance": g, "trainable": trained}
            for edge, g, trained in zip(network.edges, network.conductances.tolist(), network.trainable.tolist(), strict=True)
        ],
    }
