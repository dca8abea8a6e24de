"""The exact model seen from its ports: `System` (what stays), `Basis` (the inputs), `Ports` (the answers when programmed).

In one piece: basis and answers read the same maps.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import daxpy
from scipy.sparse import csr_array, vstack

from hwlearn.arrays import Array
from hwlearn.circuits.answers import Answers, summed
from hwlearn.circuits.exact.elimination import LaplacianElimination
from hwlearn.circuits.exact.reused import ReusedFactor
from hwlearn.circuits.linalg import Cholesky, Cholmod, SparseMap, choose_cholesky
from hwlearn.circuits.trust import Trust, grounding
from hwlearn.network import Network

REBUILT = 16
"""A new basis costs as much as this many columns."""


class System:
    """What does not change while a circuit learns: maps from conductances to K and to the right-hand sides.

    Node voltages are v = T x + P s, of the free potentials x (`size`) and of the sources. `nodes` reads them; `seen` reads the
    output voltages and then the drops of the edges.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        merging = network.merging
        self.size = size = merging.size
        cluster = merging.cluster
        self.cholesky, self.assembly = self._pattern(cluster[network.tails], cluster[network.heads])
        self.trust = Trust(self)

        # Columns of the sources: the inputs, then one for all fixed sources together.
        drives, fixed = network.inputs, network.fixed_sources
        self.sources = len(drives) + bool(fixed)
        voltage = [(at, s) for at, s in enumerate((*drives, *fixed)) if s.kind == "voltage"]
        weight = np.zeros((len(voltage), self.sources))
        for k, (at, source) in enumerate(voltage):
            if at < len(drives):
                weight[k, at] = 1.0
            else:
                weight[k, -1] = source.value
        ties = csr_array((merging.signs, (merging.rows, merging.columns)), shape=(len(network.nodes), len(voltage)))
        offsets = csr_array(ties @ csr_array(weight))
        self.voltage_inputs = np.array([k for k, s in enumerate(drives) if s.kind == "voltage"], dtype=np.intp)
        self._ties = ties[:, : len(self.voltage_inputs)]

        keep = np.flatnonzero(cluster >= 0)
        spread = csr_array((np.ones(len(keep)), (keep, cluster[keep])), shape=(len(network.nodes), size))
        ends = csr_array(vstack((network.port_incidence, network.incidence), format="csr"))
        self.node_lifts = offsets
        self.seen_matrix, self.seen_lifts = csr_array(ends @ spread), csr_array(ends @ offsets)
        self.nodes, self.seen = View(spread, offsets), View(self.seen_matrix, self.seen_lifts)
        self.factored: Array | None = None  # the conductances at which K was factored last

        self.injections = injections = None
        currents = np.array([source.kind == "current" for source in network.sources], dtype=bool)
        if currents.any():
            entering = network.source_incidence.T
            self.injections = injections = np.zeros((len(network.nodes), self.sources))
            injections[:, : len(drives)] = (entering[:, : len(drives)] * currents[: len(drives)]).toarray()
            values = np.array([source.value for source in network.fixed_sources])
            injections[:, -1] += entering[:, len(drives) :] @ (values * currents[len(drives) :])

        # Only edges at sources have a drop while all free potentials are zero.
        raised = csr_array(network.incidence @ offsets)
        tied = csr_array(network.incidence @ self._ties)
        self.touched = np.flatnonzero((np.diff(raised.indptr) + np.diff(tied.indptr)) > 0)
        self.raised = csr_array(raised[self.touched])  # (touched, sources), drops of the edges for a unit of each source
        self.into = csr_array(-(spread.T @ network.incidence[self.touched].T))
        self.merged_injections = None if injections is None else spread.T @ injections
        self.port_rows = (network.port_incidence @ spread).toarray()  # the right-hand side of a unit current into each output

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
        self.diagonal = indptr[1:] - 1
        cholesky = choose_cholesky(self.size, indptr, indices)
        return ReusedFactor(cholesky, indptr, indices) if isinstance(cholesky, Cholmod) else cholesky, assembly

    @cached_property
    def per_source(self) -> Basis:
        """A column for each source."""
        return Basis(self, None)

    def padded(self, inputs: Array) -> Array:
        """(S, sources): `inputs` (S, n_in), and a 1 for the fixed sources."""
        padded = np.ones((len(inputs), self.sources))
        padded[:, : inputs.shape[1]] = inputs
        return padded

    def weights(self, inputs: Array) -> Array:
        """`padded`, which is `inputs` itself where there is no fixed source."""
        return inputs if inputs.shape[1] == self.sources else self.padded(inputs)

    def factor_again(self, conductances: Array) -> None:
        """Factor K at conductances where it was factored before, if it was factored elsewhere since."""
        if self.factored is not conductances:
            self.cholesky.renew(self.numbers.of(conductances, self._zeros), conductances)
            self.factored = conductances

    @cached_property
    def numbers(self) -> SparseMap:
        """Maps conductances to the numbers of K's pattern."""
        return SparseMap(self.assembly)

    @cached_property
    def _zeros(self) -> Array:
        return np.zeros(self.assembly.shape[0])

    @cached_property
    def elimination(self) -> LaplacianElimination:
        """Of K, where a Cholesky loses too much."""
        return LaplacianElimination(self.size, *self.pattern)

    @cached_property
    def grounded(self) -> SparseMap:
        """Maps conductances to what K's rows sum to."""
        cluster = self.network.merging.cluster
        return grounding(cluster[self.network.tails], cluster[self.network.heads], self.size)

    @cached_property
    def left(self) -> SparseMap:
        """Maps currents of the edges to what they bring into the free nodes (n × E)."""
        keep = np.flatnonzero(self.network.merging.cluster >= 0)
        place = self.network.merging.cluster[keep], keep
        gather = csr_array((-np.ones(len(keep)), place), shape=(self.size, len(self.network.nodes)))
        return SparseMap(csr_array(gather @ self.network.incidence.T))

    @cached_property
    def tied(self) -> Test:
        """The nodes that each voltage input lifts, and no others."""
        injected = (
            np.zeros((len(self.voltage_inputs), self.sources)) if self.injections is None else self._ties.T @ self.injections
        )
        drops = (self.network.incidence @ self._ties).tocsr()[self.touched].toarray().T
        return Test(self.touched, drops, (self._ties.T @ self.network.port_incidence.T).toarray(), injected)

    def input_currents(self, conductances: Array, drops: Array, columns: Array, test: Test) -> Array:
        """(n_in, p): current that each input delivers, per column of `drops` (E, p).

        Tellegen's theorem with potentials that are 1 at an input and 0 at all other sources: what the input delivers is the
        power of these drops with the edges' currents, less that of the currents which enter elsewhere.
        """
        basis = columns.shape[1]
        currents = np.zeros((len(self.network.inputs), drops.shape[1]))
        delivered = test.drops @ (conductances[test.edges, None] * drops[test.edges])
        delivered[:, basis:] -= test.ports
        delivered[:, :basis] -= test.injected @ columns
        currents[:, :basis] = columns[: len(currents)]
        currents[self.voltage_inputs] = delivered
        return currents


class Test(NamedTuple):
    """Potentials for each of k voltage inputs: drops (k, edges) at some edges, at the output ports (k, n_out), and the power
    (k, sources) of each source column's injected currents."""

    edges: NDArray[np.intp]
    drops: Array
    ports: Array
    injected: Array


class View(SparseMap):
    """What is read at m places, A x + L s: a matrix A (m, n) and offsets L (m, sources)."""

    def __init__(self, matrix: csr_array, offsets: csr_array) -> None:
        super().__init__(matrix)
        self._offsets = offsets

    @cached_property
    def offsets(self) -> SparseMap:
        """L as a map."""
        return SparseMap(self._offsets)

    def lifts_of_outputs(self, outputs: int) -> Array:
        """(sources, n_out): what a unit of each source alone does at the first places, the outputs."""
        return np.ascontiguousarray(self._offsets[:outputs].toarray().T)

    def lifts(self, columns: Array) -> Array:
        """(k, m): what source columns (sources, k) alone do."""
        return np.ascontiguousarray((self._offsets @ columns).T)


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
        self.outputs = len(system.port_rows)
        self.width = count + self.outputs  # p

        right = np.zeros((count, system.size))
        if system.merged_injections is not None:
            right[:] = (system.merged_injections @ columns).T
        # K and the right-hand sides are affine in g; (column, row) of the latter has Σ_e into[row, e] raised[e, column] g[e].
        raised = system.raised if self.samples is None else csr_array(system.raised @ columns)
        row, column, edge, values = entering(system.into, raised)
        place = column * system.size + row, system.touched[edge]
        self._entries, edges = system.assembly.shape
        rows = csr_array((values, place), shape=(right.size, edges))
        self._constants = np.concatenate((np.zeros(self._entries), right.reshape(-1)))
        self.injected = right  # (count, n) A into the free nodes
        self._assembly = SparseMap(vstack((system.assembly, rows), format="csr"))

    @cached_property
    def lifts(self) -> Array:
        """(count, n_out + E) V: what the columns alone do where the system sees."""
        return self.system.seen.lifts(self.columns)

    def assemble(self, conductances: Array) -> tuple[Array, Array]:
        """The numbers of K's pattern, and the right-hand sides (count, n); for conductances (E, M), with an axis M more."""
        if conductances.ndim == 1:
            numbers = self._assembly.of(conductances, self._constants)
            return numbers[: self._entries], numbers[self._entries :].reshape(self.count, self.system.size)
        numbers = self._assembly.of_columns(conductances, self._constants[:, None])
        return numbers[: self._entries], numbers[self._entries :].reshape(self.count, self.system.size, *numbers.shape[1:])

    def padded(self, inputs: Array) -> Array:
        """(S, sources): `inputs` (S, n_in), and a 1 for the fixed sources."""
        return self.system.padded(inputs)

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


class Columns:
    """The basis of the last inputs.

    Inputs that change get a column for each source, not for each sample, if this takes at most `REBUILT` more columns.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.basis: Basis | None = None
        self.changing = False  # whether other inputs came once

    def of(self, inputs: Array) -> tuple[Basis, Array]:
        """A basis for `inputs` (S, n_in), and the weights (S, count) of its columns."""
        if self.basis is not None and (weights := self.basis.weights(inputs)) is not None:
            return self.basis, weights
        self.changing = self.basis is not None
        few = self.changing and self.system.sources <= len(inputs) + REBUILT
        self.basis = Basis(self.system, None if few else inputs)
        weights = self.basis.weights(inputs)
        assert weights is not None
        return self.basis, weights

    def fewest(self, inputs: Array) -> int:
        """How many columns `of` makes for these inputs, or what making them anew costs."""
        if not self.changing and self.basis is not None and self.basis.weights(inputs) is None:
            self.changing = True
        return min(self.system.sources, len(inputs) + (REBUILT if self.changing else 0))


def entering(
    into: csr_array, raised: csr_array
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """All products of into (n, edges) and raised (edges, columns), as row, column, edge and value of each."""
    into, raised = into.tocoo(), raised.tocoo()
    order = np.argsort(into.col, kind="stable")
    first = np.searchsorted(into.col[order], np.arange(raised.shape[0] + 1))
    counts = np.diff(first)[raised.row]
    entry = order[np.repeat(first[raised.row], counts) + _within(counts)]
    column, edge = np.repeat(raised.col, counts).astype(np.intp), np.repeat(raised.row, counts).astype(np.intp)
    return into.row[entry].astype(np.intp), column, edge, into.data[entry] * np.repeat(raised.data, counts)


def _within(counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """0 … count − 1 for each of `counts`, joined."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)


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
        """Solve for the outputs' columns too."""
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

    def tests(self, inputs: NDArray[np.intp]) -> Test:
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
