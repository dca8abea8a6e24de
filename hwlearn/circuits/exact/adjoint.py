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
        ports: Λᵀ (n_out, n) Ω.
        transfer: (sources, n_out) V for a unit of each source.
    """

    entering: Array
    ports: Array
    transfer: Array


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
        ports = system.cholesky.solve(system.port_rows)
        return _Found(entering, ports, self._entering.transfer(entering, ports))

    @property
    def outputs(self) -> Array:  # type: ignore[override]
        found = self._found
        return self._all.outputs if found is None else np.concatenate((found.transfer, self.resistance))

    @property
    def resistance(self) -> Array:
        found = self._found
        return self._all.resistance if found is None else found.ports.dot(self.system.port_rows.T)

    def open_outputs(self, weights: Array) -> Array:
        found = self._found
        return self._all.open_outputs(weights) if found is None else weights.dot(found.transfer)

    def contrast(self, weights: Array, change: Array, share: float, held: Array | None) -> Array:
        found = self._found
        if found is None:
            return self._all.contrast(weights, change, share, held)
        system, entering, (samples, outputs) = self.system, self._entering, change.shape
        mean = change / samples
        if samples > outputs:  # Σ_s of the samples by moments: a sum over the outputs
            by_change, values = found.ports, mean.T.dot(weights)
            currents = None if held is None else mean.T.dot(held)
            own = mean.T.dot(change) if share else None
        else:
            by_change, values, currents, own = mean.dot(found.ports), weights, held, change
        if share:
            assert own is not None
            currents = share * own if currents is None else currents + share * own
        system.factor_again(self.conductances)
        potentials = system.cholesky.solve(entering.currents(found.entering, values))
        if currents is not None:
            potentials = potentials + currents.dot(found.ports)
        return entering.contrast(by_change, potentials, values)

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
