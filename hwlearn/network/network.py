"""`Network`: what a circuit is, before anything simulates or measures it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.display import shown
from hwlearn.errors import NetworkError
from hwlearn.network.arguments import mask_of, per_edge, ports
from hwlearn.network.changed import with_other_ports, without_edges
from hwlearn.network.checks import check
from hwlearn.network.components import Components
from hwlearn.network.devices import Device, EdgeDevice
from hwlearn.network.edges import Edge, Element
from hwlearn.network.given import nodes_of, read_bounds, read_edges
from hwlearn.network.graphs import read_graph
from hwlearn.network.ports import Port, Source, as_input, as_output
from hwlearn.text import listed

if TYPE_CHECKING:
    import networkx

DEFAULT_BOUNDS = (1e-9, 1e3)
"""Conductance bounds [S] where none are given: 1 GΩ to 1 mΩ."""


@dataclass(frozen=True, eq=False, repr=False)
class Network(Components):
    """A connected graph of resistors, and perhaps other devices, with sources and ports. Immutable: the `with_…` methods
    return changed copies.

    Make one with `from_edges`, `from_networkx`, `from_netlist` or a builder of `hwlearn.network.builders`.

    Attributes:
        nodes: N names. Ground, "0", is among them only if a resistor (or another element) touches it.
        edges: E edges.
        conductances: (E,) siemens, positive. A device may be set by something else, such as a gate voltage: see `EdgeDevice`.
        trainable: (E,) bool; the other edges are fixed.
        lower, upper: (E,) bounds of the conductances [S], respected by training.
        inputs: sources whose values a `Drive` sets: n_in.
        outputs: ports: n_out.
        fixed_sources: sources that stay at their own value.
        devices: of the edges that are no resistors.
        elements: what is neither edge nor source, such as diodes.
        directives: netlist lines that `elements` need (`.model`, `.temp`, …).
        title: for people.
        laws: classes of devices that may read `elements`, before those of `DEVICES`.
        dialect: of SPICE in which ngspice reads `elements`: "ps", "lt", "hs", "ki", or "" for its own.

    Raises:
        NetworkError: an unknown or doubled name, a value that is not positive and finite, a loop of voltage sources, nodes
            without a path to ground, an output whose voltage the sources already fix.
    """

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]
    conductances: NDArray[np.float64]
    trainable: NDArray[np.bool_]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    inputs: tuple[Source, ...] = ()
    outputs: tuple[Port, ...] = ()
    fixed_sources: tuple[Source, ...] = ()
    devices: tuple[EdgeDevice, ...] = ()
    elements: tuple[Element, ...] = ()
    directives: tuple[str, ...] = ()
    title: str = "network"
    laws: tuple[type[Device], ...] = ()
    dialect: str = ""

    # Ways to make one

    @classmethod
    def from_edges(
        cls,
        edges: Iterable[Sequence[Any]],
        conductances: ArrayLike = 1.0,
        *,
        inputs: Iterable[str | Source] = (),
        outputs: Iterable[str | Port] = (),
        names: Iterable[str] | None = None,
        trainable: ArrayLike | Iterable[str] | None = None,
        bounds: tuple[ArrayLike, ArrayLike] = DEFAULT_BOUNDS,
        fixed_sources: Iterable[Source] = (),
        devices: Iterable[EdgeDevice] = (),
        elements: Iterable[Element] = (),
        directives: Iterable[str] = (),
        title: str = "network",
        laws: Iterable[type[Device]] = (),
        dialect: str = "",
    ) -> Network:
        """A network from pairs of node names. In one piece: it reads each argument once, in their order.

        Args:
            edges: (tail, head) pairs; the text "0" (or "gnd") is ground, the number 0 is a node, n0.
            conductances: (E,) siemens, or one value for all.
            inputs: "A" is a voltage source from A to ground, "A,B" one between two nodes, "I(A)" a current source into A;
                or `Source` objects.
            outputs: "T" is a node's voltage, "T,M" a difference of two; or `Port` objects.
            names: (E,) names of the edges; R1, R2, … if not given.
            trainable: (E,) mask, or name patterns such as ["R*"]; every edge if not given.
            bounds: lower and upper conductance [S], each one value or (E,).
            fixed_sources: sources that no drive changes.
            devices: what makes some of the edges other than resistors. Bounds give way to their limits.
            elements, directives: see `Element`.
            laws: classes of devices that may read `elements`, before those of `DEVICES`.
            dialect: in which ngspice reads `elements`.
        """
        made = read_edges(edges, names)
        drives, fixed, others = ports(inputs, as_input), tuple(map(as_input, fixed_sources)), tuple(elements)
        chosen, labels, shape = tuple(devices), [edge.name for edge in made], (len(made),)
        lower, upper = read_bounds(bounds, labels, chosen)
        return cls(
            nodes=nodes_of(made, drives, fixed, others, chosen),
            edges=made,
            conductances=per_edge(conductances, shape, "conductances"),
            trainable=mask_of(trainable, labels),
            lower=lower,
            upper=upper,
            inputs=drives,
            outputs=ports(outputs, as_output),
            fixed_sources=fixed,
            devices=chosen,
            elements=others,
            directives=tuple(directives),
            title=title,
            laws=tuple(laws),
            dialect=dialect,
        )

    @classmethod
    def from_networkx(
        cls,
        graph: networkx.Graph[Any],
        *,
        inputs: Iterable[Any] = (),
        outputs: Iterable[Any] = (),
        conductance: str = "conductance",
        default: float | None = None,
        ground: Hashable | None = None,
        **options: Any,
    ) -> Network:
        """A network from a (di-, multi-) graph whose edges carry a conductance [S].

        Nodes are named by `str(node)`, but the number 0 by n0: only the texts "0" and "gnd", or `ground`, are ground. Edges
        take their name from the attribute "name" if all have one.

        Args:
            graph: any networkx graph.
            inputs, outputs: as in `from_edges`; nodes of the graph are understood as they are.
            ground: the node of the graph that is ground.
            conductance: the edge attribute that holds the conductance [S].
            default: conductance [S] of edges that lack it; without one, such an edge is an error.
            **options: passed to `from_edges`.
        """
        read = read_graph(graph, conductance, default, ground)
        if read.names:
            options.setdefault("names", read.names)
        nodes = read.nodes
        drives = [Source(f"V_{nodes[spec]}", "voltage", nodes[spec]) if spec in graph else spec for spec in inputs]
        reads = [Port(nodes[spec]) if spec in graph else spec for spec in outputs]
        return cls.from_edges(read.pairs, read.conductances, inputs=drives, outputs=reads, **options)

    @classmethod
    def from_netlist(
        cls,
        path: str | PathLike[str],
        *,
        inputs: Iterable[str | Source] = (),
        outputs: Iterable[str | Port] = (),
        trainable: Iterable[str] | None = None,
        bounds: tuple[ArrayLike, ArrayLike] = DEFAULT_BOUNDS,
        gate_bounds: tuple[float, float] | None = None,
        devices: Iterable[type[Device]] = (),
        trust: bool = False,
        control: Literal["ignore", "refuse", "trust"] | None = None,
        dialect: Literal["ps", "lt", "hs", "ki"] | None = None,
    ) -> Network:
        """A network from a SPICE netlist, read by ngspice itself.

        Args:
            path: the netlist.
            inputs: names of its sources that a drive shall set; the others stay at their value. A node may be given as
                well: it gets a voltage source of its own.
            outputs: nodes, or differences "T,M".
            trainable: patterns of names such as ["R*", "M*"], of resistors and other edges; every resistor if not given.
            bounds: lower and upper conductance [S].
            gate_bounds: lower and upper gate voltage [V] of edges that have a gate, instead of `bounds`.
            devices: laws that may read a card, before those of `DEVICES`.
            trust: let the netlist include files from outside its folder, have cards that open files, and run commands.
            control: what becomes of `.control` blocks: "ignore" them, "refuse" the netlist, or "trust" them and let them run.
                If not given, they are refused unless `trust`.
            dialect: of the whole netlist: PSpice, LTspice, HSPICE or KiCad; ngspice's own if not given.

        Raises:
            NetlistError: names file and line.
            LibraryNotFoundError: libngspice is missing.
        """
        from hwlearn.netlist.reader import read_netlist

        return read_netlist(
            path,
            inputs=inputs,
            outputs=outputs,
            trainable=trainable,
            bounds=bounds,
            gate_bounds=gate_bounds,
            devices=devices,
            trust=trust,
            control=control,
            dialect=dialect,
        )

    def _repr_svg_(self) -> str:
        """The picture that a notebook shows."""
        return shown(self, "network_svg")

    def to_netlist(self, path: str | PathLike[str] | None = None) -> str:
        """The network as a SPICE netlist that ngspice runs (`.op`); written to `path` if one is given."""
        from hwlearn.netlist.writer import write_netlist

        return write_netlist(self, path)

    # What must hold of it

    def __post_init__(self) -> None:
        self._freeze()
        check(self)

    def _freeze(self) -> None:
        for array in (self.conductances, self.trainable, self.lower, self.upper):
            array.setflags(write=False)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._freeze()  # a pickled or copied array is writable

    def __repr__(self) -> str:
        ports = f"inputs ({listed(self.input_names)}), outputs ({listed(self.output_names)})"
        return f"<Network {self.title!r}: {len(self.nodes)} nodes, {len(self.edges)} edges, {ports}>"

    def check_conductances(self, conductances: NDArray[np.float64]) -> None:
        """Refuse what cannot be the conductances [S] of this network's edges; names the first bad edge.

        Raises:
            NetworkError: wrong shape, not finite, or not positive.
        """
        if conductances.shape != (len(self.edges),):
            raise NetworkError(f"conductances have shape {conductances.shape}, need ({len(self.edges)},)")
        if len(self.edges) and not (np.minimum.reduce(conductances) > 0 and np.maximum.reduce(conductances) < np.inf):
            k = int(np.flatnonzero(~((conductances > 0) & (conductances < np.inf)))[0])
            raise NetworkError(f"conductance of {self.edges[k].name} is {conductances[k]:g} S; it must be positive and finite")

    @cached_property
    def fixed(self) -> NDArray[np.intp]:
        """Indices of the edges that are not trainable."""
        return np.flatnonzero(~self.trainable)

    @cached_property
    def typical_conductance(self) -> float:
        """Geometric mean of the conductances [S]."""
        return float(np.exp(np.log(self.conductances).mean()))

    # Changed copies

    def with_conductances(self, conductances: ArrayLike) -> Network:
        """The same network with other conductances, (E,) or one value [S]."""
        return replace(self, conductances=per_edge(conductances, (len(self.edges),), "conductances"))

    def with_found(self, conductances: ArrayLike) -> Network:
        """The same network with the conductances (E,) [S] that were found in it; bounds give way to them."""
        found = per_edge(conductances, (len(self.edges),), "conductances")
        return replace(self, conductances=found, lower=np.minimum(self.lower, found), upper=np.maximum(self.upper, found))

    def without(self, names: Iterable[str]) -> Network:
        """The same network without the edges of these names. Its nodes and ports stay.

        Raises:
            NetworkError: no such edge; names the nodes that would hang on nothing.
        """
        return without_edges(self, set(names))

    def with_ports(self, inputs: Iterable[str | Source] | None = None, outputs: Iterable[str | Port] | None = None) -> Network:
        """The same network with other inputs or outputs; an input may name one of its sources."""
        return with_other_ports(self, inputs, outputs)
