"""The exact model seen from its ports: `System` (what stays), `Basis` (the inputs), `Ports` (the answers when programmed)."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_array, vstack

from hwlearn.circuits.base import Array, is_finite
from hwlearn.circuits.linalg import AffineMap, Cholesky, Cholmod, choose_cholesky
from hwlearn.circuits.reused import ReusedFactor
from hwlearn.errors import SimulationError
from hwlearn.network import Network
from hwlearn.spice.numbers import GROUND


class System:
    """What does not change while a circuit learns: maps from conductances to K and to the right-hand sides.

    Node voltages `v = T x + P s` are read from an extended vector: the free potentials x (`size`), a zero for ground, and one
    entry for each node that a source lifts. `place` (N,), `tails` and `heads` (E,), `plus` and `minus` (n_out,) index into it.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        merging = network.merging
        self.size = size = merging.size
        cluster = merging.cluster
        self.cholesky, self.assembly = self._pattern(cluster[network.tails], cluster[network.heads])

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
        offsets = csr_array(ties @ csr_array(weight))
        self.voltage_inputs = np.array([k for k, s in enumerate(drives) if s.kind == "voltage"], dtype=np.intp)
        self._ties = ties[:, : len(self.voltage_inputs)]

        lifted = np.flatnonzero(np.diff(offsets.indptr))
        self.place = np.where(cluster < 0, size, cluster)
        self.lifts = offsets[lifted].toarray()
        self.floating = np.flatnonzero(cluster[lifted] >= 0)
        self.floating_on = cluster[lifted[self.floating]]
        self.place[lifted] = size + 1 + np.arange(len(lifted))
        self.tails, self.heads = self.place[network.tails], self.place[network.heads]

        injections = None
        currents = np.array([source.kind == "current" for source in network.sources], dtype=bool)
        if currents.any():
            entering = network.source_incidence.T
            injections = np.zeros((len(network.nodes), self.sources))
            injections[:, : len(drives)] = (entering[:, : len(drives)] * currents[: len(drives)]).toarray()
            values = np.array([source.value for source in network.fixed_sources])
            injections[:, -1] += entering[:, len(drives) :] @ (values * currents[len(drives) :])
        ports = network.port_incidence.T
        injected = None if injections is None else csr_array(injections)

        # Only edges at sources have a drop while all free potentials are zero.
        raised = csr_array(network.incidence @ offsets)
        tied = csr_array(network.incidence @ self._ties)
        self.touched = np.flatnonzero((np.diff(raised.indptr) + np.diff(tied.indptr)) > 0)
        self.raised = raised[self.touched].toarray()
        self._tied = tied[self.touched].toarray().T
        keep = np.flatnonzero(cluster >= 0)
        merge = csr_array((np.ones(len(keep)), (cluster[keep], keep)), shape=(size, len(network.nodes)))
        self.into = csr_array(-(merge @ network.incidence[self.touched].T))
        self.merged_injections = None if injected is None else (merge @ injected).toarray()
        self.port_columns = (merge @ ports).toarray()
        self._port_ties = (self._ties.T @ ports).toarray()
        self._injected_ties = None if injections is None else self._ties.T @ injections
        where = {**network.node_index, GROUND: network.node_index.get(GROUND, -1)}
        place = np.append(self.place, size)
        self.plus = place[[where[port.plus] for port in network.outputs]]
        self.minus = place[[where[port.minus] for port in network.outputs]]
        self.grounded = bool((self.minus == size).all())  # every output is a node's voltage

    def outputs(self, potentials: Array) -> Array:
        """(k, n_out) V at the outputs, from extended potentials (k, …)."""
        voltages = potentials.take(self.plus, axis=1)
        if not self.grounded:
            voltages -= potentials.take(self.minus, axis=1)
        return voltages

    def _pattern(self, a: NDArray[np.intp], b: NDArray[np.intp]) -> tuple[Cholesky, csr_array]:
        """The solver for K's upper triangle and the map (entries × E) from conductances to its numbers; edges from a to b."""
        number = np.arange(len(a))
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
        assembly = csr_array((np.concatenate(sign), (entry, np.concatenate(edge))), shape=(len(key), len(a)))
        self.pattern = indptr, indices
        cholesky = choose_cholesky(self.size, indptr, indices)
        return ReusedFactor(cholesky, indptr, indices) if isinstance(cholesky, Cholmod) else cholesky, assembly

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
        self.width = count + len(system.plus)  # p

        # Rows are right-hand sides and extended potentials, one for each column of the basis and then one for each port.
        raised = system.raised @ columns
        right = np.zeros((self.width, system.size))
        if system.merged_injections is not None:
            right[:count] = (system.merged_injections @ columns).T
        right[count:] = system.port_columns.T
        self.lifts = np.zeros((self.width, 1 + len(system.lifts)))
        self.lifts[:count, 1:] = (system.lifts @ columns).T

        # K and the right-hand sides are affine in g; (column, row) of the latter has Σ_e into[row, e] raised[e, column] g[e].
        into = system.into.tocoo()
        touched, column = np.nonzero(raised)
        order = np.argsort(into.col, kind="stable")
        first = np.searchsorted(into.col[order], np.arange(len(system.touched) + 1))
        counts = np.diff(first)[touched]
        entry = order[np.repeat(first[touched], counts) + _within(counts)]
        column, edge = np.repeat(column, counts), np.repeat(touched, counts)
        values = into.data[entry] * raised[edge, column]
        place = column * system.size + into.row[entry], system.touched[edge]
        self._entries, edges = system.assembly.shape
        rows = csr_array((values, place), shape=(right.size, edges))
        constant = np.concatenate((np.zeros(self._entries), right.reshape(-1)))
        self._assemble = AffineMap(vstack((system.assembly, rows), format="csr"), constant)

    def assemble(self, conductances: Array) -> tuple[Array, Array]:
        """The numbers of K's pattern, and the right-hand sides (p n); for conductances (E, M), with an axis M more."""
        numbers = self._assemble(conductances)
        return numbers[: self._entries], numbers[self._entries :]

    def factor(self, conductances: Array) -> Array:
        """Factor K; returns the right-hand sides (p, n) of the source columns and of a unit current at each output."""
        numbers, right = self.assemble(conductances)
        self.system.cholesky.factor(numbers)
        return right.reshape(self.width, self.system.size)

    def solve(self, right: Array, lifts: Array) -> Array:
        """(k, n + 1 + lifted): extended potentials for right-hand sides (k, n) and what the sources lift, (k, 1 + lifted)."""
        system, size = self.system, self.system.size
        potentials = np.empty((len(right), size + lifts.shape[1]))
        potentials[:, size:] = lifts
        system.cholesky.solve(right, potentials[:, :size])
        if len(system.floating):
            potentials[:, size + 1 + system.floating] += potentials[:, system.floating_on]
        return potentials

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
        return self.identity if np.array_equal(inputs, self.samples) else None


def _within(counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """0 … count − 1 for each of `counts`, joined."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)


class Ports:
    """Responses of a programmed circuit to each source column and to a unit current at each output: p columns.

    Those to the outputs are not solved for before `complete`, which must come before the circuit is programmed again.

    Attributes:
        potentials: (p, n + 1 + lifted) V.
        outputs: (p, n_out) V.
    """

    def __init__(self, basis: Basis, conductances: Array) -> None:
        self.basis, self.system, self.conductances = basis, basis.system, conductances
        self._right = basis.factor(conductances)
        solved = basis.width if self.system.cholesky.together else basis.count
        self.potentials = basis.solve(self._right[:solved], basis.lifts[:solved])
        self.outputs = self.system.outputs(self.potentials)
        if (residual := self.system.cholesky.residual) is not None:
            # o = Cᵀ x = Cᵀ x̃ + Λᵀ r with K Λ = C: with Λ̃ for Λ, the error is a product of two errors.
            self.outputs += residual @ self.potentials[basis.count :, : self.system.size].T
        self._factor: Array | None = None

    def complete(self) -> None:
        """Solve for the outputs' columns too."""
        if len(self.potentials) < self.basis.width:
            count = self.basis.count
            more = self.basis.solve(self._right[count:], self.basis.lifts[count:])
            self.potentials = np.concatenate((self.potentials, more))
            self.outputs = np.concatenate((self.outputs, self.system.outputs(more)))

    def open_outputs(self, weights: Array) -> Array:
        """(S, n_out) V at the open outputs, for weights (S, count) of the source columns; not to be written to."""
        columns = self.outputs[: self.basis.count]
        voltages = columns if weights is self.basis.identity else weights.dot(columns)
        if not is_finite(voltages):
            raise SimulationError("the output voltages are not finite; the circuit may be singular")
        return voltages

    @property
    def resistance(self) -> Array:
        """R = C K⁻¹ Cᵀ (n_out, n_out) Ω."""
        return self.outputs[self.basis.count :]

    def currents_to_hold(self, change: Array) -> Array:
        """(S, n_out) A that raise the open output voltages by `change` (S, n_out) [V]: R⁻¹ change."""
        if not change.shape[1]:
            return change
        if self._factor is None:
            self.complete()
            self._factor, info = lapack.dpotrf(self.resistance, lower=0)
            if info:
                raise SimulationError("the output resistance matrix is singular to working precision; outputs are nearly tied")
        return lapack.dpotrs(self._factor, change.T, lower=0)[0].T

    def expand(self, states: Array) -> Array:
        """(k, E) V: edge drops of states (k, p)."""
        voltages = states.dot(self.potentials)
        drops = voltages.take(self.system.tails, axis=1)
        drops -= voltages.take(self.system.heads, axis=1)
        return drops

    def product(self, pair: Array) -> Array:
        """(E,) V²: Σ_s (H x_s) ∘ (H y_s) for pairs of states, (2, S, p); H (E×p) are the drops per column. Never forms (S, E).

        More samples than the columns that x uses are summed first: diag H M Hᵀ, M = Σ_s x_s y_sᵀ (p×p).
        """
        used = np.flatnonzero(pair[0].any(axis=0))
        if pair.shape[1] > len(used):
            pair = np.stack((np.eye(self.basis.width)[used], pair[0][:, used].T @ pair[1]))
        return self._product(pair)

    def _product(self, pair: Array) -> Array:
        rows = pair.shape[1]
        drops = self.expand(pair.reshape(2 * rows, -1))
        return drops[0] * drops[1] if rows == 1 else np.einsum("se,se->e", drops[:rows], drops[rows:])

    def contrast(self, weights: Array, change: Array, share: float, held: Array | None) -> Array:
        """(E,) V²: mean over samples of the drops by `change` times those by the sources, `held` and share × `change`.

        `change` and `held` are currents into the outputs, (S, n_out) A.
        """
        samples, count = weights.shape
        outputs = change.shape[1]
        if held is None and samples < outputs and not self.system.cholesky.together:
            return self._contrast_of_samples(weights, change, share)
        self.complete()
        currents = held if not share else share * change if held is None else held + share * change
        pair = np.zeros((2, min(samples, outputs), self.basis.width))
        if samples > outputs:  # as in `product`
            pair[0, :, count:] = np.eye(outputs)
            change = change.T
            pair[1, :, :count] = change.dot(weights)
            if currents is not None:
                pair[1, :, count:] = change.dot(currents)
        else:
            pair[0, :, count:] = change
            pair[1, :, :count] = weights
            if currents is not None:
                pair[1, :, count:] = currents
        if samples > 1:
            pair[1] /= samples
        return self._product(pair)

    def _contrast_of_samples(self, weights: Array, change: Array, share: float) -> Array:
        """`contrast` by a solution for each sample, where these are fewer than the outputs."""
        count, samples = self.basis.count, len(weights)
        made = self.basis.solve(change.dot(self._right[count:]), self.basis.lifts[count : count + samples])
        by_sources = self.potentials[:count]
        both = np.concatenate((made, by_sources if weights is self.basis.identity else weights.dot(by_sources)))
        if share:
            both[samples:] += share * made
        drops = both.take(self.system.tails, axis=1)
        drops -= both.take(self.system.heads, axis=1)
        if samples == 1:
            return drops[0] * drops[1]
        return np.einsum("se,se->e", drops[:samples], drops[samples:]) / samples

    @cached_property
    def drops(self) -> Array:
        """(E, p) V: drop of each edge per column."""
        return (self.potentials.take(self.system.tails, axis=1) - self.potentials.take(self.system.heads, axis=1)).T

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
        return self.potentials.take(self.system.place, axis=1).T
