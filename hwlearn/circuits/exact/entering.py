"""`Entering`: what the sources bring into the free nodes, and what contrasts are made of, as sparse or as dense matrices."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy.sparse import _sparsetools, csr_array, vstack

from hwlearn.arrays import Array, Indices
from hwlearn.circuits.blocks import DenseBlock
from hwlearn.circuits.exact.ports import System, entering
from hwlearn.circuits.linalg import SparseMap

FILLED = 0.5
"""Part of the pairs of a driven and a free node that have an edge, from which a dense matrix is faster."""

LEAST = 1000
"""Numbers of a dense matrix below which its few operations more are not worth while."""

_ZERO = np.zeros((1, 1))


class Entering(ABC):
    """A(g) (n × sources): the currents into the free nodes for a unit of each source, and the numbers of K beside them."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.output_lifts = system.seen.lifts_of_outputs(len(system.port_rows))

    @abstractmethod
    def assemble(self, conductances: Array) -> tuple[Array, Array]:
        """The numbers of K's pattern, and those of A, for conductances (E,) S."""

    @abstractmethod
    def gathered(self, numbers: Array, potentials: Array) -> Array:
        """(sources, k): Aᵀ x for potentials (n, k) in C order."""

    @abstractmethod
    def of_columns(self, numbers: Array, weights: Array) -> Array:
        """(n, k) A: A s for source values (sources, k) in C order."""

    @abstractmethod
    def contrast(self, change: Array, potentials: Array, weights: Array) -> Array:
        """(E,): Σ_k of the drops by `change` (n, k) alone times those by potentials (n, k) and source values (sources, k)."""


class SparseEntering(Entering):
    """A as the numbers of a pattern, and drops edge by edge."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        rows, columns, edges, values = entering(system.into, system.raised)
        place: Indices
        place, entry = np.unique(rows * system.sources + columns, return_inverse=True)
        constants = np.zeros(len(place))
        currents = system.merged_injections
        if currents is not None:
            injected = np.flatnonzero(currents)
            union = np.union1d(place, injected)
            entry, place, constants = np.searchsorted(union, place)[entry], union, np.zeros(len(union))
            constants[np.searchsorted(union, injected)] = currents.reshape(-1)[injected]
        self._entries, self._shape = system.assembly.shape[0], (system.size, system.sources)
        of_edges = csr_array((values, (entry, system.touched[edges])), shape=(len(place), system.assembly.shape[1]))
        self._numbers = SparseMap(csr_array(vstack((system.assembly, of_edges), format="csr")))
        self._constants = np.concatenate((np.zeros(self._entries), constants))
        counts = np.bincount(place // system.sources, minlength=system.size)
        self._pattern: tuple[Indices, Indices] = (
            np.concatenate(([0], np.cumsum(counts))).astype(np.int32),
            np.asarray(place % system.sources, dtype=np.int32),
        )

    def assemble(self, conductances: Array) -> tuple[Array, Array]:
        numbers = self._numbers.of(conductances, self._constants)
        return numbers[: self._entries], numbers[self._entries :]

    def gathered(self, numbers: Array, potentials: Array) -> Array:
        size, sources = self._shape
        found = np.zeros((sources, potentials.shape[1]))
        # Aᵀ in CSC is A in CSR.
        _sparsetools.csc_matvecs(
            sources, size, potentials.shape[1], *self._pattern, numbers, potentials.reshape(-1), found.reshape(-1)
        )
        return found

    def of_columns(self, numbers: Array, weights: Array) -> Array:
        found = np.zeros((self._shape[0], weights.shape[1]))
        _sparsetools.csr_matvecs(
            *self._shape, weights.shape[1], *self._pattern, numbers, weights.reshape(-1), found.reshape(-1)
        )
        return found

    def contrast(self, change: Array, potentials: Array, weights: Array) -> Array:
        system = self.system
        outputs = len(system.port_rows)
        one = system.seen.of_columns(change, _ZERO)[outputs:]
        two = system.seen.of_columns(potentials, system.seen.offsets.of_columns(weights, _ZERO))[outputs:]
        return np.einsum("ek,ek->e", one, two)


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
        self._lifts = None if lifts is None else SparseMap(lifts)
        self._lowered = None if lifts is None else SparseMap(csr_array(lifts.T))
        outputs = len(system.port_rows)
        self._seen = SparseMap(csr_array(system.seen_matrix[outputs + others]))
        self._raised = SparseMap(csr_array(system.seen_lifts[outputs + others]))
        self._constants = np.zeros(system.assembly.shape[0])

    def assemble(self, conductances: Array) -> tuple[Array, Array]:
        return self.system.numbers.of(conductances, self._constants), self._block.of(conductances)

    def gathered(self, numbers: Array, potentials: Array) -> Array:
        at_driven: Array = numbers @ potentials
        return at_driven if self._lowered is None else self._lowered.of_columns(at_driven, _ZERO)

    def of_columns(self, numbers: Array, weights: Array) -> Array:
        found: Array = numbers.T @ self._driven(weights)
        return found

    def contrast(self, change: Array, potentials: Array, weights: Array) -> Array:
        found = np.empty(self.system.assembly.shape[1])
        driven, count = self._driven(weights), change.shape[1]
        one, two = np.empty((len(driven), count + 1)), np.empty((count + 1, len(change)))
        one[:, :count], one[:, count] = driven, 1.0
        np.negative(change.T, out=two[:count])
        np.einsum("nk,nk->n", change, potentials, out=two[count])
        self._block.write_product(one, two, found)
        if len(self._others):
            drops = self._seen.of_columns(potentials, self._raised.of_columns(weights, _ZERO))
            found[self._others] = np.einsum("ek,ek->e", self._seen.of_columns(change, _ZERO), drops)
        return found

    def _driven(self, weights: Array) -> Array:
        """w (driven, k) V."""
        return weights if self._lifts is None else self._lifts.of_columns(weights, _ZERO)


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
