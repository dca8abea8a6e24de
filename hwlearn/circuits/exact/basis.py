"""`Basis`: source columns that span the inputs of a drive."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.sparse import csr_array, vstack

from hwlearn.arrays import Array
from hwlearn.circuits.exact.pattern import edge_products
from hwlearn.circuits.exact.system import System
from hwlearn.circuits.linalg import SparseMap


class Basis:
    """Source columns that span the inputs of a drive.

    They are the samples themselves where these are fewer than the sources, else one column per source. The last source is the
    constant 1 of the fixed ones. A basis holds while the inputs stay the same, whatever the conductances: with it, one sparse
    product gives the numbers of K and of the right-hand sides. Without inputs, it has a column per source.
    """

    def __init__(self, system: System, inputs: Array | None) -> None:
        self.system = system
        self.samples = inputs.copy() if inputs is not None and len(inputs) <= system.sources else None
        self.columns = columns = np.eye(system.sources) if self.samples is None else self.padded(self.samples).T
        self._seen: Array | None = None  # read-only inputs, and the weights found for them
        self._weights: Array | None = None
        self.count = count = columns.shape[1]
        self.identity = np.eye(count)
        self.outputs = len(system.port_rows)
        self.width = count + self.outputs  # p

        right = np.zeros((count, system.size))
        if system.merged_injections is not None:
            right[:] = (system.merged_injections @ columns).T
        # K and the right-hand sides are affine in g; (column, row) of the latter has Σ_e into[row, e] raised[e, column] g[e].
        raised = system.raised if self.samples is None else csr_array(system.raised @ columns)
        row, column, edge, values = edge_products(system.into, raised)
        place = column * system.size + row, system.touched[edge]
        self._entries, edges = system.assembly.shape
        rows = csr_array((values, place), shape=(right.size, edges))
        self._constants = np.concatenate((np.zeros(self._entries), right.reshape(-1)))
        self.injected = right  # (count, n) A into the free nodes
        self._assembly = SparseMap(vstack((system.assembly, rows), format="csr"))

    @cached_property
    def lifts(self) -> Array:
        """(count, n_out + E) V: what the columns alone do where the system sees."""
        return self.system.seen.lifts(self.columns)

    def assemble(self, conductances: Array) -> tuple[Array, Array]:
        """The numbers of K's pattern, and the right-hand sides (count, n); for conductances (E, M), with an axis M more."""
        if conductances.ndim == 1:
            numbers = self._assembly.of(conductances, self._constants)
            return numbers[: self._entries], numbers[self._entries :].reshape(self.count, self.system.size)
        numbers = self._assembly.of_columns(conductances, self._constants[:, None])
        return numbers[: self._entries], numbers[self._entries :].reshape(self.count, self.system.size, *numbers.shape[1:])

    def padded(self, inputs: Array) -> Array:
        """(S, sources): `inputs` (S, n_in), and a 1 for the fixed sources."""
        return self.system.padded(inputs)

    def weights(self, inputs: Array) -> Array | None:
        """(S, count) weights of the source columns that make `inputs`; None if these columns cannot."""
        if inputs is self._seen:
            return self._weights
        weights = self._find_weights(inputs)
        if weights is not None and not inputs.flags.writeable:
            self._seen, self._weights = inputs, weights
        return weights

    def _find_weights(self, inputs: Array) -> Array | None:
        if self.samples is None:
            return self.padded(inputs)
        return self.identity if np.array_equal(inputs, self.samples) else None
