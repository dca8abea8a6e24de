"""Facts of a network and its task."""

from __future__ import annotations

from typing import Any

from hwlearn.learning.task import Task
from hwlearn.network import Network, Source
from hwlearn.show.facts.facts import Facts, Section, Table

SHOWN = 12
"""Fixed sources, and other elements, that are listed."""

SHOWN_PORTS = 8
"""Columns of the task's table for inputs, and for outputs."""


def network_facts(network: Network, task: Task) -> Facts:
    """Ports, sources, elements, edges and samples."""
    circuit = Section(pairs=tuple(_pairs(network)), body=(_edges(network), *_gates(network)))
    samples = {"task": {"inputs": task.inputs.tolist(), "targets": task.targets.tolist()}}
    return Facts(
        network.title, counts(network), (circuit, Section(body=(_samples(network, task),))), _content(network) | samples
    )


def counts(network: Network) -> str:
    """How large it is."""
    return f"{len(network.nodes)} nodes, {len(network.edges)} {'edges' if network.transistors else 'resistors'}"


def _pairs(network: Network) -> list[tuple[str, str]]:
    pairs = [
        ("nodes", str(len(network.nodes))),
        ("edges" if network.transistors else "resistors", network.counted()),
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
        ("edge" if network.transistors else "resistor", "tail", "head", "conductance [S]", ""),
        [(edge.name, edge.tail, edge.head, f"{g:.6g}", "" if trained else "fixed") for edge, g, trained in rows],
    )


def _gates(network: Network) -> list[Table]:
    if not network.transistors:
        return []
    volts = network.gate_voltages
    rows = [
        (t.edge, f"{volts[t.edge]:.6g}", f"{t.threshold:.6g}", f"{t.transconductance:.6g}", t.bulk)
        for t in network.transistors
    ]
    return [Table.of(("transistor", "gate [V]", "threshold [V]", "transconductance [S/V]", "bulk"), rows)]


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

    return {
        "title": network.title,
        "nodes": list(network.nodes),
        "inputs": listed(network.inputs),
        "outputs": list(network.output_names),
        "fixed_sources": listed(network.fixed_sources),
        "transistors": [
            {**transistor._asdict(), "gate_voltage": network.gate_voltages[transistor.edge]}
            for transistor in network.transistors
        ],
        "other_elements": [element.card for element in network.elements],
        "edges": [
            {"name": edge.name, "tail": edge.tail, "head": edge.head, "conductance": g, "trainable": trained}
            for edge, g, trained in zip(network.edges, network.conductances.tolist(), network.trainable.tolist(), strict=True)
        ],
    }
