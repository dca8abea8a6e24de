"""`System`: what of a linear circuit does not change while it learns."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.sparse import csr_array, vstack

from hwlearn.arrays import Array
from hwlearn.circuits.exact.elimination import LaplacianElimination
from hwlearn.circuits.exact.pattern import upper_triangle
from hwlearn.circuits.exact.reused import SMALLEST, ReusedFactor
from hwlearn.circuits.exact.tellegen import Test
from hwlearn.circuits.exact.view import View
from hwlearn.circuits.linalg import Cholmod, SparseMap, choose_cholesky
from hwlearn.circuits.trust import Trust, grounding
from hwlearn.network import Network


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
        self.pattern, self.assembly = upper_triangle(cluster[network.tails], cluster[network.heads], size)
        self.diagonal = self.pattern[0][1:] - 1
        cholesky = choose_cholesky(size, *self.pattern)
        reused = isinstance(cholesky, Cholmod) and size >= SMALLEST
        self.cholesky = ReusedFactor(cholesky, *self.pattern) if reused else cholesky
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

    def padded(self, inputs: Array) -> Array:
        """(S, sources): `inputs` (S, n_in), and a 1 for the fixed sources."""
        padded = np.ones((len(inputs), self.sources))
        padded[:, : inputs.shape[1]] = inputs
        return padded

    def weights(self, inputs: Array) -> Array:
        """`padded`, read-only; `inputs` itself where there is no fixed source."""
        if inputs.shape[1] == self.sources:
            return inputs
        padded = self.padded(inputs)
        padded.setflags(write=False)
        return padded

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
        ties, network = self._ties.T, self.network
        injected = np.zeros((len(self.voltage_inputs), self.sources)) if self.injections is None else ties @ self.injections
        drops = (network.incidence @ self._ties).tocsr()[self.touched].toarray().T
        return Test(self.touched, drops, (ties @ network.port_incidence.T).toarray(), injected)

    def input_currents(self, conductances: Array, drops: Array, columns: Array, test: Test) -> Array:
        """(n_in, p) A that each input delivers, for drops (E, p) as in `Test.delivered`."""
        currents = np.zeros((len(self.network.inputs), drops.shape[1]))
        currents[:, : columns.shape[1]] = columns[: len(currents)]
        currents[self.voltage_inputs] = test.delivered(conductances, drops, columns)
        return currents
