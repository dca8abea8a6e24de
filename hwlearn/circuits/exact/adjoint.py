"""`Adjoint`: a circuit's answers by as many solutions as it has outputs, whatever its inputs."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.answers import Answers
from hwlearn.circuits.exact.entering import Entering
from hwlearn.circuits.exact.ports import REBUILT, Basis, Columns, Ports


class _Found(NamedTuple):
    """What a factorisation gives.

    Attributes:
        entering: numbers of A.
        potentials: Λ (n, n_out) Ω.
        outputs: (p, n_out) V, as in `Answers`.
    """

    entering: Array
    potentials: Array
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
        ports = system.port_rows
        potentials = np.ascontiguousarray(system.cholesky.solve(ports).T)
        transfer = self._entering.gathered(entering, potentials)
        transfer += self._entering.output_lifts
        return _Found(entering, potentials, np.concatenate((transfer, potentials.T.dot(ports.T))))

    @property
    def outputs(self) -> Array:  # type: ignore[override]
        return self._all.outputs if self._found is None else self._found.outputs

    def contrast(self, weights: Array, change: Array, share: float, held: Array | None) -> Array:
        found = self._found
        if found is None:
            return self._all.contrast(weights, change, share, held)
        system, (samples, outputs) = self.system, change.shape
        if samples > outputs:
            by_change, moments = found.potentials, weights.T.dot(change)
            currents = None if held is None else held.T.dot(change)
            own = change.T.dot(change) if share else None
        else:
            by_change, moments, own = found.potentials.dot(change.T), np.ascontiguousarray(weights.T), change.T
            currents = None if held is None else held.T
        if share:
            assert own is not None
            currents = share * own if currents is None else currents + share * own
        system.factor_again(self.conductances)
        right = self._entering.of_columns(found.entering, moments)
        potentials = system.cholesky.solve(np.ascontiguousarray(right.T)).T
        potentials = np.ascontiguousarray(potentials) if currents is None else potentials + found.potentials.dot(currents)
        contrast = self._entering.contrast(by_change, potentials, moments)
        contrast *= 1 / samples
        return contrast

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
