"""The exact model of many copies of one network, each with conductances of its own."""

from __future__ import annotations

import numpy as np

from hwlearn.circuits.base import Array
from hwlearn.circuits.elimination import Elimination
from hwlearn.circuits.exact import check_linear
from hwlearn.circuits.ports import Basis, System
from hwlearn.network import Network


class ManyCircuits:
    """M copies of a network. Arrays have the members on their last axis; columns (p) are as in `Ports`, one for each source.

    Raises:
        ModelError: as `ExactCircuit`.
    """

    def __init__(self, network: Network) -> None:
        check_linear(network)
        self._system = System(network)
        self._basis = Basis(self._system, None)
        self._elimination = Elimination(self._system.size, *self._system.pattern)
        outputs = len(network.outputs)
        rows, columns = np.triu_indices(outputs)
        order = np.lexsort((rows, columns))
        self._resistance = Elimination(outputs, np.arange(outputs + 1) * np.arange(1, outputs + 2) // 2, rows[order])
        self._upper = rows[order], columns[order]

    def program(self, conductances: Array) -> None:
        """Set the conductances (E, M) [S] and solve for all port responses."""
        system, basis = self._system, self._basis
        numbers, right = basis.assemble(conductances)
        self._elimination.factor(numbers)
        self._potentials = potentials = np.empty((system.size, basis.width, conductances.shape[1]))
        potentials[:, : basis.count] = right.transpose(1, 0, 2)
        potentials[:, basis.count :] = system.port_rows.T[:, :, None]
        self._elimination.solve(potentials)
        # (n_out, p, M) V at each output for each column.
        self._outputs = (system.port_rows @ potentials.reshape(system.size, -1)).reshape(-1, *potentials.shape[1:])
        self._outputs[:, : basis.count] += basis.lifts.T[: basis.outputs, :, None]
        self._factored = False

    def weights(self, inputs: Array) -> Array:
        """(S, sources, M) for inputs (M, S, n_in)."""
        count, samples, _ = inputs.shape
        return self._basis.padded(inputs.reshape(count * samples, -1)).reshape(count, samples, -1).transpose(1, 2, 0)

    def open_outputs(self, weights: Array) -> Array:
        """(S, n_out, M) V at the open outputs."""
        return np.einsum("spm,opm->som", weights, self._outputs[:, : self._basis.count])

    def currents_to_hold(self, change: Array) -> Array:
        """(S, n_out, M) A that raise the open output voltages by `change` [V]."""
        if not self._factored:
            rows, columns = self._upper
            self._resistance.factor(self._outputs[:, self._basis.count :][rows, columns])
            self._factored = True
        return self._resistance.solve(change.transpose(1, 0, 2).copy()).transpose(1, 0, 2)

    def contrast(self, weights: Array, change: Array, share: float, held: Array | None) -> Array:
        """(E, M) V²: as `Ports.contrast`, by the moment of `change` with the weights of all columns."""
        system, ports = self._system, self._potentials[:, self._basis.count :]
        mean = change / len(change)
        sources = np.einsum("som,spm->pom", mean, weights)
        other = np.einsum("npm,pom->nom", self._potentials[:, : self._basis.count], sources)
        if share or held is not None:
            currents = share * change if held is None else held + share * change
            other += np.einsum("npm,pom->nom", ports, np.einsum("som,spm->pom", mean, currents))
        drops = self._drops(other)
        drops[system.touched] += np.einsum("ep,pom->eom", system.raised, sources)
        return np.einsum("eom,eom->em", self._drops(ports), drops)

    def _drops(self, potentials: Array) -> Array:
        """(E, k, M) V along the edges for potentials (n, k, M), without what the sources lift."""
        seen = self._system.seen.of_columns(potentials.reshape(len(potentials), -1), np.zeros((1, 1)))
        return seen.reshape(-1, *potentials.shape[1:])[self._basis.outputs :]
