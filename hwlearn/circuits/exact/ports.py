"""`Ports`: the answers of a programmed circuit to source columns and to its outputs' currents."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.linalg.blas import daxpy

from hwlearn.arrays import Array, Indices
from hwlearn.circuits.answers import Answers, summed
from hwlearn.circuits.exact.basis import Basis
from hwlearn.circuits.exact.tellegen import Test


class Ports(Answers):
    """Responses of a programmed circuit to each source column and to a unit current at each output: p columns.

    Those to the outputs are not solved for before `complete`, which must come before the circuit is programmed again.

    Attributes:
        potentials: (p, n) V, free ones.
        outputs: (p, n_out) V.
        drops: (p, E) V.
    """

    def __init__(self, basis: Basis, conductances: Array) -> None:
        self.basis, self.conductances = basis, conductances
        self.system = system = basis.system
        self.count = basis.count
        cholesky = system.cholesky
        numbers, right = basis.assemble(conductances)
        refined = None
        if system.trust.plain(conductances):
            cholesky.factor(numbers, conductances)
        else:
            refined = system.trust.refined(lambda: (basis, right), conductances, numbers)
        system.factored = conductances
        self._solve = cholesky.solve if refined is None else refined.solve
        if refined is not None or not cholesky.together:
            self.potentials = cholesky.solve(right) if refined is None else refined.of_sources(right, basis)
            seen = system.seen.of_rows(self.potentials, basis.lifts)
            self.outputs, self.drops = seen[:, : basis.outputs], seen[:, basis.outputs :]
            return
        self.potentials = cholesky.solve(np.concatenate((right, system.port_rows)))
        by_sources, by_ports = self.potentials[: basis.count], self.potentials[basis.count :]
        seen = np.concatenate((system.seen.of_rows(by_sources, basis.lifts), system.seen.of_rows(by_ports, None)))
        self.outputs, self.drops = seen[:, : basis.outputs], seen[:, basis.outputs :]
        if (residual := cholesky.residual) is not None:
            # o = Cᵀ x = Cᵀ x̃ + Λᵀ r with K Λ = C: with Λ̃ for Λ, the error is a product of two errors.
            self.outputs += residual @ by_ports.T

    def complete(self) -> None:
        """Solve for the columns of the outputs, if that was not done yet."""
        if len(self.potentials) < self.basis.width:
            more, outputs, drops = self.of_outputs()
            self.potentials = np.concatenate((self.potentials, more))
            self.outputs = np.concatenate((self.outputs, outputs))
            self.drops = np.concatenate((self.drops, drops))

    def of_outputs(self) -> tuple[Array, Array, Array]:
        """Potentials (n_out, n), outputs (n_out, n_out) and drops (n_out, E) for a unit current at each output."""
        if len(self.potentials) == self.basis.width:
            return self.potentials[self.count :], self.outputs[self.count :], self.drops[self.count :]
        self.system.factor_again(self.conductances)
        potentials = self._solve(self.system.port_rows)
        seen = self.system.seen.of_rows(potentials, None)
        return potentials, seen[:, : self.basis.outputs], seen[:, self.basis.outputs :]

    def open_outputs(self, weights: Array) -> Array:
        columns = self.outputs[: self.basis.count]
        return columns if weights is self.basis.identity else weights.dot(columns)

    def contrast(self, weights: Array, change: Array, share: float, held: Array | None) -> Array:
        basis, alone = self.basis, held is None and not self.system.cholesky.together  # whatever was asked before: to the bit
        if len(weights) == 1 and weights is basis.identity and alone:
            made = self._solve(change.dot(self.system.port_rows))
            by_made = self.system.seen.of_rows(made, None)[0, basis.outputs :]
            contrast: Array = daxpy(by_made, self.drops[0].copy(), a=share)
            contrast *= by_made
            return contrast
        (samples, count), outputs = weights.shape, change.shape[1]
        if samples > outputs or not alone:
            return super().contrast(weights, change, share, held)
        made = self._solve(change.dot(self.system.port_rows))
        by_change = self.system.seen.of_rows(made, None)[:, outputs:]
        drops = self.drops[:count]
        drops = drops.copy() if weights is basis.identity else weights.dot(drops)
        if share:
            drops += share * by_change
        return summed(by_change, drops) / samples

    @cached_property
    def input_currents(self) -> Array:
        """(n_in, p) A delivered by each input, per column.

        Kirchhoff's current law beside an input, unless large conductances there make the rounding of a drop a current that
        matters: more than 1e-10 of the largest in its column. Then Tellegen's theorem with the answers to a unit of each
        input, Σ_e g Δw Δv, in which a small drop is squared.
        """
        system, drops = self.system, self.drops.T
        currents = system.input_currents(self.conductances, drops, self.basis.columns, system.tied)
        rounding = (
            system.trust.loss * self.conductances[system.touched].max(initial=0.0) * np.abs(self.node_voltages()).max(axis=0)
        )
        if (rounding <= 1e-10 * np.abs(currents).max(axis=0, initial=0.0)).all():
            return currents
        units = Ports(Basis(system, None), self.conductances)
        return system.input_currents(self.conductances, drops, self.basis.columns, units.tests(system.voltage_inputs))

    def tests(self, inputs: Indices) -> Test:
        """The answers to a unit of some inputs, of a basis with a column per source."""
        system, outputs = self.system, self.outputs[inputs]
        nodes = self.node_voltages()[:, inputs].T
        injected = np.zeros((len(inputs), system.sources)) if system.injections is None else nodes @ system.injections
        return Test(np.arange(self.drops.shape[1]), self.drops[inputs], outputs, injected)

    def node_voltages(self) -> Array:
        """(N, p) V."""
        voltages = self.system.nodes.of_rows(self.potentials, None)
        voltages[: self.basis.count] += self.system.nodes.lifts(self.basis.columns)
        return voltages.T
