"""`NewtonCircuit`: resistors, diodes and transistors, by Newton's method on the merged nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import csc_array, csr_array, hstack

from hwlearn.circuits.base import Array, Circuit, Hold, Outputs, SampledMeasurement
from hwlearn.circuits.junctions import Junctions
from hwlearn.circuits.linalg import Cholesky, Indices, SparseMap
from hwlearn.circuits.lu import Lu
from hwlearn.circuits.ports import System
from hwlearn.errors import SimulationError
from hwlearn.network import Edge, Network, Source

ITERATIONS = 200
CONVERGED = 1e-7
"""Last step of every junction, in units of its N·Vt, and of every channel's ends, in V; it leaves the order of its square."""


class NewtonCircuit(Circuit):
    """The exact model of a network of resistors, diodes (`network.elements`) and transistors, to rounding.

    Kirchhoff's current law at the merged nodes (THEORY, Circuit) is `F(x) = Tᵀ [Bᵀ i(v) − J] = 0` with `v = T x + P s`. With
    diodes alone it has one solution, as all i increase with Δv, and Newton's matrix is the K of a linear network in which
    each junction is an edge with its slope: symmetric positive definite. A channel has another slope at each end (`Channels`),
    so that with transistors the matrix is not symmetric; it is still dominated by its columns' diagonals. Held outputs are
    further voltage sources. Each measurement starts from rest, so none hangs on the one before.

    Raises:
        ModelError: an element is not a diode, or has parameters beside IS and N; names each with its line.
    """

    name = "exact"

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self._junctions = Junctions(network)
        self._free = _Equations(network, self._junctions, ())
        self._held: _Equations | None = None

    def _program(self, conductances: Array) -> Array:
        return conductances

    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> SampledMeasurement:
        network, driven = self.network, len(self.network.inputs)
        if isinstance(outputs, Hold):
            assert imposed is not None
            if self._held is None:
                held = [Source(f"held output {port.name}", "voltage", port.plus, port.minus) for port in network.outputs]
                self._held = _Equations(network, self._junctions, held)
            voltages, delivered = self._held.solve(self._conductances, np.hstack((inputs, imposed)), None)
            currents = delivered[:, driven:]
        else:
            voltages, delivered = self._free.solve(self._conductances, inputs, imposed)
            currents = np.zeros((len(inputs), len(network.outputs))) if imposed is None else np.array(imposed)
        return SampledMeasurement(
            network,
            self._conductances,
            voltages,
            voltages @ self._free.ports,
            currents,
            delivered[:, :driven],
            provenance=f"exact (Newton, {self._free.solver})",
        )

    def _close(self) -> None:
        self._held = None


class _Equations:
    """Kirchhoff's laws of a network with further voltage sources, `held`; the values of the inputs and of these drive it.

    Attributes:
        solver: name of the linear solver.
        ports: (N, n_out): output voltages are v @ ports.
    """

    def __init__(self, network: Network, junctions: Junctions, held: Sequence[Source]) -> None:
        self._junctions, self._edges, self._driven = junctions, len(network.edges), len(network.inputs) + len(held)
        linear = _with_junctions(network, junctions, held)
        system, merging, nodes = System(linear), linear.merging, len(network.nodes)
        free = np.flatnonzero(merging.cluster >= 0)
        self._merge = csr_array((np.ones(len(free)), (free, merging.cluster[free])), shape=(nodes, system.size))  # T
        self._voltage = [k for k, source in enumerate(linear.sources) if source.kind == "voltage"]
        self._current = [k for k, source in enumerate(linear.sources) if source.kind == "current"]
        self._lift = csr_array((merging.signs, (merging.rows, merging.columns)), shape=(nodes, len(self._voltage)))  # P
        self._incidence = linear.incidence
        self._loops = csr_array(self._incidence @ self._merge)
        self._loops.eliminate_zeros()
        self._fixed = np.array([source.value for source in linear.sources[self._driven :]])
        self._into = linear.source_incidence[self._current].toarray()
        self.ports = network.port_incidence.toarray().T
        self._channels = network.channels if network.transistors else None
        self._matrix: Cholesky | Lu = system.cholesky
        assembly = system.assembly
        if self._channels is not None and system.size:
            self._matrix, assembly = self._unsymmetric(self._channels.edges)
        self.solver = self._matrix.name
        self._assembly = SparseMap(assembly)

    def _unsymmetric(self, channels: Indices) -> tuple[Lu, csr_array]:
        """The solver of K, and the map from slopes (E + D + C) to its numbers.

        With slopes u₊ and −u₋ at its ends, di = ½(u₊ + u₋) (dv₊ − dv₋) + ½(u₊ − u₋) (dv₊ + dv₋): an edge, and a skew part.
        """
        loops, sums = self._loops.T.tocsr(), abs(self._incidence[channels]) @ self._merge
        pattern = csc_array(abs(loops) @ abs(loops).T)
        pattern.sort_indices()
        rows, columns = pattern.indices, np.repeat(np.arange(pattern.shape[1]), np.diff(pattern.indptr))
        edges = loops[rows].multiply(loops[columns])
        skew = loops[rows][:, channels].multiply(sums.T.tocsr()[columns])
        return Lu(len(pattern.indptr) - 1, pattern.indptr, pattern.indices), csr_array(hstack((edges, skew)))

    @np.errstate(over="ignore", invalid="ignore")  # a source across a junction may ask for more than there is
    def solve(self, conductances: Array, values: Array, injected: Array | None) -> tuple[Array, Array]:
        """Node voltages (S, N) V and what each driven source delivers (S, …) A; `injected` (S, n_out) A into the outputs."""
        every = np.hstack((values, np.broadcast_to(self._fixed, (len(values), len(self._fixed)))))
        currents = every[:, self._current] @ self._into
        if injected is not None:
            currents += injected @ self.ports.T
        lifted = (self._lift @ every[:, self._voltage].T).T
        voltages = self._newton(conductances, currents @ self._merge, lifted)
        drops = (self._incidence @ voltages.T).T
        flows = np.hstack((conductances * drops[:, : self._edges], self._junctions.currents(drops[:, self._edges :])))
        if self._channels is not None:
            flows[:, self._channels.edges] = self._channels.currents(conductances, voltages)
        every[:, self._voltage] = (flows @ self._incidence - currents) @ self._lift
        return voltages, every[:, : self._driven]

    def _newton(self, conductances: Array, currents: Array, lifted: Array) -> Array:
        """(S, N) V, for currents (S, n) [A] into the free potentials, and `lifted` (S, N) V: what the sources alone make."""
        edges, thermal, channels = self._edges, self._junctions.thermal, self._channels
        knee, skew = self._junctions.knee(conductances), 0 if channels is None else len(channels.edges)
        x, points = np.zeros_like(currents), np.zeros((len(lifted), len(thermal)))
        slopes = np.tile(np.r_[conductances, thermal, np.zeros(skew)], (len(lifted), 1))
        voltages, left = lifted.copy(), np.arange(len(lifted))
        for _ in range(ITERATIONS):
            at, before = points[left], voltages[left]
            drops = (self._incidence @ before.T).T
            slope = self._junctions.slopes(at)
            junctions = self._junctions.currents(at) + slope * (drops[:, edges:] - at)
            flows = np.hstack((conductances * drops[:, :edges], junctions))
            slopes[left, edges : edges + len(thermal)] = slope
            if channels is not None:
                flows[:, channels.edges] = channels.currents(conductances, before)
                plus, minus = channels.slopes(conductances, before)
                slopes[left[:, None], channels.edges] = (plus + minus) / 2
                slopes[left, edges + len(thermal) :] = (plus - minus) / 2
            right = currents[left] - flows @ self._loops
            numbers = self._assembly.of_rows(slopes[left], None)
            for k, row in enumerate(left.tolist()):
                self._matrix.factor(numbers[k])
                x[row] += self._matrix.solve(right[k : k + 1])[0]
            voltages[left] = (self._merge @ x[left].T).T + lifted[left]
            drops = (self._incidence[edges:] @ voltages[left].T).T
            # A junction beyond its knee takes Newton's step in its current, d = N Vt log(1 + i/IS), which an exponential
            # cannot overshoot (Nagel 1975, the limiting of SPICE).
            base = np.maximum(at, knee)
            points[left] = np.where(drops > base, base + thermal * np.log1p(np.maximum(drops - base, 0) / thermal), drops)
            there = (np.abs(drops - at) <= CONVERGED * thermal).all(axis=1)
            if channels is not None:
                moved = np.abs(voltages[left] - before)
                there &= (moved[:, channels.tails] <= CONVERGED).all(axis=1) & (moved[:, channels.heads] <= CONVERGED).all(
                    axis=1
                )
            left = left[~there]
            if not len(left):
                return voltages
        raise SimulationError(f"exact: Newton's method did not converge for sample {left[0]} in {ITERATIONS} iterations")


def _with_junctions(network: Network, junctions: Junctions, held: Sequence[Source]) -> Network:
    """The linear network whose K is Newton's matrix: each junction an edge."""
    more = tuple(Edge(*ends, f"junction {name}") for name, ends in zip(junctions.names, junctions.ends, strict=True))
    ones = np.ones(len(more))
    return replace(
        network,
        edges=network.edges + more,
        conductances=np.r_[network.conductances, ones],
        trainable=np.r_[network.trainable, ones > 1],
        lower=np.r_[network.lower, ones],
        upper=np.r_[network.upper, ones],
        inputs=(*network.inputs, *held),
        outputs=(),
        transistors=(),
        elements=(),
        directives=(),
    )
