"""The netlist that `NgspiceCircuit` loads: one deck for open, injected and held outputs."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.errors import ModelError
from hwlearn.network import Network
from hwlearn.network.devices import Names
from hwlearn.network.ports import Source
from hwlearn.spice.names import OWN, safe_names
from hwlearn.text import GROUND, write_number

SWEEP = "vhwl_sweep"

TOLERANCES = (
    {"reltol": 1e-11, "vntol": 1e-12, "abstol": 1e-15},
    {"reltol": 1e-8, "vntol": 1e-10, "abstol": 1e-13},
    {"reltol": 1e-6, "vntol": 1e-8, "abstol": 1e-12},
    {"reltol": 1e-3, "vntol": 1e-6, "abstol": 1e-12},
)
"""Newton's, for nonlinear circuits [–, V, A]: the first are taken with which it converges. The last, ngspice's own, drown
nudges; far below the first it does not converge any more, for rounding. Large circuits with a light node do not at the first.
A netlist's options win."""


class Deck:
    """Lines and names of a network in ngspice.

    Each output k from p to m is a node x of its own, tied to p by a 0 V source that senses the port current i, and Kirchhoff's
    law at x reads

        (1 − f) i = γ (target − (v_p − v_m)) + J

    with f the gain of a current-controlled source, γ that of a voltage-controlled one, and one external source that delivers
    `J + γ target`. f = γ = 0 injects J (open: J = 0); f = 1, γ > 0, J = 0 holds the target; f = 0, γ > 0, J = 0 pulls to it
    by a resistor of γ. All are exact: no helper resistor, and one paused sweep serves all phases. To hold, γ of the order of
    the circuit's conductances keeps the rounding small.

    Attributes:
        nodes: name of each network node.
        inputs: name of the source of each input.
        tolerances: of Newton's method, to be tried in turn; empty ones where the network is linear or its options set all.
        alters: command that sets each edge, with a place for its number from `values`.
    """

    def __init__(self, network: Network) -> None:
        self.nodes = node_names(network)
        at = dict(zip(network.nodes, self.nodes, strict=True)) | {GROUND: GROUND}
        resistors = [f"r{k}" for k in range(len(network.edges))]
        self.alters = [f"alter {name}=%.17g" for name in resistors]
        self._devices = network.device_at
        sources = source_names(network.sources)
        self.inputs = sources[: len(network.inputs)]
        if network.elements:
            _check_verbatim(network, self.nodes, sources)
        cards = [
            f"{name} {at[edge.tail]} {at[edge.head]} {write_number(1 / g)}"
            for name, edge, g in zip(resistors, network.edges, network.conductances.tolist(), strict=True)
        ]
        for place, device in zip(network.placed, network.devices, strict=True):
            k, own = place.edge, partial(_own_name, place.edge)
            names = Names(own(device.letter, "edge"), tuple(at[node] for node in place.nodes), own)
            written = device.deck(names, float(network.conductances[k]))
            cards[k], self.alters[k] = "\n".join(written.lines), written.alter
        lines = [".title hwlearn", *"\n".join(cards).split("\n")]
        for k, (name, source) in enumerate(zip(sources, network.sources, strict=True)):
            value = "external" if k < len(self.inputs) else f"dc {write_number(source.value)}"
            lines.append(f"{name} {source_ends(source, at)} {value}")
        for k, port in enumerate(network.outputs):
            plus, minus, inner = at[port.plus], at[port.minus], f"hwl_x{k}"
            lines += [
                f"{sense(k)} {inner} {plus} 0",
                f"fhwl_{k} {minus} {inner} {sense(k)} 0",
                f"ghwl_{k} {inner} {minus} {plus} {minus} 0",
                f"{drive(k)} {minus} {inner} external",
            ]
        if not network.linear:
            lines += [element.card for element in network.elements]
        self._lines = lines
        given = " ".join(line for line in network.directives if line.startswith(".opt"))
        free = [name for name in TOLERANCES[0] if f"{name}=" not in given and not network.linear]
        wanted = [{name: step[name] for name in free} for step in TOLERANCES]
        self.tolerances = [step for k, step in enumerate(wanted) if step not in wanted[:k]]
        self._last = [*network.directives, f"{SWEEP} hwl_sweep 0 0", ".end"]

    def lines(self, *, klu: bool, step: int = 0) -> list[str]:
        """The deck, title first, with one of `tolerances`.

        Args:
            klu: whether ngspice has KLU: as fast as Sparse 1.3 at 100 nodes, 2 to 3.5 × at 900.
            step: which of the tolerances.
        """
        given = [f"{name}={write_number(value)}" for name, value in self.tolerances[step].items()]
        options = [*(["klu"] if klu else []), *given]
        return [*self._lines, *([f".options {' '.join(options)}"] if options else []), *self._last]

    def values(self, edges: NDArray[np.intp], conductances: Array) -> list[float]:
        """What `alters` need to set some edges to conductances [S]: resistances [Ω], and the settings of devices."""
        values: list[float] = (1 / conductances).tolist()
        for k, edge in enumerate(edges.tolist() if self._devices else ()):
            if edge in self._devices:
                values[k] = self._devices[edge].setting(float(conductances[k]))
        return values


def _own_name(edge: int, letter: str, wanted: str) -> str:
    """`Names.own` of an edge's device."""
    return f"{letter}{OWN}{edge}_{re.sub(r'[^a-z0-9]', '_', wanted.lower())}"


def sense(output: int) -> str:
    """Name of the source that senses an output's current."""
    return f"vhwl_{output}"


def drive(output: int) -> str:
    """Name of the source that drives an output."""
    return f"ihwl_{output}"


def node_names(network: Network) -> list[str]:
    """Each node's name in ngspice; verbatim where netlist elements refer to nodes by name."""
    return [name.lower() for name in network.nodes] if network.elements else safe_names(network.nodes, "n")


def source_names(sources: tuple[Source, ...]) -> list[str]:
    """Each source's name in ngspice."""
    names = [""] * len(sources)
    taken: set[str] = set()
    for kind, letter in (("voltage", "v"), ("current", "i")):
        chosen = [k for k, source in enumerate(sources) if source.kind == kind]
        for k, name in zip(chosen, safe_names([sources[k].name for k in chosen], letter, taken), strict=True):
            names[k] = name
            taken.add(name)
    return names


def source_ends(source: Source, at: dict[str, str]) -> str:
    """The two nodes of a source in SPICE's order: a current source drives current from its first node to its second."""
    plus, minus = at[source.plus], at[source.minus]
    return f"{plus} {minus}" if source.kind == "voltage" else f"{minus} {plus}"


def _check_verbatim(network: Network, nodes: list[str], sources: list[str]) -> None:
    doubled = {name for name in nodes if nodes.count(name) > 1} if len(set(nodes)) < len(nodes) else set()
    ours = [name for name in nodes if name.startswith(OWN)]
    if ours:
        raise ModelError(f"node {ours[0]!r}: names that start with {OWN} are hwlearn's own; rename it")
    renamed = [source.name for source, name in zip(network.sources, sources, strict=True) if source.name.lower() != name]
    if doubled:
        raise ModelError(f"nodes that differ only in case beside netlist elements: {', '.join(sorted(doubled))}; rename one")
    controlling = " ".join(element.card.lower() for element in network.elements).split()
    for name in renamed:
        if name.lower() in controlling:
            raise ModelError(
                f"source {name!r} controls a netlist element but has a name that ngspice does not keep; rename it"
            )
