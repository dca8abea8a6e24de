"""`Topology`: what is connected to what, and the matrices that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hwlearn.arrays import Indices
from hwlearn.network.edges import Edge
from hwlearn.network.incidence import ends, incidence
from hwlearn.network.merging import Merging, merge
from hwlearn.network.ports import Port, Source

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Topology:
    """The graph of a `Network`: its nodes, edges, sources and ports. Conductances and devices play no part in it.

    The attributes are fields of `Network`, which describes them. N, E and n_out are the numbers of nodes, edges and outputs.
    """

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]
    inputs: tuple[Source, ...]
    outputs: tuple[Port, ...]
    fixed_sources: tuple[Source, ...]

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources: the inputs, then the fixed ones."""
        return (*self.inputs, *self.fixed_sources)

    @cached_property
    def edge_names(self) -> tuple[str, ...]:
        """Names of the edges, in order."""
        return tuple(edge.name for edge in self.edges)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs, in order."""
        return tuple(source.name for source in self.inputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return tuple(port.name for port in self.outputs)

    @cached_property
    def node_index(self) -> Mapping[str, int]:
        """Position of each node's name in `nodes`."""
        return {name: k for k, name in enumerate(self.nodes)}

    @cached_property
    def tails(self) -> Indices:
        """(E,) node index of each edge's tail."""
        return np.array([self.node_index[edge.tail] for edge in self.edges], dtype=np.intp)

    @cached_property
    def heads(self) -> Indices:
        """(E,) node index of each edge's head."""
        return np.array([self.node_index[edge.head] for edge in self.edges], dtype=np.intp)

    @cached_property
    def incidence(self) -> csr_array:
        """Incidence matrix B (E×N), sparse: +1 at an edge's tail, −1 at its head. A resistor onto itself has a zero row."""
        return incidence(self.tails, self.heads, len(self.nodes))

    @cached_property
    def port_incidence(self) -> csr_array:
        """C (n_out×N), sparse: output voltages are C v. +1 at a port's plus node, −1 at its minus node, nothing at ground."""
        return ends(self.outputs, self.node_index)

    @cached_property
    def source_incidence(self) -> csr_array:
        """(sources×N), sparse: +1 at a source's plus node, −1 at its minus node, nothing at ground; inputs first."""
        return ends(self.sources, self.node_index)

    @cached_property
    def merging(self) -> Merging:
        """How the voltage sources tie nodes together; its columns count the voltage sources among `sources`."""
        return merge(self.nodes, [(s.name, s.plus, s.minus) for s in self.sources if s.kind == "voltage"])

    def check_holdable(self) -> None:
        """Refuse to hold outputs that depend on each other.

        Raises:
            NetworkError: held outputs and sources form a loop; names them.
        """
        held = [(f"held output {p.name}", p.plus, p.minus) for p in self.outputs]
        merge(self.nodes, [(s.name, s.plus, s.minus) for s in self.sources if s.kind == "voltage"] + held)
