"""`why_tied`: which wires and voltage sources leave an output no voltage of its own."""

from __future__ import annotations

from collections.abc import Iterable

from hwlearn.network.ports import Port, Source


def why_tied(sources: Iterable[Source], port: Port) -> str:
    """What fixes the voltage of a port whose ends voltage sources join, and what to do; the end of a message.

    A wire is a resistor of 0 Ω, which is read as a source of 0 V of the same name.
    """
    import networkx

    graph = networkx.Graph()
    for source in sources:
        if source.kind == "voltage":
            graph.add_edge(source.plus, source.minus, source=source)
    if port.plus == port.minus:
        return "its two ends are one node; remove it"
    ends = networkx.utils.pairwise(networkx.shortest_path(graph, port.plus, port.minus))
    wires = [source.name for pair in ends if (source := graph.edges[pair]["source"]).name[:1] in "rR" and not source.value]
    if wires:
        return f"{', '.join(wires)} of 0 Ω fixes it; give {wires[0]} a resistance, or read another node"
    return "the voltage sources alone fix it; remove it"
