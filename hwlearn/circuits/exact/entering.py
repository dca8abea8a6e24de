"""`Entering`: what the sources bring into the free nodes, and what contrasts are made of, as sparse or as dense matrices."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy.sparse import csr_array, hstack, vstack

from hwlearn.arrays import Array, Indices
from hwlearn.circuits.answers import summed
from hwlearn.circuits.blocks import DenseBlock
from hwlearn.circuits.exact.pattern import edge_products
from hwlearn.circuits.exact.system import System
from hwlearn.circuits.kernels import csc_matvecs, csr_matvecs
from hwlearn.circuits.linalg import Diagonal, SparseMap

FILLED = 0.5
"""Part of the pairs of a driven and a free node that have an edge, from which a dense matrix is faster."""

LEAST = 1000
"""Numbers of a dense matrix below which its few operations more are not worth while."""


class Entering(ABC):
    """A(g) (n × sources): the currents into the free nodes for a unit of each source, and the numbers of K beside them.

    Columns of potentials, source values and their answers are rows here: (k, n), (k, sources).

    Attributes:
        few: samples up to which it is cheaper to solve for each of them than to have the outputs' transfer from all sources.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        lifts = system.seen.lifts_of_outputs(len(system.port_rows))
        self._output_lifts = lifts if lifts.any() else None
        self.few = _few(system.size, len(lifts.T)) if isinstance(system.cholesky, Diagonal) else 0

    def lifted(self, outputs: Array, values: Array | None) -> Array:
        """Outputs (k, n_out) V with what source values (k, sources) lift them by; a unit of each source if not given."""
        if self._output_lifts is None:
            return outputs
        return outputs + (self._output_lifts if values is None else values.dot(self._output_lifts))

    @abstractmethod
    def assemble(self, conductances: Array) -> tuple[Array, Array]:
        """The numbers of K's pattern, and those of A, for conductances (E,) S."""

    @abstractmethod
    def transfer(self, numbers: Array, ports: Array) -> Array:
        """(sources, n_out): Aᵀ Λ, for Λᵀ (n_out, n)."""

    @abstractmethod
    def currents(self, numbers: Array, values: Array) -> Array:
        """(k, n) A into the free nodes for source values (k, sources)."""

    @abstractmethod
    def contrast(self, change: Array, potentials: Array, values: Array) -> Array:
        """(E,): Σ_k of the drops by `change` (k, n) alone times those by potentials (k, n) and source values (k, sources)."""


class SparseEntering(Entering):
    """A as the numbers of a pattern, and drops edge by edge."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        rows, columns, edges, values = edge_products(system.into, system.raised)
        place: Indices
        place, entry = np.unique(rows * system.sources + columns, return_inverse=True)
        constants = np.zeros(len(place))
        currents = system.merged_injections
        if currents is not None:
            injected = np.flatnonzero(currents)
            union = np.union1d(place, injected)
            entry, place, constants = np.searchsorted(union, place)[entry], union, np.zeros(len(union))
            constants[np.searchsorted(union, injected)] = currents.reshape(-1)[injected]
        self._entries, size, sources = system.assembly.shape[0], system.size, system.sources
        of_edges = csr_array((values, (entry, system.touched[edges])), shape=(len(place), system.assembly.shape[1]))
        self._numbers = SparseMap(csr_array(vstack((system.assembly, of_edges), format="csr")))
        self._constants = np.concatenate((np.zeros(self._entries), constants))
        counts = np.bincount(place // sources, minlength=size)
        indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
        self._pattern = indptr, np.asarray(place % sources, dtype=np.int32)
        outputs = len(system.port_rows)
        self._ones = np.ones(outputs)
        by_potentials, by_sources = csr_array(system.seen_matrix[outputs:]), system.seen_lifts[outputs:]
        self._by_potentials = SparseMap(by_potentials)
        self._drops = SparseMap(csr_array(hstack((by_potentials, by_sources), format="csr")))  # by these and then by those

    def assemble(self, conductances: Array) -> tuple[Array, Array]:
        numbers = self._numbers.of(conductances, self._constants)
        return numbers[: self._entries], numbers[self._entries :]

    def transfer(self, numbers: Array, ports: Array) -> Array:
        sources, (count, size) = self.system.sources, ports.shape
        found = np.zeros((sources, count))
        # Aᵀ in CSC is A in CSR.
        csc_matvecs(sources, size, count, *self._pattern, numbers, ports.T.reshape(-1), found.reshape(-1))
        return found

    def currents(self, numbers: Array, values: Array) -> Array:
        size, (count, sources) = self.system.size, values.shape
        found = np.zeros((size, count))
        csr_matvecs(size, sources, count, *self._pattern, numbers, values.T.reshape(-1), found.reshape(-1))
        return np.ascontiguousarray(found.T)

    def contrast(self, change: Array, potentials: Array, values: Array) -> Array:
        drops = self._by_potentials.of_columns(np.ascontiguousarray(change.T))
        drops *= self._drops.of_columns(np.concatenate((potentials, values), axis=1).T.copy())
        return drops.dot(self._ones[: len(change)])


class DenseEntering(Entering):
    """A crossbar's: most driven nodes have an edge to most free ones, so G (driven × n) and contrasts are dense matrices.

    With source values s the driven nodes are at w = L s, and A = Gᵀ L. An edge between a driven node and a free one has the
    drop w − v, and −x by a change x of the free potentials alone, so Σ_k of the products is x·v − w·x: a matrix product.

    Args:
        block: G. lifts: L (driven × sources), None if it is the identity.
        others: positions of the edges that are not in the block.
    """

    def __init__(self, system: System, block: DenseBlock, lifts: csr_array | None, others: Indices) -> None:
        super().__init__(system)
        self._block, self._others = block, others
        self._lifts = None if lifts is None else lifts.toarray()
        outputs = len(system.port_rows)
        self._drops = SparseMap(csr_array(system.seen_matrix[outputs + others]))
        self._raised = SparseMap(csr_array(system.seen_lifts[outputs + others]))
        self._numbers = SparseMap(csr_array(system.assembly[:, others]))
        self._constants, self._ones = np.zeros(system.assembly.shape[0]), np.ones(block.shape[0])

    def assemble(self, conductances: Array) -> tuple[Array, Array]:
        block = self._block.of(conductances)
        numbers = self._numbers.of(conductances[self._others], self._constants)
        numbers[self.system.diagonal] += self._ones.dot(block)
        return numbers, block

    def transfer(self, numbers: Array, ports: Array) -> Array:
        at_driven: Array = numbers.dot(np.ascontiguousarray(ports.T))
        return at_driven if self._lifts is None else self._lifts.T.dot(at_driven)

    def currents(self, numbers: Array, values: Array) -> Array:
        found: Array = self._driven(values).dot(numbers)
        return found

    def contrast(self, change: Array, potentials: Array, values: Array) -> Array:
        found = np.empty(len(self.system.network.edges))
        one = np.concatenate((self._driven(values), self._ones[None]))
        two = np.concatenate((-change, summed(change, potentials)[None]))
        self._block.write_product(one.T, two, found)
        if len(self._others):
            drops = self._drops.of_rows(potentials, self._raised.of_rows(values, None))
            found[self._others] = summed(self._drops.of_rows(change, None), drops)
        return found

    def _driven(self, values: Array) -> Array:
        """w (k, driven) V."""
        return values if self._lifts is None else values.dot(self._lifts.T)


def _few(size: int, outputs: int) -> float:
    """Where a solution costs nothing beside a product with A: that of n with S, against 2 n and S with n_out."""
    return 2 * size * outputs / (size - outputs) if size > outputs else np.inf


def choose_entering(system: System) -> Entering:
    """Dense matrices where they are mostly filled, else sparse ones."""
    return _dense(system) or SparseEntering(system)


def _dense(system: System) -> DenseEntering | None:
    network = system.network
    merging = network.merging
    cluster = np.append(merging.cluster, -1)
    if system.injections is not None or (cluster[merging.rows] >= 0).any():
        return None
    tails, heads = cluster[network.tails], cluster[network.heads]
    lifts = csr_array(system.node_lifts)
    fed = np.append(np.diff(lifts.indptr) > 0, False)
    driven = np.where(tails >= 0, network.heads, network.tails)
    edges = np.flatnonzero(((tails >= 0) != (heads >= 0)) & fed[driven])
    if not len(edges):
        return None
    nodes, rows = np.unique(driven[edges], return_inverse=True)
    columns = np.maximum(tails, heads)[edges]
    shape = len(nodes), system.size
    filled = len(np.unique(rows * system.size + columns))
    if not (filled == len(edges) and filled >= max(LEAST, FILLED * shape[0] * shape[1])):
        return None
    own = csr_array(lifts[nodes])
    plain = (
        own.shape[0] == own.shape[1] == own.nnz and np.array_equal(own.indices, np.arange(own.nnz)) and (own.data == 1).all()
    )
    block = DenseBlock(edges, rows, columns, shape, np.float64)
    return DenseEntering(system, block, None if plain else own, np.delete(np.arange(len(network.edges)), edges))
