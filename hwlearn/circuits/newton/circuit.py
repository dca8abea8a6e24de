"""`NewtonCircuit`: resistors and all devices that have a law, by Newton's method on the merged nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import csr_array, hstack, vstack

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Hold, Outputs, Pull
from hwlearn.circuits.linalg import SparseMap
from hwlearn.circuits.measurement import Measurement, SampledMeasurement
from hwlearn.circuits.newton.folded import Folded, Programmed
from hwlearn.circuits.newton.laws import AtConductances, Devices, Rows, all_devices, at_conductances, of_slopes, placed_rows
from hwlearn.circuits.newton.matrices import choose_matrices
from hwlearn.circuits.newton.reduction import pruned, reduce, widened
from hwlearn.circuits.newton.small_signal import SmallSignal
from hwlearn.circuits.newton.steps import ITERATIONS, PATIENCE, shorten
from hwlearn.circuits.trust import decades_apart
from hwlearn.errors import ModelError, SimulationError
from hwlearn.netlist.ignored import ignored
from hwlearn.network import Network, Source
from hwlearn.network.devices.ideal_diode import Complementarity
from hwlearn.network.devices.law import Limiter

CONVERGED = 1e-7
"""Last step of every control, in units of its law's `scale`; it leaves the order of its square."""

SETTLED = 1e-6
"""Last step of a potential, relative to the largest, where rounding matters."""

LARGEST_WALK = 1e8
"""Steps of the walk (`Trust`) up to which potentials are right to 1e-9: the sums of currents lose 1e-16 of each step."""

DROWNED = 1e-8
"""Rounding of a delivered current, relative to the largest of all samples, above which it is not told."""

AT_ONCE = 2e6
"""Numbers of the samples that are solved for together, which bounds the memory."""

LEAST = 1e-15
"""Rounding of a delivered current, in A, that does not matter: the tolerance of currents in ngspice too (`deck`)."""

_ZERO = np.zeros((1, 1))
_quiet = np.errstate(over="ignore", invalid="ignore")  # a source across a junction may ask for more than there is


class NewtonCircuit(Circuit):
    """The exact model, to rounding, of resistors and of all devices that have a law (`network.devices`, `network.elements`).

    Kirchhoff's current law at the merged nodes (docs/theory.md) is `F(x) = Tᵀ [Bᵀ i(v) − J] = 0` with `v = T x + P s`. With
    reciprocal laws alone, such as diodes, it has one solution if all i increase with Δv, and Newton's matrix is the K of a
    linear network in which each branch is an edge with its slope: symmetric positive definite. With others, such as channels
    with another slope at each end, the matrix is not symmetric. Held outputs are further voltage sources. Each measurement
    starts from rest, so none hangs on the one before.

    With ideal diodes the equations are others, `Folded`: which diodes conduct is found exactly.

    Args:
        dtype: "float32" for twice the speed and an accuracy of 1e-6, with ideal diodes.

    Raises:
        ModelError: no law reads an element, or its parameters; names each with its line.
    """

    name = "exact"
    pulls = True

    def __init__(self, network: Network, dtype: DTypeLike = "float64") -> None:
        super().__init__(network)
        self._dtype = dtype
        self._devices = devices = all_devices(network)
        self._folded: Folded | None = None
        self._programmed: Programmed | None = None
        if np.dtype(dtype) not in (np.dtype("float32"), np.dtype("float64")):
            raise ModelError(f"dtype is {dtype!r}; give 'float64', or 'float32'")
        ideal = [branches for branches in devices.branches if isinstance(branches.law, Complementarity)]
        if ideal:
            if devices.ties:
                raise ModelError(f"{devices.ties[0].name} ties voltages, which a network with ideal diodes cannot have yet")
            others = tuple(branches for branches in devices.branches if branches not in ideal)
            self._folded = Folded(network, others, [pair for branches in ideal for pair in branches.ends], dtype)
            return
        if np.dtype(dtype) != np.dtype("float64"):
            raise ModelError("float32 is for networks with ideal diodes; others are solved in float64")
        self._free = _Equations(network, self._devices, ())
        self._held: _Equations | None = None
        self._pulled: _Equations | None = None
        self._loaded = np.empty(0)  # conductances, and those of the resistors that pull

    def alike(self, network: Network) -> NewtonCircuit:
        return NewtonCircuit(network, self._dtype)

    def provenance(self) -> dict[str, Any]:
        left_out = str(ignored(self.network))
        return super().provenance() | ({"ignored at DC": left_out} if left_out else {})

    @property
    def reciprocal(self) -> bool:
        """True if each current depends on its own voltage alone: Newton's matrix is symmetric."""
        return self._folded is not None or self._free.reciprocal

    def small_signal(self, inputs: Array) -> SmallSignal:
        """What small changes do at the operating points that `inputs` (S, n_in) make, the outputs open.

        Raises:
            ModelError: there are ideal diodes, at whose kinks there is no slope.
        """
        if self._folded is not None:
            raise ModelError("ideal diodes have no slope where they begin to conduct; analyze a network with real ones")
        return self._free.small_signal(self._conductances, inputs)

    def _program(self, conductances: Array) -> Array:
        self._programmed = None
        return conductances

    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> Measurement:
        if self._folded is not None:
            if self._programmed is None:
                self._programmed = self._folded.program(self._conductances)
            return self._folded.measure(self._programmed, inputs, outputs, imposed)
        network, driven = self.network, len(self.network.inputs)
        if isinstance(outputs, Hold):
            assert imposed is not None
            if self._held is None:
                held = [Source(f"held output {port.name}", "voltage", port.plus, port.minus) for port in network.outputs]
                self._held = _Equations(network, self._devices, held)
            values, currents = np.hstack((inputs, imposed)), np.zeros(imposed.shape)
            voltages, observed, delivered = self._held.solve(self._conductances, values, currents)
            currents = delivered[:, driven:]
            if np.isnan(currents).any():
                raise SimulationError(f"exact: held outputs: {decades_apart(network, self._conductances)}")
        elif isinstance(outputs, Pull):
            assert imposed is not None
            voltages, observed, delivered = self._pulling(inputs, imposed, outputs.conductance)
            currents = outputs.conductance * (imposed - observed)
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

    def _pulling(self, inputs: Array, towards: Array, conductance: float) -> tuple[Array, Array, Array]:
        """`_Equations.solve` with each output behind a resistor: by Norton, one across the port, and its current."""
        if self._pulled is None:
            self._pulled = _Equations(self.network, self._devices, (), loaded=True)
        loaded = np.concatenate((self._conductances, np.full(towards.shape[1], conductance)))
        if not np.array_equal(loaded, self._loaded):
            self._loaded = loaded
        return self._pulled.solve(self._loaded, inputs, conductance * towards)

    def _close(self) -> None:
        self._held = self._pulled = None


class _Equations:
    """Kirchhoff's laws of a network with further voltage sources, `held`; the values of the inputs and of these drive it.

    A `loaded` network has a resistor more across each output; their conductances follow those of the edges.

    Samples are columns here, and u are the values of all sources, then the currents into the outputs. Flows are the currents
    of edges and of further branches; what is seen are the drops of edges, then the controls of all devices.

    Attributes:
        matrices: Newton's.
        reciprocal: whether they are symmetric.
    """

    def __init__(self, network: Network, devices: Devices, held: Sequence[Source], *, loaded: bool = False) -> None:
        self._network, laws, nodes = network, devices.branches, len(devices.nodes)
        ports = widened(network.port_incidence, nodes)
        own = widened(network.incidence, nodes)
        if loaded:
            own = csr_array(vstack((own, ports)))
        self._edges = own.shape[0]
        edges_of_devices = np.concatenate([np.empty(0, dtype=np.intp), *(branches.edges for branches in laws)])
        self._resistors = np.setdiff1d(np.arange(self._edges), edges_of_devices)
        self._rows = list(placed_rows(laws, self._edges, len(self._resistors)))
        sources = (*network.inputs, *held, *network.fixed_sources, *devices.ties)
        reduction = reduce(devices.nodes, len(sources), devices.held(sources))
        spread, sums = reduction.spread, reduction.sums
        incidence = csr_array(vstack((own, *(branches.incidence[branches.edges < 0] for branches in laws))))
        fed = replace(network, inputs=(*network.inputs, *held), outputs=()).source_incidence.T.tocsc()
        fed = fed * np.array([source.kind == "current" for source in sources[: fed.shape[1]]], dtype=np.float64)
        lifts = csr_array(hstack((reduction.lifts, csr_array((nodes, len(network.outputs))))))
        into = csr_array(hstack((widened(fed.T, nodes).T, csr_array((nodes, len(devices.ties))), ports.T)))
        seen = csr_array(vstack((own, *(branches.controls for branches in laws))))

        self._nodes, self._lifts = SparseMap(spread), SparseMap(lifts)
        loops, controls = pruned(incidence @ sums), pruned(seen @ spread)
        self._seen, self._seen_lifts = SparseMap(controls), SparseMap(csr_array(seen @ lifts))
        self._leaving, self._entering = SparseMap(csr_array(-loops.T)), SparseMap(csr_array(sums.T @ into))
        self._outputs, self._ports = SparseMap(ports), (sums.T @ ports.T).toarray()
        self._tests, self._tested = (
            (spread.T @ ports.T).toarray(),
            SparseMap(csr_array(own @ sums)),
        )  # of the transposed network
        driven = len(network.inputs) + len(held)
        self._driven = [k for k, source in enumerate(sources[:driven]) if source.kind == "voltage"]
        paid = csr_array(reduction.paid.T)[self._driven]
        beside = np.unique(csr_array(paid @ incidence.T).nonzero()[1])
        self._beside = beside[beside < self._edges]
        self._delivered, self._undelivered = SparseMap(csr_array(paid @ incidence.T)), SparseMap(csr_array(-(paid @ into)))
        self._fixed = np.array([source.value for source in sources[driven:]]).reshape(-1, 1)

        # Each slope ∂i/∂v is an entry s l rᵀ of Newton's matrix: l where the current flows, r what the voltage is of.
        entries = list(map(of_slopes, self._rows))
        flowing = np.concatenate([self._resistors, *(flows for flows, _ in entries)])
        of = np.concatenate([self._resistors, *(self._edges + controls for _, controls in entries)])
        self._known, self._laws = np.empty(0), list[AtConductances]()
        self._width, self._flowing = len(flowing), incidence.shape[0]
        scales = [np.broadcast_to(rows.law.scale, rows.shape).reshape(-1, 1) for rows in self._rows]
        self._tolerance = CONVERGED * np.vstack((np.ones((0, 1)), *scales))
        self._local = reduction.plain and all(
            branches.local for branches in laws
        )  # then diagonals dominate, and walks are positive
        self.reciprocal = reduction.symmetric and all(branches.reciprocal for branches in laws)
        self.matrices = choose_matrices(loops[flowing], controls[of], symmetric=self.reciprocal, dominated=self._local)
        self._together = max(1, int(AT_ONCE / (self._width + sum(seen.shape) + self._flowing + self.matrices.numbers)))

    def solve(self, conductances: Array, values: Array, injected: Array) -> tuple[Array, Array, Array]:
        """Voltages of all nodes (S, N) and of the outputs (S, n_out), V, and what each driven source delivers (S, …), A.

        NaN where the rounding of a drop over a large conductance at a source drowns what flows.
        For the driven sources' values (S, …), and `injected` (S, n_out) A into the outputs.
        """
        parts = [slice(first, first + self._together) for first in range(0, len(values), self._together)]
        found = [self._solve(conductances, values[part], injected[part], part.start) for part in parts]
        if len(found) == 1:
            return found[0]
        voltages, outputs, delivered = (np.concatenate(rows) for rows in zip(*found, strict=True))
        return voltages, outputs, delivered

    @_quiet
    def _solve(self, conductances: Array, values: Array, injected: Array, first: int) -> tuple[Array, Array, Array]:
        """`solve` for samples that are counted from `first`."""
        u = self._driven_by(values, injected)
        laws = self._at(conductances)
        x, seen = self._newton(conductances, laws, u, first)
        flows = self._flows(conductances, laws, seen)
        voltages = self._nodes.of_columns(x, self._lifts.of_columns(u, _ZERO))
        outputs = self._outputs.of_columns(voltages, _ZERO)
        delivered = values.T.copy()
        delivered[self._driven] = self._delivered.of_columns(flows, self._undelivered.of_columns(u, _ZERO))
        rounding = 1e-16 * conductances[self._beside].max(initial=0.0) * np.abs(voltages).max(axis=0, initial=0.0)
        delivered[np.ix_(self._driven, rounding > max(DROWNED * np.abs(delivered).max(initial=0.0), LEAST))] = np.nan
        return (
            np.ascontiguousarray(voltages[: len(self._network.nodes)].T),
            np.ascontiguousarray(outputs.T),
            np.ascontiguousarray(delivered.T),
        )

    @_quiet
    def small_signal(self, conductances: Array, values: Array) -> SmallSignal:
        """At the operating points of the driven sources' values (S, …)."""
        samples, edges = len(values), self._edges
        u = self._driven_by(values, np.zeros((samples, self._ports.shape[1])))
        laws = self._at(conductances)
        x, seen = self._newton(conductances, laws, u)
        slopes = self._room(conductances, samples)
        self._flows(conductances, laws, seen, slopes)
        driving = seen[:edges].T.copy()
        for rows, given, _ in laws:
            first = rows.branches.edges >= 0
            if first.any():
                driving[:, rows.branches.edges[first]] = rows.law.driving(given, rows.volts(seen[edges:]))[first].T
        forward, adjoint = (np.broadcast_to(right, (samples, *right.shape)) for right in (self._ports, self._tests))
        outputs = self._outputs.of_columns(self._nodes.of_columns(x, self._lifts.of_columns(u, _ZERO)), _ZERO)
        return SmallSignal(
            np.ascontiguousarray(outputs.T),
            seen[:edges].T,
            driving,
            self._drops_of(self.matrices.solve(slopes, forward), self._seen),
            self._drops_of(self.matrices.solve(slopes, adjoint, transposed=True), self._tested),
        )

    def _drops_of(self, potentials: Array, drops: SparseMap) -> Array:
        """(S, k, E) V, for free potentials (S, n, k), sources at rest."""
        samples, size, count = potentials.shape
        columns = np.ascontiguousarray(potentials.transpose(1, 0, 2)).reshape(size, samples * count)
        seen = drops.of_columns(columns, _ZERO)[: self._edges]
        return seen.reshape(self._edges, samples, count).transpose(1, 2, 0)

    def _driven_by(self, values: Array, injected: Array) -> Array:
        """u."""
        first, last = values.shape[1], values.shape[1] + len(self._fixed)
        u = np.empty((last + injected.shape[1], len(values)))
        u[:first], u[first:last], u[last:] = values.T, self._fixed, injected.T
        return u

    def _room(self, conductances: Array, samples: int) -> Array:
        """(k, S) S for the slopes of resistors, which do not change, and then of the devices."""
        slopes = np.empty((self._width, samples))
        slopes[: len(self._resistors)] = conductances[self._resistors, None]
        return slopes

    def _newton(self, conductances: Array, laws: Sequence[AtConductances], u: Array, first: int = 0) -> tuple[Array, Array]:
        """The free potentials (n, S) V, and what is seen at them; samples are counted from `first`."""
        limiters = [(rows, limit) for rows, _, limit in laws if limit is not None]
        rest, entering = self._seen_lifts.of_columns(u, _ZERO), self._entering.of_columns(u, _ZERO)
        x, seen, points = self._at_rest(rest, entering, limiters)
        slopes = self._room(conductances, u.shape[1])
        every, left = (np.zeros(x.shape), np.zeros(seen.shape)), np.arange(u.shape[1])
        for iteration in range(ITERATIONS):
            if iteration == PATIENCE:  # where the circles led to, junctions may carry what no matrix holds
                x, seen, points = self._at_rest(rest, entering, limiters)
            flows = self._flows(conductances, laws, seen, slopes, points)
            right = np.stack((self._leaving.of_columns(flows, entering), self.matrices.diagonals(slopes)))
            try:
                step, walk = self.matrices.solve(slopes, right.transpose(2, 1, 0)).transpose(2, 1, 0)
            except SimulationError as error:
                raise SimulationError(f"{error}; {decades_apart(self._network, conductances)}") from None
            shorten(step, iteration)
            x += step
            seen = self._seen.of_columns(x, rest)
            there = (np.abs(seen[self._edges :] - points) <= self._tolerance).all(axis=0)
            # Each step corrects what rounding left of the one before, to 1e-16 of the walk (`Trust`); it must have had one.
            size = np.maximum(np.abs(x).max(axis=0, initial=0.0), np.abs(seen).max(axis=0, initial=0.0))
            there &= np.abs(step).max(axis=0, initial=0.0) <= SETTLED * size
            upward = (walk > 0).all(axis=0) | (not self._local)
            drowned = ~(upward & (np.abs(walk).max(axis=0, initial=0.0) <= LARGEST_WALK))
            if (lost := there & drowned).any():
                raise SimulationError(f"exact: sample {first + left[lost][0]}: {decades_apart(self._network, conductances)}")
            if there.any():
                done, going = np.flatnonzero(there), np.flatnonzero(~there)
                for whole, part in zip(every, (x, seen), strict=True):
                    whole[:, left[done]] = part.take(done, axis=1)
                left = left[going]
                if not len(left):
                    return every
                x, seen, points, slopes, rest, entering = (
                    part.take(going, axis=1) for part in (x, seen, points, slopes, rest, entering)
                )
            before, points = points, seen[self._edges :].copy()
            for rows, limit in limiters:
                limit(rows.volts(before), rows.volts(points))
        why = f"; {decades_apart(self._network, conductances)}" if drowned[~there].any() else ""
        raise SimulationError(
            f"exact: Newton's method did not converge for sample {first + left[0]} in {ITERATIONS} iterations{why}"
        )

    def _at_rest(self, rest: Array, entering: Array, limiters: Sequence[tuple[Rows, Limiter]]) -> tuple[Array, Array, Array]:
        """Free potentials, what is seen at them, and the points of the controls, V, with nothing but the sources."""
        points = rest[self._edges :].copy()
        for rows, _ in limiters:
            points[rows.seen] = 0.0
        return np.zeros(entering.shape), rest, points

    def _flows(
        self,
        conductances: Array,
        laws: Sequence[AtConductances],
        seen: Array,
        slopes: Array | None = None,
        points: Array | None = None,
    ) -> Array:
        """Flows (F, S) A; by the laws' tangents at the controls `points` (C, S) V if given. Slopes are written to `slopes`."""
        flows = np.empty((self._flowing, seen.shape[1]))
        np.multiply(conductances[:, None], seen[: self._edges], out=flows[: self._edges])
        controls = seen[self._edges :]
        for rows, given, limit in laws:
            volts = rows.volts(controls if points is None else points)
            currents, steep = rows.law.currents(given, volts)
            if slopes is not None:
                for at, slope in zip(rows.slopes, steep, strict=True):
                    slopes[at] = slope
            if limit is not None and points is not None:  # the points of other laws are where the controls are
                for slope, away in zip(steep, rows.volts(controls) - volts, strict=True):
                    currents = currents + slope * away
            flows[rows.flows] = currents
        return flows

    def _at(self, conductances: Array) -> list[AtConductances]:
        """The laws for conductances (E,) S, a circuit's own array, which never changes."""
        if conductances is not self._known:
            self._known, self._laws = conductances, at_conductances(self._rows, conductances)
        return self._laws
