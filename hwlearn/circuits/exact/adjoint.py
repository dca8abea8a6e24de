"""`Adjoint`: a circuit's answers by as many solutions as it has outputs, whatever its inputs."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.answers import Answers
from hwlearn.circuits.exact.basis import Basis
from hwlearn.circuits.exact.columns import REBUILT, Columns
from hwlearn.circuits.exact.entering import Entering
from hwlearn.circuits.exact.ports import Ports


class _Found(NamedTuple):
    """What a factorisation gives: the numbers of A, and Λᵀ (n_out, n) Ω."""

    entering: Array
    ports: Array


class Adjoint(Answers):
    """The answers to each source, known at the outputs alone: o = (C P + Λᵀ A) s with K Λ = Cᵀ.

    Reciprocity lends the outputs' own columns to all sources, so there is a solution for each output and none for a source.
    A contrast takes one more for each output, or for each sample where these are fewer: Σ_s δ_s ∘ v_s over the samples is
    Σ_k Λ_k ∘ K⁻¹ A m_k over the outputs, for the moments m = Σ_s δ_s x_sᵀ. So a step on new samples costs a factorisation and
    2 n_out solutions. What else is asked for, such as node voltages, is solved for then, by columns.

    Where a solution costs nothing beside the products with A, since K is diagonal, few samples are solved for themselves: then
    A is multiplied by the samples, and neither by Λ nor by the moments.

    Args:
        entering: maps conductances to K and A.
        columns: of the circuit.
        conductances: (E,) S.
    """

    def __init__(self, entering: Entering, columns: Columns, conductances: Array) -> None:
        self._entering, self._columns, self.conductances = entering, columns, conductances
        self.system, self.count = entering.system, entering.system.sources
        self._whole: Ports | None = None
        self._transfer: Array | None = None
        self._samples: tuple[Array, Array] | None = None  # read-only weights that were solved for, and their potentials (S, n)

    @cached_property
    def _found(self) -> _Found | None:
        """None if a factorisation is not good enough."""
        system, conductances = self.system, self.conductances
        numbers, entering = self._entering.assemble(conductances)
        if system.trust.plain(conductances):
            system.cholesky.renew(numbers, conductances)
        else:

            def sources() -> tuple[Basis, Array]:
                basis = self._columns.per_source
                return basis, basis.assemble(conductances)[1]

            if system.trust.refined(sources, conductances, numbers) is not None:
                return None
            if system.cholesky.together:  # of an older factor perhaps
                system.cholesky.renew(numbers, conductances)
        system.factored = conductances
        return _Found(entering, system.cholesky.solve(system.port_rows))

    @property
    def outputs(self) -> Array:  # type: ignore[override]
        found = self._found
        return self._all.outputs if found is None else np.concatenate((self._transferred(found), self.resistance))

    def _transferred(self, found: _Found) -> Array:
        """(sources, n_out) V for a unit of each source."""
        if self._transfer is None:
            self._transfer = self._entering.lifted(self._entering.transfer(found.entering, found.ports), None)
        return self._transfer

    @property
    def resistance(self) -> Array:
        found = self._found
        return self._all.resistance if found is None else found.ports.dot(self.system.port_rows.T)

    def open_outputs(self, weights: Array) -> Array:
        found, system, entering = self._found, self.system, self._entering
        if found is None:
            return self._all.open_outputs(weights)
        if len(weights) > entering.few:
            return weights.dot(self._transferred(found))
        potentials = system.cholesky.solve(entering.currents(found.entering, weights))
        if not weights.flags.writeable:  # else they may be others by the time of a contrast
            self._samples = weights, potentials
        return entering.lifted(potentials.dot(system.port_rows.T), weights)

    def contrast(self, weights: Array, change: Array, share: float, held: Array | None) -> Array:
        found = self._found
        if found is None:
            return self._all.contrast(weights, change, share, held)
        system, entering, (samples, outputs) = self.system, self._entering, change.shape
        potentials = self._samples[1] if self._samples is not None and self._samples[0] is weights else None
        if samples > outputs:  # Σ_s of the samples by moments: a sum over the outputs
            by_change, values = found.ports, change.T.dot(weights)
            currents = None if held is None else change.T.dot(held)
            own = change.T.dot(change) if share else None
            potentials = None if potentials is None else change.T.dot(potentials)
        else:
            by_change, values, currents, own = change.dot(found.ports), weights, held, change
        if share:
            assert own is not None
            currents = share * own if currents is None else currents + share * own
        if potentials is None:
            system.factor_again(self.conductances)
            potentials = system.cholesky.solve(entering.currents(found.entering, values))
        if currents is not None:
            potentials = potentials + currents.dot(found.ports)
        return entering.contrast(by_change / samples, potentials, values)

    def whole(self, weights: Array) -> tuple[Answers, Array]:
        """By columns, unless there are so many that outputs alone are likely to be asked for."""
        if min(weights.shape) > REBUILT * len(self.system.port_rows):
            return self, weights.copy()
        basis, own = self._columns.of(weights[:, : len(self.system.network.inputs)])
        if self._whole is None or self._whole.basis is not basis:
            self._whole = Ports(basis, self.conductances)
        return self._whole, own

    @cached_property
    def _all(self) -> Ports:
        """A column for each source."""
        ports = Ports(self._columns.per_source, self.conductances)
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
