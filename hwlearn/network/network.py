"""`Network`: what a circuit is, before anything simulates or measures it. In one piece, see the class."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.display import shown
from hwlearn.errors import NetworkError
from hwlearn.network.arguments import mask_of, per_edge, ports
from hwlearn.network.checks import check, without_ground
from hwlearn.network.devices import (
    CONDUCTANCE,
    GATE_VOLTAGE,
    Branches,
    Device,
    EdgeDevice,
    Parameter,
    Placed,
    Resistor,
    branches_by_law,
)
from hwlearn.network.edges import Edge, Element
from hwlearn.network.given import nodes_of, read_bounds, read_edges
from hwlearn.network.graphs import read_graph
from hwlearn.network.incidence import ends, incidence
from hwlearn.network.merging import Merging, merge
from hwlearn.network.ports import Port, Source, as_input, as_output
from hwlearn.text import did_you_mean, listed

if TYPE_CHECKING:
    import networkx
    from scipy.sparse import csr_array

DEFAULT_BOUNDS = (1e-9, 1e3)
"""Conductance bounds [S] where none are given: 1 GΩ to 1 mΩ."""


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """A connected graph of resistors, and perhaps other devices, with sources and ports. Immutable: the `with_…` methods
    return changed copies.

    Make one with `from_edges`, `from_networkx`, `from_netlist` or a builder of `hwlearn.network.builders`. In one piece: its
    fields, ways to make one, what must hold of it, and the matrices that follow from it.

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

    # What it is

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
    def tails(self) -> NDArray[np.intp]:
        """(E,) node index of each edge's tail."""
        return np.array([self.node_index[edge.tail] for edge in self.edges], dtype=np.intp)

    @cached_property
    def heads(self) -> NDArray[np.intp]:
        """(E,) node index of each edge's head."""
        return np.array([self.node_index[edge.head] for edge in self.edges], dtype=np.intp)

    @cached_property
    def fixed(self) -> NDArray[np.intp]:
        """Indices of the edges that are not trainable."""
        return np.flatnonzero(~self.trainable)

    @cached_property
    def node_index(self) -> Mapping[str, int]:
        """Position of each node's name in `nodes`."""
        return {name: k for k, name in enumerate(self.nodes)}

    @cached_property
    def edge_names(self) -> tuple[str, ...]:
        """Names of the edges, in order."""
        return tuple(edge.name for edge in self.edges)

    @cached_property
    def typical_conductance(self) -> float:
        """Geometric mean of the conductances [S]."""
        return float(np.exp(np.log(self.conductances).mean()))

    @property
    def linear(self) -> bool:
        """True if there is nothing but resistors and sources."""
        return not self.elements and not self.devices

    @property
    def edge_word(self) -> str:
        """What an edge is called: a resistor, if all are."""
        return "edge" if self.devices else Resistor.word

    def counted(self) -> str:
        """How many edges there are and are trained, in words."""
        words = [device.word for device in self.devices]
        counts = [(len(self.edges) - len(words), Resistor.word), *((words.count(word), word) for word in dict.fromkeys(words))]
        kinds = " and ".join(f"{count} {word}s" for count, word in counts) if words else f"{len(self.edges)}"
        return f"{kinds}, of which {int(self.trainable.sum())} are trained"

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """The `devices`, with the nodes of their terminals and the positions of their edges."""
        place = {name: k for k, name in enumerate(self.edge_names)} if self.devices else {}
        edges = [place[device.edge] for device in self.devices]
        return tuple(
            Placed(device, (*self.edges[k][:2], *device.further), k) for device, k in zip(self.devices, edges, strict=True)
        )

    @cached_property
    def device_at(self) -> Mapping[int, EdgeDevice]:
        """The `devices` by the positions of their edges."""
        return {place.edge: device for place, device in zip(self.placed, self.devices, strict=True)}

    @cached_property
    def _edge_branches(self) -> tuple[Branches, ...]:
        return branches_by_law(((place, place.device.branches[0]) for place in self.placed), self.node_index)

    def edge_currents(self, conductances: NDArray[np.float64], voltages: NDArray[np.float64]) -> NDArray[np.float64]:
        """(S, E) A from tail to head, for conductances (E,) [S] and node voltages (S, N) [V]."""
        currents = (voltages[:, self.tails] - voltages[:, self.heads]) * conductances
        for branches in self._edge_branches:
            currents[:, branches.edges] = branches.currents(conductances, voltages)
        return currents

    @property
    def settings(self) -> dict[Parameter, dict[str, float]]:
        """What `devices` are set by instead of their conductance, such as a gate voltage; settings by names of edges."""
        found: dict[Parameter, dict[str, float]] = {}
        for k, device in self.device_at.items():
            if device.set_by != CONDUCTANCE:
                found.setdefault(device.set_by, {})[device.edge] = device.setting(float(self.conductances[k]))
        return found

    @property
    def gate_voltages(self) -> dict[str, float]:
        """Volts, by the names of the edges that have a gate."""
        return self.settings.get(GATE_VOLTAGE, {})

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs, in order."""
        return tuple(source.name for source in self.inputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return tuple(port.name for port in self.outputs)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources: the inputs, then the fixed ones."""
        return (*self.inputs, *self.fixed_sources)

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
        lost = set(names)
        if unknown := sorted(lost - set(self.edge_names)):
            raise NetworkError(f"no edge {unknown[0]!r}{did_you_mean(unknown[0], self.edge_names)}")
        stays = np.array([name not in lost for name in self.edge_names], dtype=bool)
        if floating := without_ground(self, stays):
            gone = ", ".join(name for name in self.edge_names if name in lost)
            raise NetworkError(f"without {gone}, nothing connects {listed(floating)} to a source or ground")
        return replace(
            self,
            edges=tuple(edge for edge in self.edges if edge.name not in lost),
            conductances=self.conductances[stays],
            trainable=self.trainable[stays],
            lower=self.lower[stays],
            upper=self.upper[stays],
            devices=tuple(device for device in self.devices if device.edge not in lost),
        )

    def with_ports(self, inputs: Iterable[str | Source] | None = None, outputs: Iterable[str | Port] | None = None) -> Network:
        """The same network with other inputs or outputs; an input may name one of its sources."""
        known = {source.name.lower(): source for source in self.sources}

        def find(spec: str | Source) -> Source:
            return known.get(str(spec).lower()) or as_input(spec)

        chosen = self.inputs if inputs is None else ports(inputs, find)
        names = {source.name for source in chosen}
        return replace(
            self,
            inputs=chosen,
            outputs=self.outputs if outputs is None else ports(outputs, as_output),
            fixed_sources=tuple(source for source in self.sources if source.name not in names),
        )
