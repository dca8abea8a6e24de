"""`ExactCircuit`: linear algebra on the merged nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_array, vstack

from hwlearn.circuits.base import Array, Circuit, Hold, Measurement, Outputs
from hwlearn.circuits.linalg import Cholesky, choose_cholesky
from hwlearn.errors import DriveError, ModelError, SimulationError
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
        self._basis: _Basis | None = None
        self._sources: _Basis | None = None  # one column per source, for `responses`
        self._ports: _Ports | None = None

    @property
    def solver(self) -> str:
        """Name of the Cholesky solver that was chosen."""
        return self._system.cholesky.name

    def responses(self, inputs: Array) -> Responses:
        """The circuit's answer to each source alone, and to a unit current at each output; for `inputs` (S, n_in)."""
        if self._sources is None:
            self._sources = _Basis(self._system, None)
        basis = self._sources
        ports = _Ports(basis, self._conductances)
        return Responses(
            source_drops=ports.drops[:, : basis.count],
            port_drops=ports.drops[:, basis.count :],
            source_outputs=ports.outputs[:, : basis.count],
            resistance=ports.outputs[:, basis.count :],
            weights=basis.padded(inputs),
            source_size=np.abs(ports.node_voltages()[:, : basis.count]).max(axis=0, initial=0.0),
        )

    def snapshot(self) -> dict[str, Array]:
        """The inputs whose answers are kept: rounding errors depend on them."""
        if self._basis is None:
            return {}
        samples = self._basis.samples
        return {"basis": np.zeros((0, len(self.network.inputs))) if samples is None else samples}

    def restore(self, snapshot: Mapping[str, Array]) -> None:
        if "basis" in snapshot:
            samples = snapshot["basis"]
            self._basis, self._ports = _Basis(self._system, samples if len(samples) else None), None

    def _program(self, conductances: Array) -> Array:
        self._ports = None
        return conductances

    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> Measurement:
        weights = self._basis.weights(inputs) if self._basis is not None else None
        if self._basis is None or weights is None:
            self._basis, self._ports = _Basis(self._system, inputs), None
            weights = self._basis.weights(inputs)
            assert weights is not None
        ports = self._ports
        if ports is None:
            ports = self._ports = _Ports(self._basis, self._conductances)
        basis = weights.shape[1]
        states = np.zeros((len(inputs), ports.count))
        states[:, :basis] = weights
        if imposed is not None:
            if isinstance(outputs, Hold):
                imposed = ports.currents_to_hold(imposed - weights @ ports.outputs[:, :basis].T)
            states[:, basis:] = imposed
        return PortMeasurement(ports, states, f"exact ({self.solver})")

    def _close(self) -> None:
        self._basis = self._ports = None


@dataclass(frozen=True, eq=False)
class Responses:
    """A linear circuit, as far as its ports can tell. The q sources are the inputs, and a last one for all fixed sources.

    Attributes:
        source_drops: (E, q) drops of the edges for one unit of each source.
        port_drops: (E, n_out) V/A, drops for a unit current at each output, the sources at rest.
        source_outputs: (n_out, q) output voltages for one unit of each source.
        resistance: R (n_out, n_out) Ω.
        weights: (S, q): the sources' values in each sample.
        source_size: (q,) V, the largest node voltage for one unit of each source.
    """

    source_drops: Array
    port_drops: Array
    source_outputs: Array
    resistance: Array
    weights: Array
    source_size: Array


class _System:
    """What does not change while a circuit learns: maps from conductances to K and to the right-hand sides."""

    def __init__(self, network: Network) -> None:
        self.network = network
        merging = network.merging
        self.size = size = merging.size
        self.tails = merging.cluster[network.tails]
        self.heads = merging.cluster[network.heads]
        self.cluster = merging.cluster
        self.cholesky, self.assembly = self._pattern(len(network.edges))

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

        injections = None
        if any(source.kind == "current" for source in network.sources):
            injections = np.zeros((len(network.nodes), self.sources))
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
        self.into = csr_array(-(merge @ network.incidence[self.touched].T))
        self.merged_injections = None if self._injected is None else (merge @ self._injected).toarray()
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
        for end in (a, b):
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


class _Basis:
    """Source columns that span the inputs of a drive.

    They are the samples themselves where these are fewer than the sources, else one column per source. The last source is the
    constant 1 of the fixed ones. A basis holds while the inputs stay the same, whatever the conductances: with it, one sparse
    product gives the numbers of K and of the right-hand sides. Without inputs, it has a column per source.
    """

    def __init__(self, system: _System, inputs: Array | None) -> None:
        self.system = system
        self.samples = inputs.copy() if inputs is not None and len(inputs) <= system.sources else None
        self.columns = columns = np.eye(system.sources) if self.samples is None else self.padded(self.samples).T
        self._repeated: dict[int, Array] = {}
        self._seen: Array | None = None  # read-only inputs, and the weights found for them
        self._weights: Array | None = None
        self.count = columns.shape[1]

        lift = system.lift @ columns
        self.lift = lift
        self.port_lift = system.port_lift @ columns
        self.node_lift = system.offsets @ columns
        constant = np.zeros((system.size, self.count))
        if system.merged_injections is not None:
            constant += system.merged_injections @ columns
        self.right = np.asfortranarray(np.hstack((constant, system.port_columns)))

        # Right-hand side (row, column) is Σ_e into[row, e] lift[e, column] g[e]: more rows for the assembly of K.
        into = system.into.tocoo()
        touched, column = np.nonzero(lift)
        order = np.argsort(into.col, kind="stable")
        first = np.searchsorted(into.col[order], np.arange(len(system.touched) + 1))
        counts = np.diff(first)[touched]
        entry = order[np.repeat(first[touched], counts) + _within(counts)]
        column, edge = np.repeat(column, counts), np.repeat(touched, counts)
        place, row = np.unique(column * system.size + into.row[entry], return_inverse=True)
        values = into.data[entry] * lift[edge, column]
        more = csr_array((values, (row, system.touched[edge])), shape=(len(place), system.assembly.shape[1]))
        self._flat = self.right.reshape(-1, order="F")
        self._place, self._constant = place, self._flat[place]
        self._assembly = vstack((system.assembly, more), format="csr")
        self._entries = system.assembly.shape[0]

    def solve(self, conductances: Array) -> Array:
        """(n, p): free potentials for each source column and for a unit current at each output; factors K anew."""
        numbers = self._assembly @ conductances
        self.system.cholesky.factor(numbers[: self._entries])
        self._flat[self._place] = self._constant + numbers[self._entries :]
        return self.system.cholesky.solve(self.right)

    def padded(self, inputs: Array) -> Array:
        """(S, sources): `inputs` (S, n_in), and a 1 for the fixed sources."""
        padded = np.ones((len(inputs), self.system.sources))
        padded[:, : inputs.shape[1]] = inputs
        return padded

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
        repeats, rest = divmod(len(inputs), len(self.samples))
        if rest or not (inputs.reshape(repeats, *self.samples.shape) == self.samples).all():
            return None
        if repeats not in self._repeated:
            self._repeated[repeats] = np.tile(np.eye(self.count), (repeats, 1))
        return self._repeated[repeats]


def _within(counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """0 … count − 1 for each of `counts`, joined."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)


class _Ports:
    """Responses of a programmed circuit to each source column and to a unit current at each output: p columns."""

    def __init__(self, basis: _Basis, conductances: Array) -> None:
        self.basis, self.system, self.conductances = basis, basis.system, conductances
        solution = basis.solve(conductances)
        self.count = solution.shape[1]
        # One row more, of zeros: ground, which index −1 finds.
        self._free = np.zeros((self.system.size + 1, self.count))
        self._free[:-1] = solution
        ends = self.system.port_ends
        self.outputs = self._free[ends[:, 0]] - self._free[ends[:, 1]]
        self.outputs[:, : basis.count] += basis.port_lift
        self._resistance: Array | None = None
        self._drops: Array | None = None

    def currents_to_hold(self, change: Array) -> Array:
        """(S, n_out) A that raise the open output voltages by `change` (S, n_out) [V]: R⁻¹ change."""
        if not change.shape[1]:
            return change
        if self._resistance is None:
            self._resistance, info = lapack.dpotrf(self.outputs[:, self.basis.count :], lower=0)
            if info:
                raise SimulationError("the output resistance matrix is singular to working precision; outputs are nearly tied")
        return lapack.dpotrs(self._resistance, change.T, lower=0)[0].T

    @property
    def drops(self) -> Array:
        """(E, p) V: drop of each edge per column."""
        if self._drops is None:
            system, basis = self.system, self.basis
            drops = self._free.take(system.tails, axis=0)
            drops -= self._free.take(system.heads, axis=0)
            drops[system.touched, : basis.count] += basis.lift
            self._drops = drops
        return self._drops

    @cached_property
    def input_currents(self) -> Array:
        """(n_in, p) A delivered by each input, per column."""
        return self.system.input_currents(self.conductances, self.drops, self.basis.columns)

    @cached_property
    def power(self) -> Array:
        """(p, p) W: power in the edges as a quadratic form of the column weights."""
        return (self.drops.T * self.conductances) @ self.drops

    def node_voltages(self) -> Array:
        """(N, p) V."""
        voltages = self._free[self.system.cluster]
        voltages[:, : self.basis.count] += self.basis.node_lift
        return voltages


class PortMeasurement(Measurement):
    """An exact answer, kept as weights (S, p) of the port responses; nodes and edges are expanded only when asked for.

    Edge quantities come from moments of the weights: with `Δv_s = H x_s`, H (E×p), the mean square is
    `b_eᵀ H M Hᵀ b_e`, M = mean x xᵀ (p×p): O(E p²) whatever the number of samples.
    """

    noise = 0.0

    def __init__(self, ports: _Ports, states: Array, provenance: str) -> None:
        self._ports, self._states, self.provenance = ports, states, provenance
        self.output_voltages = states @ ports.outputs.T
        self.output_currents = states[:, ports.basis.count :]

    @cached_property
    def input_currents(self) -> Array:  # type: ignore[override]
        return self._states @ self._ports.input_currents.T

    @cached_property
    def node_voltages(self) -> Array:
        return self._states @ self._ports.node_voltages().T

    @cached_property
    def power(self) -> Array:
        return np.einsum("sp,pq,sq->s", self._states, self._ports.power, self._states)

    def edge_drops(self) -> Array:
        return self._states @ self._ports.drops.T

    def mean_square_drops(self, weights: ArrayLike | None = None) -> Array:
        states = self._states
        weighted = states / len(states) if weights is None else states * np.asarray(weights, dtype=np.float64)[:, None]
        return _quadratic(self._ports.drops, states.T @ weighted)

    def contrast(self, reference: Measurement) -> Array:
        if not isinstance(reference, PortMeasurement) or reference._ports is not self._ports:
            raise DriveError("a contrast needs two measurements of the same circuit with the same conductances and inputs")
        # a² − b² = (a − b)(a + b), and only the small difference of the weights enters the first factor.
        difference, total = self._states - reference._states, self._states + reference._states
        drops, samples = self._ports.drops, len(total)
        if samples == 1:
            return (drops @ difference[0]) * (drops @ total[0])
        return _quadratic(drops, difference.T @ total / samples)

    def __getitem__(self, chosen: slice) -> PortMeasurement:
        return PortMeasurement(self._ports, self._states[chosen], self.provenance)


def _quadratic(drops: Array, moment: Array) -> Array:
    """(E,): b_eᵀ M b_e for each row b_e of `drops` (E, p)."""
    return np.einsum("ep,ep->e", drops @ moment, drops)
