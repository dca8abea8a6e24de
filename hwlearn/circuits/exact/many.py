"""The exact model of many copies of one network, each with conductances of its own."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.exact.basis import Basis
from hwlearn.circuits.exact.circuit import check_linear
from hwlearn.circuits.exact.elimination import Elimination, LaplacianElimination
from hwlearn.circuits.exact.system import System
from hwlearn.network import Network


class ManyCircuits:
    """M copies of a network. Arrays have the members on their last axis; columns (p) are as in `Ports`.

    Raises:
        ModelError: as `ExactCircuit`.
    """

    def __init__(self, network: Network) -> None:
        check_linear(network)
        self._system = System(network)
        self._basis = Basis(self._system, None)
        self._elimination = LaplacianElimination(self._system.size, *self._system.pattern)
        outputs = len(network.outputs)
        rows, columns = np.triu_indices(outputs)
        order = np.lexsort((rows, columns))
        self._resistance = Elimination(outputs, np.arange(outputs + 1) * np.arange(1, outputs + 2) // 2, rows[order])
        self._upper = rows[order], columns[order]

    def drive(self, inputs: Array) -> Array:
        """Set the inputs (M, S, n_in); returns their weights (S, sources, M).

        The source columns are the samples themselves where these are no more than the sources.
        """
        basis, system = self._basis, self._system
        count, samples, _ = inputs.shape
        weights = basis.padded(inputs.reshape(count * samples, -1)).reshape(count, samples, -1).transpose(1, 2, 0).copy()
        self._mix = weights if samples <= basis.count else None
        columns = np.eye(basis.count)[:, :, None] if self._mix is None else weights
        self._output_lifts = np.einsum("spm,po->osm", columns, basis.lifts[:, : basis.outputs])
        self._raised = np.einsum("spm,ep->esm", columns, system.raised.toarray())
        return weights

    def program(self, conductances: Array) -> None:
        """Set the conductances (E, M) [S] and solve for the source columns; for the outputs' not before they are needed."""
        numbers, right = self._basis.assemble(conductances)
        self._elimination.factor(numbers, self._system.grounded.of_columns(conductances, np.zeros((1, 1))))
        columns = right.transpose(1, 0, 2).copy() if self._mix is None else np.einsum("spm,pnm->nsm", self._mix, right)
        self._sources = self._elimination.solve(columns)
        self._ports: Array | None = None
        self._behind = -1.0

    def open_outputs(self, weights: Array) -> Array:
        """(S, n_out, M) V at the open outputs."""
        outputs = self._at_outputs(self._sources) + self._output_lifts
        return outputs.transpose(1, 0, 2) if self._mix is not None else np.einsum("spm,opm->som", weights, outputs)

    def currents_to_hold(self, change: Array, behind: float = 0.0) -> Array:
        """(S, n_out, M) A that flow where `change` [V] is held above the open outputs, each behind so many Ω."""
        if self._behind != behind:
            rows, columns = self._upper
            numbers = self._at_outputs(self._of_ports(change.shape[-1]))[rows, columns]
            self._resistance.factor(numbers + behind * (rows == columns)[:, None] if behind else numbers)
            self._behind = behind
        return self._resistance.solve(change.transpose(1, 0, 2).copy()).transpose(1, 0, 2)

    def contrast(self, weights: Array, change: Array, share: float, held: Array | None) -> Array:
        """(E, M) V²: as `Ports.contrast`."""
        samples, outputs, members = change.shape
        if held is None and self._mix is not None and samples < outputs and self._ports is None:
            right = self._system.port_rows.T @ change.transpose(1, 0, 2).reshape(outputs, -1)
            by_change = self._drops(self._elimination.solve(right.reshape(-1, samples, members)))
            drops = self._drops(self._sources)
            drops[self._system.touched] += self._raised
            if share:
                drops += share * by_change
            by_change /= samples
        else:  # by the moments of `change` with the weights of all columns
            ports, mean = self._of_ports(members), change / samples
            sources = mean if self._mix is not None else np.einsum("som,spm->pom", mean, weights)
            other = np.einsum("npm,pom->nom", self._sources, sources)
            if share or held is not None:
                currents = share * change if held is None else held + share * change
                other += np.einsum("npm,pom->nom", ports, np.einsum("som,spm->pom", mean, currents))
            by_change, drops = self._drops(ports), self._drops(other)
            drops[self._system.touched] += np.einsum("epm,pom->eom", self._raised, sources)
        by_change *= drops
        return by_change.sum(axis=1)

    def _of_ports(self, members: int) -> Array:
        """(n, n_out, M) V/A: potentials for a unit current into each output."""
        if self._ports is None:
            rows = self._system.port_rows.T[:, :, None]
            self._ports = self._elimination.solve(np.repeat(rows, members, axis=2))
        return self._ports

    def _at_outputs(self, potentials: Array) -> Array:
        """(n_out, k, M) V for potentials (n, k, M), without what the sources lift."""
        return (self._system.port_rows @ potentials.reshape(len(potentials), -1)).reshape(-1, *potentials.shape[1:])

    def _drops(self, potentials: Array) -> Array:
        """(E, k, M) V along the edges for potentials (n, k, M), without what the sources lift."""
        seen = self._system.seen.of_columns(potentials.reshape(len(potentials), -1), np.zeros((1, 1)))
        return seen.reshape(-1, *potentials.shape[1:])[self._basis.outputs :]
