"""`NewtonCircuit`: resistors and diodes, by damped Newton on the merged nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from hwlearn.circuits.base import Array, Circuit, Hold, Outputs, SampledMeasurement
from hwlearn.circuits.diodes import Diodes
from hwlearn.circuits.linalg import AffineMap
from hwlearn.circuits.ports import System
from hwlearn.errors import SimulationError
from hwlearn.network import Edge, Network, Port, Source
from hwlearn.spice.numbers import GROUND

ITERATIONS = 200
CONVERGED = 1e-7
"""Last step of every junction, in units of its N·Vt; what it leaves is of the order of its square."""


class NewtonCircuit(Circuit):
    """The exact model of a network of resistors and diodes, to rounding; the diodes are `network.elements`.

    Kirchhoff's current law at the merged nodes (THEORY, Circuit), `F(x) = Tᵀ [Bᵀ i(Δv) − J] = 0` with `Δv = B (T x + P s)`,
    has one solution, as all i(Δv) increase. Newton's matrix is the K of a linear network in which each junction is an edge
    with its slope, symmetric positive definite. Held outputs are further voltage sources. Each measurement starts from
    rest, so none hangs on the one before.

    Raises:
        ModelError: an element is not a diode, or has parameters beside IS and N; names each with its line.
    """

    name = "exact"

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self._diodes = Diodes(network)
        self._free = _Equations(network, self._diodes, ())
        self._held: _Equations | None = None

    def _program(self, conductances: Array) -> Array:
        return conductances

    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> SampledMeasurement:
        network, driven = self.network, len(self.network.inputs)
        if isinstance(outputs, Hold):
            assert imposed is not None
            if self._held is None:
                held = [Source(f"held output {port.name}", "voltage", port.plus, port.minus) for port in network.outputs]
                self._held = _Equations(network, self._diodes, held)
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
        solver: name of the Cholesky solver.
        ports: (N, n_out): output voltages are v @ ports.
    """

    def __init__(self, network: Network, diodes: Diodes, held: Sequence[Source]) -> None:
        self._diodes, self._resistors, self._driven = diodes, len(network.edges), len(network.inputs) + len(held)
        linear = _with_junctions(network, diodes, held)
        system, merging, nodes = System(linear), linear.merging, len(network.nodes)
        self._cholesky, self.solver = system.cholesky, system.cholesky.name
        self._assemble = AffineMap(system.assembly, np.zeros(system.assembly.shape[0]))
        free = np.flatnonzero(merging.cluster >= 0)
        self._merge = csr_array((np.ones(len(free)), (free, merging.cluster[free])), shape=(nodes, system.size))  # T
        self._voltage = [k for k, source in enumerate(linear.sources) if source.kind == "voltage"]
        self._current = [k for k, source in enumerate(linear.sources) if source.kind == "current"]
        self._lift = csr_array((merging.signs, (merging.rows, merging.columns)), shape=(nodes, len(self._voltage)))  # P
        self._incidence = linear.incidence
        self._loops = csr_array(self._incidence @ self._merge)
        self._fixed = np.array([source.value for source in linear.sources[self._driven :]])
        self._into = _ends(linear, [linear.sources[k] for k in self._current])
        self.ports = _ends(linear, network.outputs)

    def solve(self, conductances: Array, values: Array, injected: Array | None) -> tuple[Array, Array]:
        """Node voltages (S, N) V and what each driven source delivers (S, …) A; `injected` (S, n_out) A into the outputs."""
        every = np.hstack((values, np.broadcast_to(self._fixed, (len(values), len(self._fixed)))))
        currents = every[:, self._current] @ self._into.T
        if injected is not None:
            currents += injected @ self.ports.T
        lifted = (self._lift @ every[:, self._voltage].T).T
        x = self._newton(conductances, currents @ self._merge, (self._incidence @ lifted.T).T)
        voltages = (self._merge @ x.T).T + lifted
        drops = (self._incidence @ voltages.T).T
        flows = np.hstack((conductances * drops[:, : self._resistors], self._diodes.currents(drops[:, self._resistors :])))
        every[:, self._voltage] = (flows @ self._incidence - currents) @ self._lift
        return voltages, every[:, : self._driven]

    def _newton(self, conductances: Array, currents: Array, raised: Array) -> Array:
        """(S, n) V: free potentials, for currents into them (S, n) and drops (S, E + D) that the sources alone make."""
        edges, thermal = self._resistors, self._diodes.thermal
        knee = self._diodes.knee(conductances)
        x, points = np.zeros_like(currents), np.zeros((len(raised), len(thermal)))
        slopes = np.r_[conductances, thermal]
        left = np.arange(len(raised))
        for _ in range(ITERATIONS):
            at = points[left]
            drops = (self._loops @ x[left].T).T + raised[left]
            slope = self._diodes.slopes(at)
            junctions = self._diodes.currents(at) + slope * (drops[:, edges:] - at)
            flows = np.hstack((conductances * drops[:, :edges], junctions))
            right = currents[left] - flows @ self._loops
            change = np.empty_like(right)
            for row in range(len(left)):
                slopes[edges:] = slope[row]
                self._cholesky.factor(self._assemble(slopes))
                self._cholesky.solve(right[row : row + 1], change[row : row + 1])
            x[left] += change
            drops = (self._loops[edges:] @ x[left].T).T + raised[left, edges:]
            # A junction beyond its knee takes Newton's step in its current, d = N Vt log(1 + i/IS), which an exponential
            # cannot overshoot (Nagel 1975, the limiting of SPICE).
            base = np.maximum(at, knee)
            points[left] = np.where(drops > base, base + thermal * np.log1p(np.maximum(drops - base, 0) / thermal), drops)
            left = left[~(np.abs(drops - at) <= CONVERGED * thermal).all(axis=1)]
            if not len(left):
                return x
        raise SimulationError(f"exact: Newton's method did not converge for sample {left[0]} in {ITERATIONS} iterations")


def _with_junctions(network: Network, diodes: Diodes, held: Sequence[Source]) -> Network:
    """The linear network whose K is Newton's matrix: each junction an edge."""
    junctions = tuple(Edge(*ends, f"junction {name}") for name, ends in zip(diodes.names, diodes.ends, strict=True))
    ones = np.ones(len(junctions))
    return replace(
        network,
        edges=network.edges + junctions,
        conductances=np.r_[network.conductances, ones],
        trainable=np.r_[network.trainable, ones > 1],
        lower=np.r_[network.lower, ones],
        upper=np.r_[network.upper, ones],
        inputs=(*network.inputs, *held),
        outputs=(),
        elements=(),
        directives=(),
    )


def _ends(network: Network, ports: Sequence[Source | Port]) -> Array:
    """(N, ports): +1 at each one's plus node, −1 at its minus node."""
    signs = np.zeros((len(network.nodes), len(ports)))
    for k, port in enumerate(ports):
        for node, sign in ((port.plus, 1.0), (port.minus, -1.0)):
            if node != GROUND:
                signs[network.node_index[node], k] += sign
    return signs
