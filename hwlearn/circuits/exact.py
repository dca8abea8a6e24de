"""`ExactCircuit`: linear algebra on the merged nodes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import lapack
from scipy.sparse import csr_array

from hwlearn.circuits.base import Array, Circuit, Hold, Measurement, Outputs
from hwlearn.circuits.linalg import Cholesky, choose_cholesky
from hwlearn.errors import ModelError, SimulationError
from hwlearn.network import Network
from hwlearn.spice.numbers import GROUND


class ExactCircuit(Circuit):
    """The exact model of a linear resistor network.

    Voltage sources tie nodes together, `v = T x + P s`, which leaves `K x = f` with `K = Tᵀ L T` symmetric positive definite
    (THEORY, Circuit). Every answer is linear in the port drives, so one factorisation and one solve per change of the
    conductances, with a right-hand side per input column and per output port, answer all phases: held outputs follow from the
    same factor by `I = R⁻¹ (held − open)`, R = C K⁻¹ Cᵀ (Schur complement, n_out×n_out).

    Raises:
        ModelError: the network has elements that are not linear and resistive; names each with its line.
    """

    name = "exact"

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        if network.elements:
            listed = "; ".join(f"{element.where}: {element.card}" for element in network.elements[:5])
            more = f" and {len(network.elements) - 5} more" if len(network.elements) > 5 else ""
            raise ModelError(f"the exact model takes resistors and DC sources only, not {listed}{more}. Use backend ngspice")
        self._system = _System(network)
        self._ports: _Ports | None = None

    @property
    def solver(self) -> str:
        """Name of the Cholesky solver that was chosen."""
        return self._system.cholesky.name

    def _program(self, conductances: Array) -> Array:
        self._ports = None
        return conductances

    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> Measurement:
        ports, weights = self._solved(inputs)
        basis = weights.shape[1]
        states = np.zeros((len(inputs), basis + len(self.network.outputs)))
        states[:, :basis] = weights
        if imposed is not None:
            if isinstance(outputs, Hold):
                imposed = ports.currents_to_hold(imposed - weights @ ports.outputs[:, :basis].T)
            states[:, basis:] = imposed
        return PortMeasurement(ports, inputs, states, basis, f"exact ({self.solver})")

    def _solved(self, inputs: Array) -> tuple[_Ports, Array]:
        """Responses to columns that span `inputs`, and the weights (S, basis) of each sample in them."""
        if self._ports is not None:
            weights = self._ports.weights(inputs)
            if weights is not None:
                return self._ports, weights
        self._ports = ports = _Ports(self._system, self._conductances, inputs)
        weights = ports.weights(inputs)
        assert weights is not None
        return ports, weights

    def _close(self) -> None:
        self._ports = None


class _System:
    """What does not change while a circuit learns: maps from conductances to K and to the right-hand sides."""

    def __init__(self, network: Network) -> None:
        self.network = network
        merging = network.merging
        self.size = size = merging.size
        self.tails = merging.cluster[network.tails]
        self.heads = merging.cluster[network.heads]
        self.cluster = merging.cluster
        self.cholesky, self._assembly = self._pattern(len(network.edges))

        # Columns of the sources: the inputs, then one for all fixed sources together.
        drives, fixed = network.inputs, network.fixed_sources
        self.sources = len(drives) + bool(fixed)
        voltage = [s for s in (*drives, *fixed) if s.kind == "voltage"]
        weight = np.zeros((len(voltage), self.sources))
        for k, source in enumerate(voltage):
            if source in drives:
                weight[k, drives.index(source)] = 1.0
            else:
                weight[k, -1] = source.value
        ties = csr_array((merging.signs, (merging.rows, merging.columns)), shape=(len(network.nodes), len(voltage)))
        self.offsets = csr_array(ties @ csr_array(weight))
        self.voltage_inputs = np.array([k for k, s in enumerate(drives) if s.kind == "voltage"], dtype=np.intp)
        self._ties = ties[:, : len(self.voltage_inputs)]

        injections = np.zeros((len(network.nodes), self.sources)) if any(s.kind == "current" for s in network.sources) else None
        if injections is not None:
            for k, source in enumerate(network.sources):
                if source.kind == "current":
                    column, amount = (k, 1.0) if k < len(drives) else (self.sources - 1, source.value)
                    for node, sign in ((source.plus, 1.0), (source.minus, -1.0)):
                        if node != GROUND:
                            injections[network.node_index[node], column] += sign * amount
        ports = np.zeros((len(network.nodes), len(network.outputs)))
        for k, port in enumerate(network.outputs):
            for node, sign in ((port.plus, 1.0), (port.minus, -1.0)):
                if node != GROUND:
                    ports[network.node_index[node], k] += sign
        self.ports = csr_array(ports)
        self._injected = None if injections is None else csr_array(injections)

        # Only edges at sources have a drop while all free potentials are zero.
        lifted = csr_array(network.incidence @ self.offsets)
        tied = csr_array(network.incidence @ self._ties)
        self.touched = np.flatnonzero((np.diff(lifted.indptr) + np.diff(tied.indptr)) > 0)
        self.lift = lifted[self.touched].toarray()
        self._tied = tied[self.touched].toarray().T
        keep = np.flatnonzero(self.cluster >= 0)
        merge = csr_array((np.ones(len(keep)), (self.cluster[keep], keep)), shape=(size, len(network.nodes)))
        self._into = csr_array(-(merge @ network.incidence[self.touched].T))
        self._merged_injections = None if self._injected is None else (merge @ self._injected).toarray()
        self.port_columns = np.asfortranarray((merge @ self.ports).toarray())
        self._port_ties = (self._ties.T @ self.ports).toarray()
        self._injected_ties = None if self._injected is None else (self._ties.T @ self._injected).toarray()
        self.port_lift = (self.ports.T @ self.offsets).toarray()
        self.port_ends = np.array(
            [[-1 if n == GROUND else self.cluster[network.node_index[n]] for n in (p.plus, p.minus)] for p in network.outputs],
            dtype=np.intp,
        ).reshape(-1, 2)

    def _pattern(self, edges: int) -> tuple[Cholesky, csr_array]:
        """The solver for K's upper triangle and the map (entries × E) from conductances to its numbers."""
        a, b, number = self.tails, self.heads, np.arange(edges)
        inner = a != b  # an edge between merged nodes carries no unknown
        rows, columns, edge, sign = [], [], [], []
        for end, other in ((a, b), (b, a)):
            diagonal = inner & (end >= 0)
            rows.append(end[diagonal])
            columns.append(end[diagonal])
            edge.append(number[diagonal])
            sign.append(np.ones(diagonal.sum()))
        both = inner & (a >= 0) & (b >= 0)
        rows.append(np.minimum(a, b)[both])
        columns.append(np.maximum(a, b)[both])
        edge.append(number[both])
        sign.append(-np.ones(both.sum()))
        row, column = np.concatenate(rows), np.concatenate(columns)
        key, entry = np.unique(column * max(self.size, 1) + row, return_inverse=True)
        indices, owner = key % max(self.size, 1), key // max(self.size, 1)
        indptr = np.searchsorted(owner, np.arange(self.size + 1))
        assembly = csr_array((np.concatenate(sign), (entry, np.concatenate(edge))), shape=(len(key), edges))
        return choose_cholesky(self.size, indptr, indices), assembly

    def factor(self, conductances: Array) -> None:
        self.cholesky.factor(self._assembly @ conductances)

    def right_hand_sides(self, conductances: Array, columns: Array) -> Array:
        """(n, basis): currents that the source columns (sources, basis) drive into the free nodes."""
        lifted = self.lift @ columns
        right = self._into @ (conductances[self.touched, None] * lifted)
        if self._merged_injections is not None:
            right += self._merged_injections @ columns
        return right

    def input_currents(self, conductances: Array, drops: Array, columns: Array) -> Array:
        """(n_in, p): current that each input delivers, per column of `drops` (E, p); Kirchhoff's current law at its side."""
        basis = columns.shape[1]
        currents = np.zeros((len(self.network.inputs), drops.shape[1]))
        delivered = self._tied @ (conductances[self.touched, None] * drops[self.touched])
        delivered[:, basis:] -= self._port_ties
        if self._injected_ties is not None:
            delivered[:, :basis] -= self._injected_ties @ columns
        currents[:, :basis] = columns[: len(currents)]
        currents[self.voltage_inputs] = delivered
        return currents


class _Ports:
    """Responses to each source column and to a unit current at each output: p = basis + n_out columns.

    The source columns are the samples themselves where these are fewer than the sources, else one per source. The last source
    is the constant 1 of the fixed ones.
    """

    def __init__(self, system: _System, conductances: Array, inputs: Array) -> None:
        self.system, self.conductances = system, conductances
        self._samples = inputs.copy() if len(inputs) <= system.sources else None
        self.columns = columns = np.eye(system.sources) if self._samples is None else self._padded(self._samples).T
        basis, outputs = columns.shape[1], system.port_columns.shape[1]
        system.factor(conductances)
        right = np.empty((system.size, basis + outputs), order="F")
        right[:, :basis] = system.right_hand_sides(conductances, columns)
        right[:, basis:] = system.port_columns
        # One row more, of zeros: ground, which index −1 finds.
        self._free = np.zeros((system.size + 1, basis + outputs))
        self._free[:-1] = system.cholesky.solve(right)
        ends = system.port_ends
        self.outputs = self._free[ends[:, 0]] - self._free[ends[:, 1]]
        self.outputs[:, :basis] += system.port_lift @ columns
        self._basis = basis
        self._resistance: Array | None = None

    def _padded(self, inputs: Array) -> Array:
        """(S, sources): `inputs` (S, n_in), and a 1 for the fixed sources."""
        padded = np.ones((len(inputs), self.system.sources))
        padded[:, : inputs.shape[1]] = inputs
        return padded

    def weights(self, inputs: Array) -> Array | None:
        """(S, basis) weights of the source columns that make `inputs`; None if these columns cannot."""
        if self._samples is None:
            return self._padded(inputs)
        repeats, rest = divmod(len(inputs), len(self._samples))
        if rest or not (inputs.reshape(repeats, *self._samples.shape) == self._samples).all():
            return None
        return np.tile(np.eye(len(self._samples)), (repeats, 1))

    def currents_to_hold(self, change: Array) -> Array:
        """(S, n_out) A that raise the open output voltages by `change` (S, n_out) [V]: R⁻¹ change."""
        if not change.shape[1]:
            return change
        if self._resistance is None:
            self._resistance, info = lapack.dpotrf(self.outputs[:, self._basis :], lower=0)
            if info:
                raise SimulationError("the output resistance matrix is singular to working precision; outputs are nearly tied")
        return lapack.dpotrs(self._resistance, change.T, lower=0)[0].T

    @cached_property
    def drops(self) -> Array:
        """(E, p) V: drop of each edge per column."""
        system, free = self.system, self._free
        drops = free[system.tails]
        drops -= free[system.heads]
        drops[system.touched, : self._basis] += system.lift @ self.columns
        return drops

    @cached_property
    def input_currents(self) -> Array:
        return self.system.input_currents(self.conductances, self.drops, self.columns)

    @cached_property
    def power(self) -> Array:
        """(p, p) W: power in the edges as a quadratic form of the column weights."""
        return (self.drops.T * self.conductances) @ self.drops

    def node_voltages(self) -> Array:
        """(N, p) V."""
        voltages = self._free[self.system.cluster]
        voltages[:, : self._basis] += self.system.offsets @ self.columns
        return voltages


@dataclass(frozen=True, eq=False)
class PortMeasurement(Measurement):
    """An exact answer, kept as weights of the port responses; nodes and edges are expanded only when asked for.

    Edge quantities come from moments of the weights: with `Δv_s = H x_s`, H (E×p), the mean square is
    `b_eᵀ H M Hᵀ b_e`, M = mean x xᵀ (p×p): O(E p²) whatever the number of samples.
    """

    ports: _Ports
    inputs: Array
    states: Array
    basis: int
    provenance: str
    noise: float = 0.0

    @cached_property
    def output_voltages(self) -> Array:  # type: ignore[override]
        return self.states @ self.ports.outputs.T

    @property
    def output_currents(self) -> Array:  # type: ignore[override]
        return self.states[:, self.basis :]

    @cached_property
    def input_currents(self) -> Array:  # type: ignore[override]
        return self.states @ self.ports.input_currents.T

    @cached_property
    def node_voltages(self) -> Array:  # type: ignore[override]
        return self.states @ self.ports.node_voltages().T

    @cached_property
    def power(self) -> Array:  # type: ignore[override]
        return np.einsum("sp,pq,sq->s", self.states, self.ports.power, self.states)

    def edge_drops(self) -> Array:
        return self.states @ self.ports.drops.T

    def mean_square_drops(self, weights: ArrayLike | None = None) -> Array:
        states = self.states
        weighted = states / len(states) if weights is None else states * np.asarray(weights, dtype=np.float64)[:, None]
        return _quadratic(self.ports.drops, states.T @ weighted)

    def contrast(self, reference: Measurement) -> Array:
        # a² − b² = (a − b)(a + b), and only the small difference of the weights enters the first factor.
        if not isinstance(reference, PortMeasurement) or reference.ports is not self.ports:
            here, there = self.edge_drops(), reference.edge_drops()
            return np.einsum("se,se->e", here - there, here + there) / len(here)
        difference, total = self.states - reference.states, self.states + reference.states
        return _quadratic(self.ports.drops, difference.T @ total / len(total))

    def __getitem__(self, chosen: slice) -> PortMeasurement:
        return PortMeasurement(self.ports, self.inputs[chosen], self.states[chosen], self.basis, self.provenance, self.noise)


def _quadratic(drops: Array, moment: Array) -> Array:
    """(E,): b_eᵀ M b_e for each row b_e of `drops` (E, p)."""
    return np.einsum("ep,ep->e", drops @ moment, drops)


