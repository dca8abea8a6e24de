"""`NewtonCircuit`: resistors, diodes and transistors, by Newton's method on the merged nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, eye_array, hstack, vstack

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Hold, Outputs
from hwlearn.circuits.linalg import SparseMap
from hwlearn.circuits.measurement import SampledMeasurement
from hwlearn.circuits.newton.junctions import Junctions
from hwlearn.circuits.newton.matrices import choose_matrices
from hwlearn.circuits.trust import decades_apart
from hwlearn.errors import SimulationError
from hwlearn.network import Edge, Network, Source

ITERATIONS = 200
CONVERGED = 1e-7
"""Last step of every junction, in units of its N·Vt, and of every channel's ends, in V; it leaves the order of its square."""

SETTLED = 1e-6
"""Last step of a potential, relative to the largest, where rounding matters."""

LARGEST_WALK = 1e8
"""Steps of the walk (`Trust`) up to which potentials are right to 1e-9: the sums of currents lose 1e-16 of each step."""

DROWNED = 1e-8
"""Rounding of a delivered current, relative to the largest of all samples, above which it is not told."""

LEAST = 1e-15
"""Rounding of a delivered current, in A, that does not matter: the tolerance of currents in ngspice too (`deck`)."""

_ZERO = np.zeros((1, 1))
_quiet = np.errstate(over="ignore", invalid="ignore")  # a source across a junction may ask for more than there is


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

    def small_signal(self, inputs: Array) -> SmallSignal:
        """What small changes do at the operating points that `inputs` (S, n_in) make, the outputs open."""
        return self._free.small_signal(self._conductances, inputs)

    def _program(self, conductances: Array) -> Array:
        return conductances

    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> SampledMeasurement:
        network, driven = self.network, len(self.network.inputs)
        if isinstance(outputs, Hold):
            assert imposed is not None
            if self._held is None:
                held = [Source(f"held output {port.name}", "voltage", port.plus, port.minus) for port in network.outputs]
                self._held = _Equations(network, self._junctions, held)
            values, currents = np.hstack((inputs, imposed)), np.zeros(imposed.shape)
            voltages, observed, delivered = self._held.solve(self._conductances, values, currents)
            currents = delivered[:, driven:]
            if np.isnan(currents).any():
                raise SimulationError(f"exact: held outputs: {decades_apart(network, self._conductances)}")
        else:
            currents = np.zeros((len(inputs), len(network.outputs))) if imposed is None else np.array(imposed)
            voltages, observed, delivered = self._free.solve(self._conductances, inputs, currents)
        return SampledMeasurement(
            network,
            self._conductances,
            voltages,
            observed,
            currents,
            delivered[:, :driven],
            provenance=f"exact (Newton, {self._free.matrices.name})",
        )

    def _close(self) -> None:
        self._held = None


class SmallSignal(NamedTuple):
    """A circuit's response to small changes, in each of S samples: that of the linear network whose K is Newton's matrix.

    Attributes:
        outputs: (S, n_out) V. drops: Δv (S, E) V.
        driving: ∂i/∂g (S, E) V: Δv of resistors, and of channels with both ends below pinch-off.
        forward: (S, n_out, E) V/A, drops of the edges for a unit current into each output.
        adjoint: the same of the transposed network, which is another one if there are channels.
    """

    outputs: Array
    drops: Array
    driving: Array
    forward: Array
    adjoint: Array

    @property
    def jacobian(self) -> Array:
        """∂o/∂g (S, n_out, E) V/S: from F(x, g) = 0, ∂o/∂g = −Cᵀ K⁻¹ ∂F/∂g = −adjoint ∘ ∂i/∂g."""
        return -self.adjoint * self.driving[:, None, :]

    @property
    def contrast(self) -> Array:
        """(S, n_out, E) V/S: what EP takes for the Jacobian, as the contrast of small nudges sees drops: −forward ∘ Δv."""
        return -self.forward * self.drops[:, None, :]


class _Equations:
    """Kirchhoff's laws of a network with further voltage sources, `held`; the values of the inputs and of these drive it.

    Samples are columns here, and u are the values of all sources, then the currents into the outputs. Flows are the currents
    of edges and junctions; what is seen are their drops, then the voltages of all tails and of all heads of channels.

    Attributes:
        matrices: Newton's.
    """

    def __init__(self, network: Network, junctions: Junctions, held: Sequence[Source]) -> None:
        self._network, self._junctions, self._channels = network, junctions, network.channels
        self._edges = len(network.edges)
        linear, ends = _with_junctions(network, junctions, held), (self._channels.tails, self._channels.heads)
        incidence, sources, merging, nodes = linear.incidence, linear.sources, linear.merging, len(network.nodes)
        free = np.flatnonzero(merging.cluster >= 0)
        spread = csr_array((np.ones(len(free)), (free, merging.cluster[free])), shape=(nodes, merging.size))  # T
        voltage, width = [k for k, source in enumerate(sources) if source.kind == "voltage"], len(sources)
        ties = csr_array(
            (merging.signs, (merging.rows, np.array(voltage, dtype=np.intp)[merging.columns])), shape=(nodes, width)
        )  # P, with a column per source
        into = linear.source_incidence.T.tocsc() * np.array([source.kind == "current" for source in sources], dtype=np.float64)
        lifts = csr_array(hstack((ties, csr_array((nodes, len(network.outputs))))))
        into = csr_array(hstack((into, network.port_incidence.T)))
        seen = csr_array(vstack((incidence, eye_array(nodes, format="csr")[np.concatenate(ends)])))

        self._nodes, self._lifts = SparseMap(spread), SparseMap(lifts)
        self._seen, self._seen_lifts = SparseMap(_pruned(seen @ spread)), SparseMap(csr_array(seen @ lifts))
        loops = _pruned(incidence @ spread)
        self._leaving, self._entering = SparseMap(csr_array(-loops.T)), SparseMap(csr_array(spread.T @ into))
        self._outputs, self._ports = SparseMap(network.port_incidence), (spread.T @ network.port_incidence.T).toarray()
        self._driven = [k for k in voltage if k < len(network.inputs) + len(held)]
        paid = csr_array(ties.T)[self._driven]
        beside = np.unique(csr_array(paid @ incidence.T).nonzero()[1])
        self._beside = beside[beside < self._edges]
        self._delivered, self._undelivered = SparseMap(csr_array(paid @ incidence.T)), SparseMap(csr_array(-(paid @ into)))
        self._fixed = np.array([source.value for source in sources[len(network.inputs) + len(held) :]]).reshape(-1, 1)

        # A channel's di = u₊ dv₊ − u₋ dv₋ takes the places of two edges.
        rest = np.setdiff1d(np.arange(loops.shape[0]), self._channels.edges)
        channels = loops[self._channels.edges]
        left = csr_array(vstack((loops[rest], channels, channels)))
        right = csr_array(vstack((loops[rest], spread[ends[0]], -spread[ends[1]])))
        self._resistors = rest[rest < self._edges]
        self._width = len(left.indptr) - 1
        self._tolerance = CONVERGED * np.r_[junctions.thermal, np.ones(2 * len(self._channels.edges))][:, None]
        self.matrices = choose_matrices(left, right, symmetric=not network.transistors)

    @_quiet
    def solve(self, conductances: Array, values: Array, injected: Array) -> tuple[Array, Array, Array]:
        """Voltages of all nodes (S, N) and of the outputs (S, n_out), V, and what each driven source delivers (S, …), A.

        NaN where the rounding of a drop over a large conductance at a source drowns what flows.
        For the driven sources' values (S, …), and `injected` (S, n_out) A into the outputs.
        """
        u = self._driven_by(values, injected)
        x, seen = self._newton(conductances, u)
        flows = self._flows(conductances, seen, seen[self._edges :], self._room(conductances, len(values)))
        voltages = self._nodes.of_columns(x, self._lifts.of_columns(u, _ZERO))
        outputs = self._outputs.of_columns(voltages, _ZERO)
        delivered = values.T.copy()
        delivered[self._driven] = self._delivered.of_columns(flows, self._undelivered.of_columns(u, _ZERO))
        rounding = 1e-16 * conductances[self._beside].max(initial=0.0) * np.abs(voltages).max(axis=0, initial=0.0)
        delivered[np.ix_(self._driven, rounding > max(DROWNED * np.abs(delivered).max(initial=0.0), LEAST))] = np.nan
        return np.ascontiguousarray(voltages.T), np.ascontiguousarray(outputs.T), np.ascontiguousarray(delivered.T)

    @_quiet
    def small_signal(self, conductances: Array, values: Array) -> SmallSignal:
        """At the operating points of the driven sources' values (S, …)."""
        samples, edges, channels = len(values), self._edges, self._channels
        u = self._driven_by(values, np.zeros((samples, self._ports.shape[1])))
        x, seen = self._newton(conductances, u)
        slopes = self._room(conductances, samples)
        self._flows(conductances, seen, seen[edges:], slopes)
        driving, count = seen[:edges].T.copy(), len(channels.edges)
        if count:
            driving[:, channels.edges] = (
                (slopes[-count:] - slopes[-2 * count : -count]) / channels.transconductance[:, None]
            ).T
        right = np.broadcast_to(self._ports, (samples, *self._ports.shape))
        outputs = self._outputs.of_columns(self._nodes.of_columns(x, self._lifts.of_columns(u, _ZERO)), _ZERO)
        return SmallSignal(
            np.ascontiguousarray(outputs.T),
            seen[:edges].T,
            driving,
            *(self._drops_of(self.matrices.solve(slopes, right, transposed)) for transposed in (False, True)),
        )

    def _drops_of(self, potentials: Array) -> Array:
        """(S, k, E) V, for free potentials (S, n, k), sources at rest."""
        samples, size, count = potentials.shape
        columns = np.ascontiguousarray(potentials.transpose(1, 0, 2)).reshape(size, samples * count)
        seen = self._seen.of_columns(columns, _ZERO)[: self._edges]
        return seen.reshape(self._edges, samples, count).transpose(1, 2, 0)

    def _driven_by(self, values: Array, injected: Array) -> Array:
        """u."""
        return np.concatenate((values.T, np.broadcast_to(self._fixed, (len(self._fixed), len(values))), injected.T))

    def _room(self, conductances: Array, samples: int) -> Array:
        """(k, S) S for the slopes of resistors, which do not change, and then of junctions and channels."""
        slopes = np.empty((self._width, samples))
        slopes[: len(self._resistors)] = conductances[self._resistors, None]
        return slopes

    def _newton(self, conductances: Array, u: Array) -> tuple[Array, Array]:
        """The free potentials (n, S) V, and what is seen at them."""
        junctions, thermal = self._junctions.count, self._junctions.thermal[:, None]
        knee = self._junctions.knee(conductances)[:, None]
        rest, entering = self._seen_lifts.of_columns(u, _ZERO), self._entering.of_columns(u, _ZERO)
        x, seen, points = np.zeros(entering.shape), rest, rest[self._edges :].copy()
        points[:junctions] = 0.0
        slopes = self._room(conductances, u.shape[1])
        every, left = (np.zeros(x.shape), np.zeros(seen.shape)), np.arange(u.shape[1])
        for _ in range(ITERATIONS):
            flows = self._flows(conductances, seen, points, slopes)
            right = np.stack((self._leaving.of_columns(flows, entering), self.matrices.diagonals(slopes)))
            try:
                step, walk = self.matrices.solve(slopes, right.transpose(2, 1, 0)).transpose(2, 1, 0)
            except SimulationError as error:
                raise SimulationError(f"{error}; {decades_apart(self._network, conductances)}") from None
            x += step
            seen = self._seen.of_columns(x, rest)
            there = (np.abs(seen[self._edges :] - points) <= self._tolerance).all(axis=0)
            # Each step corrects what rounding left of the one before, to 1e-16 of the walk (`Trust`); it must have had one.
            size = np.maximum(np.abs(x).max(axis=0, initial=0.0), np.abs(seen).max(axis=0, initial=0.0))
            there &= np.abs(step).max(axis=0, initial=0.0) <= SETTLED * size
            lost = there & ~((walk > 0).all(axis=0) & (walk.max(axis=0, initial=0.0) <= LARGEST_WALK))
            if lost.any():
                raise SimulationError(f"exact: sample {left[lost][0]}: {decades_apart(self._network, conductances)}")
            if there.any():
                for whole, part in zip(every, (x, seen), strict=True):
                    whole[:, left[there]] = part[:, there]
                left = left[~there]
                if not len(left):
                    return every
                x, seen, points, slopes, rest, entering = (
                    part[:, ~there] for part in (x, seen, points, slopes, rest, entering)
                )
            before, points = points[:junctions], seen[self._edges :].copy()
            # A junction beyond its knee takes Newton's step in its current, d = N Vt log(1 + i/IS), which an exponential
            # cannot overshoot (Nagel 1975, the limiting of SPICE).
            base = np.maximum(before, knee)
            rise = points[:junctions] - base
            if (rise > 0).any():
                limited = base + thermal * np.log1p(np.maximum(rise, 0.0) / thermal)
                np.copyto(points[:junctions], limited, where=rise > 0)
        raise SimulationError(f"exact: Newton's method did not converge for sample {left[0]} in {ITERATIONS} iterations")

    def _flows(self, conductances: Array, seen: Array, points: Array, slopes: Array) -> Array:
        """Flows (E + D, S) A by the laws' tangents at `points` (D + 2 C, S) V, whose slopes are written to `slopes`."""
        edges, count, channels = self._edges, self._junctions.count, self._channels
        ends, resistors = edges + count, len(self._resistors)
        flows = np.empty((ends, seen.shape[1]))
        np.multiply(conductances[:, None], seen[:edges], out=flows[:edges])
        currents, steep = self._junctions.law(points[:count])
        np.add(currents, steep * (seen[edges:ends] - points[:count]), out=flows[edges:])
        slopes[resistors : resistors + count] = steep
        if len(channels.edges):
            each = len(channels.edges)
            plus, minus = points[count : count + each], points[count + each :]
            flows[channels.edges], slopes[-2 * each : -each], slopes[-each:] = channels.law(
                conductances[channels.edges], plus, minus
            )
        return flows


def _pruned(matrix: csr_array) -> csr_array:
    """Without the entries of edges between merged nodes, which cancel."""
    pruned = csr_array(matrix)
    pruned.eliminate_zeros()
    return pruned


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
