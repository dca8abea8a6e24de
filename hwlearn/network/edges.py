"""`Edge` and `Element`: what a network consists of besides its sources."""

from __future__ import annotations

from typing import NamedTuple


class Edge(NamedTuple):
    """A resistor from `tail` (+1 in the incidence matrix) to `head` (−1)."""

    tail: str
    head: str
    name: str


class Element(NamedTuple):
    """A netlist element that is no edge and no DC source. ngspice simulates any, `NewtonCircuit` those that a law reads.

    `card` is its line as ngspice expands it, `nodes` the nodes it connects, `where` the file and line it comes from.
    """

    name: str
    card: str
    nodes: tuple[str, ...]
    where: str
