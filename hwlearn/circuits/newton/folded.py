"""Resistors, biases and ideal diodes: driven nodes are folded into Norton currents, free ones are dense matrices."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.arrays import Array, Indices
from hwlearn.circuits.drive import Hold, Outputs
from hwlearn.circuits.measurement import Measurement, contrast_of
from hwlearn.circuits.newton.complementarity import Bounded, without_edges
from hwlearn.errors import DriveError, ModelError
from hwlearn.network import Network
from hwlearn.network.devices import Bias, Branches
from hwlearn.text import GROUND


class Folded:
    """The exact model of a network whose sources are to ground, with resistors, biases and ideal diodes at free nodes.

    A node that is driven is known, so the free nodes' law K x = A w + b + J, w the driven voltages, holds K (n × n) and
    A (n × driven) as dense matrices: right for networks whose layers are all connected. An ideal diode from or to a driven
    node bounds a free one (`Bounded`). Samples are rows.

    Args:
        dtype: of all matrices; float32 is twice as fast, and right to 1e-6.

    Raises:
        ModelError: the network has something else; says what.
    """

    def __init__(self, network: Network, laws: tuple[Branches, ...], diodes: list[tuple[str, str]], dtype: Any) -> None:
        self.network, self.dtype = network, np.dtype(dtype)
        merging, others = network.merging, [d for d in network.devices if not isinstance(d, Bias)]
        cluster = merging.cluster
        if others or any(branches.owners.min() < 0 for branches in laws):
            raise ModelError(
                "ideal diodes are modelled beside resistors and biases, not beside other devices; use backend ngspice"
            )
        if (cluster[merging.rows] >= 0).any() or len(np.unique(cluster[cluster >= 0])) < (cluster >= 0).sum():
            raise ModelError("beside ideal diodes all voltage sources go to ground; one here lies between free nodes")
        self.free, self.driven = np.flatnonzero(cluster >= 0), np.flatnonzero(cluster < 0)
        self.size, count = len(self.free), len(self.driven) + 1  # and ground
        place = np.append(np.full(len(cluster), count - 1), count - 1)  # among the driven; −1 is ground
        place[self.driven] = np.arange(len(self.driven))
        unknown = np.append(np.full(len(cluster), -1), -1)
        unknown[self.free] = np.arange(self.size)
        tails, heads = unknown[network.tails], unknown[network.heads]
        bias = np.zeros(len(tails), dtype=bool)
        bias[[place.edge for place in network.placed]] = True
        one, two = ~bias & (tails >= 0) & (heads < 0), ~bias & (tails < 0) & (heads >= 0)
        self._fold = np.flatnonzero(one | two)
        rows = np.maximum(tails, heads)[self._fold]
        columns = np.where(tails >= 0, place[network.heads], place[network.tails])[self._fold]
        self._near, rows = np.unique(rows, return_inverse=True)  # free nodes beside driven ones
        self._at = columns * len(self._near) + rows  # in Aᵀ, where a layer's edges stand side by side
        self._shape = count, len(self._near)
        self._inner = np.flatnonzero(~bias & (tails >= 0) & (heads >= 0))
        self._ends = tails[self._inner], heads[self._inner]
        self._bias = np.flatnonzero(bias)
        self._bias_ends = tails[bias], heads[bias]
        self._span = np.array([network.device_at[k].span for k in self._bias.tolist()])  # type: ignore[attr-defined]
        self._alone = len(np.unique(self._at)) == len(self._at)
        self._whole = _slice(self._fold), _slice(self._at)

        # w = P s: driven voltages of the sources' values.
        sources = network.sources
        voltage = [k for k, source in enumerate(sources) if source.kind == "voltage"]
        self._lifts = np.zeros((len(sources), count))
        for row, column, sign in zip(merging.rows, merging.columns, merging.signs, strict=True):
            self._lifts[voltage[column], place[row]] += sign
        entering = network.source_incidence.toarray() * np.array([[s.kind == "current"] for s in sources], dtype=float)
        self._entering = entering[:, self.free]
        self._fixed = np.array([source.value for source in network.fixed_sources])
        direct = self._lifts[: len(network.inputs)]
        self._plain = not len(self._fixed) and np.array_equal(direct, np.eye(*direct.shape))
        ports = network.port_incidence.toarray()
        self.outputs = ports[:, self.free]
        self._output_lifts = np.hstack((ports[:, self.driven], np.zeros((len(ports), 1))))
        bounds = _bounds(network, diodes, unknown, place)
        self._inner_nodes = without_edges(self.size, *self._ends, (free for free, _, _ in bounds))
        self._above, self._below = (_Ends.of(bounds, side) for side in (1, -1))

    def program(self, conductances: Array) -> Programmed:
        """Matrices at conductances (E,) S."""
        transposed = np.zeros(self._shape, dtype=self.dtype)
        flat, (of, to) = transposed.reshape(-1), self._whole
        if self._alone:
            flat[to] = conductances[of]
        else:
            np.add.at(flat, self._at, conductances[self._fold])
        g, (one, two) = conductances[self._inner], self._ends
        matrix = np.zeros((self.size, self.size))
        np.add.at(matrix, (one, two), -g)
        np.add.at(matrix, (two, one), -g)
        diagonal = np.arange(self.size)
        matrix[diagonal, diagonal] = -matrix.sum(axis=1)
        matrix[self._near, self._near] += transposed.sum(axis=0, dtype=np.float64)
        steady = np.zeros(self.size + 1)
        current = conductances[self._bias] - self._span
        np.add.at(steady, self._bias_ends[0], current)
        np.add.at(steady, self._bias_ends[1], -current)
        bounded = Bounded(matrix.astype(self.dtype), self._inner_nodes)
        return Programmed(conductances, transposed, steady[:-1].astype(self.dtype), bounded)

    def measure(self, at: Programmed, inputs: Array, outputs: Outputs, imposed: Array | None) -> FoldedMeasurement:
        """Measure S samples; `imposed` (S, n_out) as in `Circuit`."""
        count, kind = len(self.network.inputs), self.dtype
        values = inputs if not len(self._fixed) else np.hstack((inputs, np.tile(self._fixed, (len(inputs), 1))))
        driven = np.zeros((len(inputs), self._shape[0]), dtype=kind)
        if self._plain:
            driven[:, :count] = inputs
        else:
            driven[:] = values @ self._lifts
        right = np.tile(at.steady, (len(inputs), 1))
        right[:, self._near] += driven @ at.transposed
        if self._entering.any():
            right = right + (values @ self._entering).astype(kind)
        lower, upper = (np.full((len(inputs), self.size), bound, dtype=kind) for bound in (-np.inf, np.inf))
        self._above.tighten(np.maximum, lower, driven)
        self._below.tighten(np.minimum, upper, driven)
        held = None
        if isinstance(outputs, Hold):
            assert imposed is not None
            held = self.held_nodes
            lower[:, held] = upper[:, held] = imposed
        elif imposed is not None:
            right = right + (imposed @ self.outputs).astype(kind)
        x = at.bounded.solve(right, lower, upper, held)
        currents = np.zeros((len(inputs), len(self.outputs))) if imposed is None else np.array(imposed)
        if held is not None:
            currents = (at.bounded.residual(x, right)[:, held]).astype(np.float64)
        seen = x @ self.outputs.T.astype(kind)
        if self._output_lifts.any():
            seen = seen + driven @ self._output_lifts.T.astype(kind)
        return FoldedMeasurement(self, at, driven, x, seen.astype(np.float64), currents, count)

    @cached_property
    def held_nodes(self) -> Indices:
        """Free nodes of the outputs, which can be held if each is a node against ground.

        Raises:
            ModelError: one is not.
        """
        if (self.outputs.sum(axis=1) != 1).any() or (np.count_nonzero(self.outputs, axis=1) != 1).any():
            raise ModelError("beside ideal diodes only outputs against ground can be held")
        return np.asarray(self.outputs.argmax(axis=1))

    def contrast(self, one: FoldedMeasurement, two: FoldedMeasurement) -> Array:
        """(E,) V²: by products of the two phases' node voltages, never forming (S, E)."""
        difference, total = one.free - two.free, one.free + two.free
        own = np.einsum("sn,sn->n", difference, total)
        share, found = 1 / len(difference), np.zeros(len(self.network.edges))
        near = self._near
        # (a − w)(b − w) − …: the driven ends' part is a product, and a row of ones adds that of the free ends.
        ends = np.concatenate((one.driven, np.ones((1, one.driven.shape[1]), dtype=self.dtype)))
        others = np.concatenate((difference[:, near] * (-2 * share), own[None, near] * share)).astype(self.dtype)
        products = ends.T @ others
        of, to = self._whole
        found[of] = products.reshape(-1)[to]
        mixed, (tails, heads) = difference.T @ total, self._ends
        found[self._inner] = share * (own[tails] + own[heads] - mixed[tails, heads] - mixed[heads, tails])
        mean = np.append(difference.mean(axis=0), 0.0)
        found[self._bias] = -2.0 * (mean[self._bias_ends[0]] - mean[self._bias_ends[1]])
        return found


class _Ends(NamedTuple):
    """Diodes on one side: free nodes, and the driven nodes that bound them."""

    free: Indices
    driven: Indices
    alone: bool

    @classmethod
    def of(cls, bounds: list[tuple[int, int, int]], side: int) -> _Ends:
        chosen = np.array([pair for *pair, sign in bounds if sign == side], dtype=np.intp).reshape(-1, 2)
        return cls(chosen[:, 0], chosen[:, 1], len(np.unique(chosen[:, 0])) == len(chosen))

    def tighten(self, tighter: np.ufunc, bound: NDArray[Any], driven: NDArray[Any]) -> None:
        """Bounds (S, n) V by the voltages (S, driven) V, in place."""
        if self.alone:
            bound[:, self.free] = driven[:, self.driven]
        else:
            tighter.at(bound.T, self.free, driven[:, self.driven].T)


class Programmed(NamedTuple):
    """The matrices at some conductances.

    Attributes:
        conductances: (E,) S.
        transposed: Aᵀ (driven, n beside them) S.
        steady: b (n,) A.
        bounded: K.
    """

    conductances: Array
    transposed: NDArray[Any]
    steady: NDArray[Any]
    bounded: Bounded


class FoldedMeasurement(Measurement):
    """Voltages of driven and free nodes; edges are expanded only when asked for."""

    noise = 0.0
    provenance = "exact (complementarity, LAPACK)"

    def __init__(
        self,
        folded: Folded,
        at: Programmed,
        driven: NDArray[Any],
        free: NDArray[Any],
        voltages: Array,
        currents: Array,
        inputs: int,
    ) -> None:
        self._folded, self._at, self.driven, self.free, self._inputs = folded, at, driven, free, inputs
        self.output_voltages, self.output_currents = voltages, currents

    @cached_property
    def node_voltages(self) -> Array:
        network = self._folded.network
        voltages = np.zeros((len(self.free), len(network.nodes)))
        voltages[:, self._folded.driven] = self.driven[:, :-1]
        voltages[:, self._folded.free] = self.free
        return voltages

    @property
    def input_currents(self) -> Array:  # type: ignore[override]
        """Not told: NaN."""
        return np.full((len(self.free), self._inputs), np.nan)

    def edge_drops(self) -> Array:
        network = self._folded.network
        return self.node_voltages[:, network.tails] - self.node_voltages[:, network.heads]

    @property
    def power(self) -> Array:
        network = self._folded.network
        currents = network.edge_currents(self._at.conductances, self.node_voltages)
        return np.einsum("se,se->s", currents, self.edge_drops())

    def mean_square_drops(self, weights: ArrayLike | None = None) -> Array:
        drops = self.edge_drops()
        share = np.full(len(drops), 1.0 / len(drops)) if weights is None else np.asarray(weights, dtype=np.float64)
        return share @ drops**2

    def contrast(self, reference: Measurement) -> Array:
        if not isinstance(reference, FoldedMeasurement) or reference._folded is not self._folded:
            raise DriveError("a contrast needs two measurements of the same circuit with the same conductances")
        if np.array_equal(self.driven, reference.driven):
            return self._folded.contrast(self, reference)
        here, there = self.edge_drops(), reference.edge_drops()
        contrast = contrast_of(here, there)
        for k, device in self._folded.network.device_at.items():
            contrast[k] = device.contrast(here[:, k], there[:, k])
        return contrast

    def __getitem__(self, chosen: slice) -> FoldedMeasurement:
        parts = (self.driven[chosen], self.free[chosen], self.output_voltages[chosen], self.output_currents[chosen])
        return FoldedMeasurement(self._folded, self._at, *parts, self._inputs)


def _bounds(network: Network, diodes: list[tuple[str, str]], unknown: Indices, place: Indices) -> list[tuple[int, int, int]]:
    """(free node, driven node, +1 for a lower bound or −1 for an upper one) of each diode."""
    index = {**network.node_index, GROUND: network.node_index.get(GROUND, -1)}
    found = []
    for anode, cathode in diodes:
        ends = index[anode], index[cathode]
        free = [int(unknown[end]) for end in ends]
        if (free[0] >= 0) == (free[1] >= 0):
            raise ModelError(
                f"ideal diode from {anode} to {cathode}: one end is driven or ground, and the other is not; "
                "use backend ngspice, or a real diode"
            )
        lower = free[0] < 0  # from a driven anode, which the free cathode cannot fall below
        found.append((free[1], int(place[ends[0]]), 1) if lower else (free[0], int(place[ends[1]]), -1))
    return found


def _slice(positions: Indices) -> Indices | slice:
    """The positions, as a slice where they are consecutive: a copy instead of a gather."""
    consecutive = len(positions) and (np.diff(positions) == 1).all()
    return slice(int(positions[0]), int(positions[-1]) + 1) if consecutive else positions
