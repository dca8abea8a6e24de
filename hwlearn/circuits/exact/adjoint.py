"""`Adjoint`: a circuit's answers by as many solutions as it has outputs, whatever its inputs."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.sparse import _sparsetools, csr_array, vstack

from hwlearn.arrays import Array, Indices
from hwlearn.circuits.answers import Answers
from hwlearn.circuits.exact.ports import REBUILT, Basis, Columns, Ports, System, entering
from hwlearn.circuits.linalg import SparseMap

_ZERO = np.zeros((1, 1))


class Entering:
    """A(g) (n × sources): the currents into the free nodes for a unit of each source, and the numbers of K beside them."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.output_lifts = system.seen.lifts_of_outputs(len(system.port_rows))
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
        """The numbers of K's pattern, and those of A, for conductances (E,) S."""
        numbers = self._numbers.of(conductances, self._constants)
        return numbers[: self._entries], numbers[self._entries :]

    def gathered(self, numbers: Array, potentials: Array) -> Array:
        """(sources, k): Aᵀ x for potentials (n, k) in C order."""
        size, sources = self._shape
        found = np.zeros((sources, potentials.shape[1]))
        # Aᵀ in CSC is A in CSR.
        _sparsetools.csc_matvecs(
            sources, size, potentials.shape[1], *self._pattern, numbers, potentials.reshape(-1), found.reshape(-1)
        )
        return found

    def of_columns(self, numbers: Array, weights: Array) -> Array:
        """(n, k) A: A s for source values (sources, k) in C order."""
        found = np.zeros((self._shape[0], weights.shape[1]))
        _sparsetools.csr_matvecs(
            *self._shape, weights.shape[1], *self._pattern, numbers, weights.reshape(-1), found.reshape(-1)
        )
        return found


class _Found(NamedTuple):
    """What a factorisation gives.

    Attributes:
        entering: numbers of A.
        potentials: Λ (n, n_out) Ω.
        drops: (E, n_out) Ω, of the edges.
        outputs: (p, n_out) V, as in `Answers`.
    """

    entering: Array
    potentials: Array
    drops: Array
    outputs: Array


class Adjoint(Answers):
    """The answers to each source, known at the outputs alone: o = (C P + Λᵀ A) s with K Λ = Cᵀ.

    Reciprocity lends the outputs' own columns to all sources, so there is a solution for each output and none for a source.
    A contrast takes one more for each output, or for each sample where these are fewer: Σ_s δ_s ∘ v_s over the samples is
    Σ_k Λ_k ∘ K⁻¹ A m_k over the outputs, for the moments m = Σ_s δ_s x_sᵀ. So a step on new samples costs a factorisation and
    2 n_out solutions. What else is asked for, such as node voltages, is solved for then, by columns.

    Args:
        entering: maps conductances to K and A.
        columns: of the circuit.
        conductances: (E,) S.
    """

    def __init__(self, entering: Entering, columns: Columns, conductances: Array) -> None:
        self._entering, self._columns, self.conductances = entering, columns, conductances
        self.system, self.count = entering.system, entering.system.sources
        self._whole: Ports | None = None

    @cached_property
    def _found(self) -> _Found | None:
        """None if a factorisation is not good enough."""
        system, conductances = self.system, self.conductances
        numbers, entering = self._entering.assemble(conductances)
        if system.trust.plain(conductances):
            system.cholesky.renew(numbers, conductances)
        else:

            def sources() -> tuple[Basis, Array]:
                return system.per_source, system.per_source.assemble(conductances)[1]

            if system.trust.refined(sources, conductances, numbers) is not None:
                return None
            if system.cholesky.together:  # of an older factor perhaps
                system.cholesky.renew(numbers, conductances)
        system.factored = conductances
        ports, width = system.port_rows, len(system.port_rows)
        potentials = np.ascontiguousarray(system.cholesky.solve(ports).T)
        seen = system.seen.of_columns(potentials, _ZERO)
        transfer = self._entering.gathered(entering, potentials)
        transfer += self._entering.output_lifts
        return _Found(entering, potentials, seen[width:], np.concatenate((transfer, seen[:width].T)))

    @property
    def outputs(self) -> Array:  # type: ignore[override]
        return self._all.outputs if self._found is None else self._found.outputs

    def contrast(self, weights: Array, change: Array, share: float, held: Array | None) -> Array:
        found = self._found
        if found is None:
            return self._all.contrast(weights, change, share, held)
        system, (samples, outputs) = self.system, change.shape
        if samples > outputs:
            by_change, moments = found.drops, weights.T.dot(change)
            currents = None if held is None else held.T.dot(change)
            own = change.T.dot(change) if share else None
        else:
            by_change, moments, own = found.drops.dot(change.T), np.ascontiguousarray(weights.T), change.T
            currents = None if held is None else held.T
        if share:
            assert own is not None
            currents = share * own if currents is None else currents + share * own
        system.factor_again(self.conductances)
        right = self._entering.of_columns(found.entering, moments)
        potentials = system.cholesky.solve(np.ascontiguousarray(right.T)).T
        potentials = np.ascontiguousarray(potentials) if currents is None else potentials + found.potentials.dot(currents)
        drops = system.seen.of_columns(potentials, system.seen.offsets.of_columns(moments, _ZERO))[outputs:]
        contrast: Array = np.einsum("ek,ek->e", by_change, drops)
        contrast *= 1 / samples
        return contrast

    def whole(self, weights: Array) -> tuple[Answers, Array]:
        """By columns, unless there are so many that outputs alone are likely to be asked for."""
        if min(weights.shape) > REBUILT * len(self.system.port_rows):
            return self, weights
        basis, own = self._columns.of(weights[:, : len(self.system.network.inputs)])
        if self._whole is None or self._whole.basis is not basis:
            self._whole = Ports(basis, self.conductances)
        return self._whole, own

    @cached_property
    def _all(self) -> Ports:
        """A column for each source."""
        ports = Ports(self.system.per_source, self.conductances)
        ports.complete()
        return ports

    @property
    def drops(self) -> Array:  # type: ignore[override]
        return self._all.drops

    @property
    def input_currents(self) -> Array:
        return self._all.input_currents

    def node_voltages(self) -> Array:
        return self._all.node_voltages()
