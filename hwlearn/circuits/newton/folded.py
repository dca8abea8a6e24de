"""Resistors, biases and ideal diodes: driven nodes are folded into Norton currents, free ones are dense matrices."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hwlearn.arrays import Array, Indices
from hwlearn.circuits.blocks import DenseBlock, consecutive
from hwlearn.circuits.drive import Hold, Outputs, Pull
from hwlearn.circuits.linalg import SparseMap
from hwlearn.circuits.newton.bounds import Side, bounds_of
from hwlearn.circuits.newton.complementarity import Bounded, without_edges
from hwlearn.circuits.newton.coupled import Coupled
from hwlearn.circuits.newton.folded_measurement import FoldedMeasurement
from hwlearn.circuits.newton.programmed import Programmed
from hwlearn.circuits.newton.single import Single
from hwlearn.errors import ModelError, SimulationError
from hwlearn.network import Network
from hwlearn.network.devices import Bias, Branches
from hwlearn.text import GROUND


class Folded:
    """The exact model of a network whose sources are to ground, with resistors, biases and ideal diodes at free nodes.

    A node that is driven is known, so the free nodes' law K x = w A + b + J, w the driven voltages, holds A (driven × n) and
    K (n × n) as dense matrices: right for networks whose layers are all connected. An ideal diode from or to a driven node
    bounds a free one (`Bounded`), one between free nodes couples them
    (`Coupled`). Samples are rows. Ground is the last of the driven nodes, at 0 V.

    Free nodes without edges among them come first, for these are eliminated. All that does not change with the conductances
    is made here.

    Args:
        dtype: of all matrices; float32 is twice as fast, and right to 1e-6.

    Attributes:
        free, driven: nodes of the network; `driven` is without ground.
        beside: free nodes that have edges to driven ones, in the order of `free`.
        to_driven: A, without the columns of all other nodes.
        between: positions of the edges among free nodes. ends: of each, both ends. pairs: of each, the two positions in an
            (n, n) matrix, flat.
        edge_ends: both ends of each edge among the free nodes, −1 if driven.
        diodes: (D, 2), anode and cathode of each among free nodes, then driven ones. labels: their names.
        biases: positions of the biases. bias_ends: their ends, −1 if driven.

    Raises:
        ModelError: the network has something else; says what.
    """

    def __init__(self, network: Network, laws: tuple[Branches, ...], ideal: list[Branches], dtype: Any) -> None:
        self.network, self.dtype = network, np.dtype(dtype)
        self.labels = [label for branches in ideal for label in branches.labels]
        _check(network, laws)
        merging = network.merging
        cluster = merging.cluster
        self.driven = np.flatnonzero(cluster < 0)
        self._count = len(self.driven) + 1
        bias = np.zeros(len(network.edges), dtype=bool)
        bias[[place.edge for place in network.placed]] = True
        diodes = [pair for branches in ideal for pair in branches.ends]
        bounds, coupled = bounds_of(network, diodes, cluster >= 0)
        self.free = self._ordered(cluster, bias, [bound.node for bound in bounds])
        self.size = size = len(self.free)

        # Positions among the free and among the driven nodes; the last one, −1, is ground.
        unknown, known = np.full(len(cluster) + 1, -1), np.full(len(cluster) + 1, self._count - 1)
        unknown[self.free], known[self.driven] = np.arange(size), np.arange(len(self.driven))
        tails, heads = self.edge_ends = unknown[network.tails], unknown[network.heads]
        self.diodes = np.where(unknown >= 0, unknown, size + known)[_positions(network, diodes)]
        fold = np.flatnonzero(~bias & ((tails >= 0) != (heads >= 0)))
        rows = np.where(tails >= 0, known[network.heads], known[network.tails])[fold]
        self.beside, columns = np.unique(np.maximum(tails, heads)[fold], return_inverse=True)
        feeding, rows = np.unique(rows, return_inverse=True)
        self._feeding = consecutive(feeding)
        self.to_driven = DenseBlock(fold, rows, columns, (len(feeding), len(self.beside)), self.dtype)
        between = np.flatnonzero(~bias & (tails >= 0) & (heads >= 0))
        self.ends = ends = tails[between], heads[between]
        self.pairs = ends[0] * size + ends[1], ends[1] * size + ends[0]
        self.between, self.biases = consecutive(between), consecutive(np.flatnonzero(bias))
        self.bias_ends = tails[bias], heads[bias]
        self.covered = len(fold) + len(between) + int(bias.sum()) == len(network.edges)
        self._matrix = _laplacian(size, *ends)
        self._entering_biases = _incidence(size, *self.bias_ends)
        self._span = np.array([network.device_at[k].span for k in np.flatnonzero(bias).tolist()])  # type: ignore[attr-defined]
        self._nothing, self._diagonal = np.zeros(size**2), self.beside * (size + 1)
        self._beside = consecutive(self.beside)
        self._ones = np.ones(len(feeding), dtype=self.dtype)

        # w = s P: driven voltages of the sources' values.
        sources = network.sources
        voltage = [k for k, source in enumerate(sources) if source.kind == "voltage"]
        self._lifts = np.zeros((len(sources), self._count))
        for row, column, sign in zip(merging.rows, merging.columns, merging.signs, strict=True):
            self._lifts[voltage[column], known[row]] += sign
        entering = network.source_incidence.toarray() * np.array([[s.kind == "current"] for s in sources], dtype=float)
        self._entering = entering[:, self.free] if entering[:, self.free].any() else None
        self._fixed = np.array([source.value for source in network.fixed_sources])
        self._plain = not len(self._fixed) and np.array_equal(self._lifts, np.eye(*self._lifts.shape))
        ports = network.port_incidence.toarray()
        self.outputs = ports[:, self.free]
        self._seen = self.outputs.T.astype(self.dtype)
        lifted = np.hstack((ports[:, self.driven], np.zeros((len(ports), 1))))
        self._seen_driven = lifted.T.astype(self.dtype) if lifted.any() else None
        beyond = [(unknown[bound.node], -1 if bound.driven < 0 else known[bound.driven]) for bound in bounds]
        at = np.array(beyond, dtype=np.intp).reshape(-1, 2)
        lower = np.array([bound.lower for bound in bounds], dtype=bool)
        self._fits = False  # whether bounds that hang on nothing do not exclude each other
        self._coupled = unknown[np.array(coupled, dtype=np.intp).reshape(-1, 2)]
        self._lower, self._upper = (Side(size, at[lower == side], side, self.dtype) for side in (True, False))

    def _ordered(self, cluster: Indices, bias: NDArray[np.bool_], bounded: list[int]) -> Indices:
        """Free nodes, those first that are eliminated; bounded ones are chosen for it first."""
        network, free = self.network, np.flatnonzero(cluster >= 0)
        place = np.append(np.full(len(cluster), -1), -1)
        place[free] = np.arange(len(free))
        tails, heads = place[network.tails], place[network.heads]
        between = ~bias & (tails >= 0) & (heads >= 0)
        inner = without_edges(len(free), tails[between], heads[between], place[bounded].tolist())
        self._inner = len(inner)
        return np.concatenate((free[inner], np.delete(free, inner)))

    def program(self, conductances: Array | Single) -> Programmed:
        """Matrices at conductances (E,) S."""
        if isinstance(conductances, Single):
            numbers: NDArray[Any] = conductances.numbers
            biases = conductances.devices
        else:
            numbers = conductances.astype(self.dtype, copy=False)  # as a `Single` has them
            biases = conductances[self.biases]
        block = self.to_driven.of(numbers)
        matrix = self._matrix.of(numbers[self.between].astype(np.float64), self._nothing)
        matrix[self._diagonal] += self._ones @ block
        current = biases - self._span
        steady = self._entering_biases.of(current, self._nothing[: self.size]).astype(self.dtype)
        square = matrix.astype(self.dtype).reshape(self.size, self.size)
        coupled = len(self._coupled) > 0
        bounded = Coupled(square, self._inner, self._coupled) if coupled else Bounded(square, self._inner)
        return Programmed(conductances, block, steady, bounded)

    def measure(self, at: Programmed, inputs: Array, outputs: Outputs, imposed: Array | None) -> FoldedMeasurement:
        """Measure S samples; `imposed` (S, n_out) as in `Circuit`."""
        driven, right, lower, upper = self.at_rest(at, inputs)
        held = None
        if isinstance(outputs, Hold):
            held = self.held_nodes
            if len(self._coupled):
                raise ModelError(
                    "with ideal diodes between free nodes outputs cannot be held yet; take ep, or backend ngspice"
                )
            lower, upper = (np.array(np.broadcast_to(bound, right.shape)) for bound in (lower, upper))
            lower[:, held] = upper[:, held] = imposed
        elif imposed is not None:
            force = outputs.conductance if isinstance(outputs, Pull) else 1.0
            right += (force * imposed).astype(self.dtype) @ self._seen.T
        bounded = at.pulled(outputs.conductance, self.held_nodes) if isinstance(outputs, Pull) else at.bounded
        x = bounded.solve(right, lower, upper, held)
        currents = np.zeros((len(inputs), len(self.outputs))) if imposed is None else np.array(imposed)
        if held is not None:
            currents = at.bounded.residual(x, right)[:, held].astype(np.float64)
        elif isinstance(outputs, Pull):
            currents = outputs.conductance * (currents - x[:, self.held_nodes])
        seen = x @ self._seen
        if self._seen_driven is not None:
            seen += driven @ self._seen_driven
        return FoldedMeasurement(self, at, driven, x, seen.astype(np.float64), currents)

    def at_rest(self, at: Programmed, inputs: Array) -> tuple[NDArray[Any], ...]:
        """Driven voltages w (S, driven) V, f (S, n) A with the outputs open, and the bounds of x, (S, n) or (1, n) V."""
        values = inputs if not len(self._fixed) else np.hstack((inputs, np.tile(self._fixed, (len(inputs), 1))))
        driven = self._driven(values)
        right = np.empty((len(inputs), self.size), dtype=self.dtype)
        right[:] = at.steady
        right[:, self._beside] += at.norton(self.feeding(driven))
        if self._entering is not None:
            right += (values @ self._entering).astype(self.dtype)
        lower, upper = self._lower.at(driven), self._upper.at(driven)
        if not (self._fits and len(lower) == len(upper) == 1):
            self._fits = _check_bounds(lower, upper)
        return driven, right, lower, upper

    def _driven(self, values: Array) -> NDArray[Any]:
        """(S, driven) V, for values (S, sources) of all sources."""
        driven = np.zeros((len(values), self._count), dtype=self.dtype)
        if self._plain:
            driven[:, : values.shape[1]] = values
        else:
            driven[:] = values @ self._lifts
        return driven

    def feeding(self, driven: NDArray[Any]) -> NDArray[Any]:
        """Of (S, driven) V, the columns of nodes that have edges to free ones."""
        return driven[:, self._feeding]

    @cached_property
    def held_nodes(self) -> Indices:
        """Free nodes of the outputs, which can be held, or pulled by resistors, if each is a node against ground.

        Raises:
            ModelError: one is not.
        """
        if (self.outputs.sum(axis=1) != 1).any() or (np.count_nonzero(self.outputs, axis=1) != 1).any():
            raise ModelError("beside ideal diodes only outputs against ground can be held, or pulled by resistors")
        return np.asarray(self.outputs.argmax(axis=1))


def _check_bounds(lower: NDArray[Any], upper: NDArray[Any]) -> bool:
    """True, for bounds between which there is something."""
    if (lower > upper).any():
        raise SimulationError("exact: ideal diodes hold a node above one voltage and below a lower one")
    return len(lower) == len(upper) == 1


def _check(network: Network, laws: tuple[Branches, ...]) -> None:
    """Refuse what is not resistors, biases, ideal diodes and sources to ground."""
    cluster, rows = network.merging.cluster, network.merging.rows
    if any(not isinstance(device, Bias) for device in network.devices) or any(branches.owners.min() < 0 for branches in laws):
        raise ModelError(
            "ideal diodes are modelled beside resistors and biases, not beside other devices; use backend ngspice"
        )
    if (cluster[rows] >= 0).any() or len(np.unique(cluster[cluster >= 0])) < (cluster >= 0).sum():
        raise ModelError("beside ideal diodes all voltage sources go to ground; one here lies between free nodes")


def _positions(network: Network, pairs: list[tuple[str, str]]) -> Indices:
    """(D, 2) of nodes in the network; −1 for ground."""
    at = {**network.node_index, GROUND: -1}
    return np.array([[at[node] for node in pair] for pair in pairs], dtype=np.intp)


def _laplacian(size: int, tails: Indices, heads: Indices) -> SparseMap:
    """Maps the conductances of edges among n nodes to the n² numbers of their Laplacian."""
    entries = (np.concatenate((tails * size + tails, heads * size + heads, tails * size + heads, heads * size + tails)),)
    edges, signs = np.tile(np.arange(len(tails)), 4), np.repeat([1.0, 1.0, -1.0, -1.0], len(tails))
    return SparseMap(csr_array((signs, (*entries, edges)), shape=(size**2, len(tails))))


def _incidence(size: int, tails: Indices, heads: Indices) -> SparseMap:
    """Maps the currents of sources from heads to tails, −1 for driven ones, to what enters n nodes."""
    nodes, sources = np.concatenate((tails, heads)), np.tile(np.arange(len(tails)), 2)
    signs, there = np.repeat([1.0, -1.0], len(tails)), nodes >= 0
    return SparseMap(csr_array((signs[there], (nodes[there], sources[there])), shape=(size, len(tails))))
