"""`find_faults`: which edge, channel or wire explains that a bench answers otherwise than its model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, groupby, pairwise
from typing import Literal, NamedTuple

import numpy as np
from scipy.linalg import block_diag, cho_factor, cho_solve

from hwlearn.circuits.base import Array, Drive, Hold, Inject
from hwlearn.circuits.exact import ExactCircuit
from hwlearn.errors import HwlearnError
from hwlearn.network import Network
from hwlearn.network.ports import Port
from hwlearn.spice.numbers import GROUND

GAIN = 36.0
"""Fall of chi² for which a fault is believed: six standard deviations."""
RIVAL = 9.0
"""Explanations whose fall of chi² is this close to the best cannot be told from it."""
OPEN = 0.1
"""An edge below this part of its conductance is called open."""
SUSPECTS = 24
"""Nodes that are tried in pairs for swapped channels."""


@dataclass(frozen=True)
class Accuracy:
    """What is accepted without being a fault; standard deviations.

    Attributes:
        noise: of a node voltage [V].
        conductance: relative, of each edge against its table.
        source: of a driven voltage [V]; current inputs are taken as exact.
        current: relative, of a measured injected current.
    """

    noise: float
    conductance: float = 0.005
    source: float = 1e-3
    current: float = 1e-3


@dataclass(frozen=True, eq=False)
class Probe:
    """One measured phase: conductances (E,) S that were programmed, an open or injected drive, node voltages (S, N) V."""

    conductances: Array
    drive: Drive
    voltages: Array


@dataclass(frozen=True)
class Fault:
    """One explanation.

    Attributes:
        kind: what it is. names: edges or nodes; further ones could not be told from the first.
        size: relative deviation of a conductance (−1: open), or offset [V]; zero for swapped channels.
        gain: by how much it lowers chi².
    """

    kind: Literal["edge", "open edge", "offset", "swapped channels"]
    names: tuple[str, ...]
    size: float
    gain: float

    def __str__(self) -> str:
        names = " or ".join(self.names)
        if self.kind == "edge":
            return f"edge {names} conducts {100 * self.size:+.2g} %"
        if self.kind == "open edge":
            return f"edge {names} is open"
        if self.kind == "offset":
            return f"the channel of node {names} is off by {self.size:+.3g} V"
        return f"the channels of nodes {' and '.join(self.names)} are swapped"


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What `find_faults` found.

    Attributes:
        faults: most convincing first; together they explain the measurement if `explained`.
        chi_square: per degree of freedom, with no fault and with all of them.
        explained: whether what is left is noise and accepted tolerance.
        unseen: edges in which no phase makes a voltage: nothing can be said of them.
    """

    faults: tuple[Fault, ...]
    chi_square: tuple[float, float]
    explained: bool
    unseen: tuple[str, ...]


def find_faults(network: Network, probes: Sequence[Probe], accuracy: Accuracy, most: int = 5) -> Diagnosis:
    """Explain measured node voltages by few faults.

    A change of one conductance from g to f g moves all node voltages along one known pattern, at any size: in sample s by
    −a Δv_e(s) z_e with z_e the answer to a unit current across e, a = (f − 1) g / (1 + (f − 1) g R_e), R_e the resistance
    between e's ends (Sherman and Morrison 1950). So each fault is a matched filter, in noise whose covariance holds the
    accepted tolerances. The best explanation is taken away and the rest examined again. An edge is taken to be off by the same
    factor f in all probes.

    Args:
        network: the model; linear.
        probes: what was measured. Probes at uneven conductances see edges that symmetry hides.
        accuracy: what is no fault.
        most: rounds of the search.

    Raises:
        HwlearnError: held outputs, or no noise given.
        ModelError: the network is not linear.
    """
    if not accuracy.noise > 0:
        raise HwlearnError(f"accuracy.noise is {accuracy.noise} V; give the standard deviation of a node voltage")
    if any(isinstance(probe.drive.outputs, Hold) for probe in probes):
        raise HwlearnError("held outputs say less about a circuit; give open and injected phases")
    factors = np.ones(len(network.edges))
    system = _System(network, probes, factors, accuracy)
    unseen = tuple(network.edge_names[k] for k in np.flatnonzero(~system.visible))
    seen = np.concatenate([probe.voltages for probe in probes])[:, system.read]
    chi = [system.chi_square(seen)]
    spread = math.sqrt(2 * system.freedom)
    faults: list[Fault] = []
    while len(chi) <= most:
        found = system.best(seen)
        if found is None or found[0].gain < GAIN:
            break
        fault, seen, changed = found
        _add(faults, fault)
        if changed is not system.factors:
            system = _System(network, probes, changed, accuracy)
        chi.append(system.chi_square(seen))
    per = (chi[0] / system.freedom, chi[-1] / system.freedom)
    return Diagnosis(tuple(faults), per, chi[-1] <= system.freedom + 6 * spread, unseen)


class _System:
    """Patterns of all faults, and the covariance of what is no fault, of the stacked node voltages (S·P,)."""

    def __init__(self, network: Network, probes: Sequence[Probe], factors: Array, accuracy: Accuracy) -> None:
        self.network, self.factors = network, factors
        self.read = [k for k, name in enumerate(network.nodes) if name != GROUND]
        blocks = [_block(network, probe, factors, self.read, accuracy) for probe in probes]
        self.expected = np.concatenate([block.expected for block in blocks])
        self.edges = np.concatenate([block.edges for block in blocks])
        samples = len(self.expected)
        settings = groupby(zip(probes, blocks, strict=True), key=lambda pair: pair[0].conductances.tobytes())
        edges = [np.concatenate([block.edges for _, block in group]) for _, group in settings]
        # A digipot's error is of another relative size at another code, so each setting has tolerances of its own.
        wide = np.hstack((accuracy.conductance * block_diag(*edges), block_diag(*[block.sources for block in blocks])))
        covariance = wide @ wide.T + accuracy.noise**2 * np.eye(len(wide))
        self._factor = cho_factor(covariance, lower=True)
        self.freedom = len(wide)
        self._own = np.array([block.own for block in blocks])
        ends = np.cumsum([0, *(len(block.edges) for block in blocks)])
        self._rows = [slice(first, last) for first, last in pairwise(ends.tolist())]
        self._weighted = np.array([cho_solve(self._factor, self._alone(rows)) for rows in self._rows])
        self._overlap = np.array([[self._within(rows, w) for rows in self._rows] for w in self._weighted])
        self.power = self._overlap.sum((0, 1))
        self.visible = self.power > 1.0
        self.offsets = np.kron(np.ones((samples, 1)), np.eye(len(self.read)))
        self.weighted_offsets = cho_solve(self._factor, self.offsets)
        self.offset_power = np.einsum("rn,rn->n", self.offsets, self.weighted_offsets)

    def chi_square(self, seen: Array) -> float:
        """rᵀ C⁻¹ r of node voltages (S, P)."""
        return self._square((seen - self.expected).ravel())

    def _square(self, residual: Array) -> float:
        return float(residual @ cho_solve(self._factor, residual))

    def best(self, seen: Array) -> tuple[Fault, Array, Array] | None:
        """The fault that lowers chi² most, the node voltages without it, and the edges' factors with it."""
        names, nodes = self.network.edge_names, [self.network.nodes[k] for k in self.read]
        residual = (seen - self.expected).ravel()
        before = self._square(residual)
        candidates: list[tuple[float, str, int, int]] = []
        shifts = (self.weighted_offsets.T @ residual) / self.offset_power
        gains, fitted = self._edge_gains(residual)
        candidates += [(float(gains[e]), "edge", e, -1) for e in np.flatnonzero(self.visible).tolist()]
        for n in range(len(nodes)):
            candidates.append((float(shifts[n] ** 2 * self.offset_power[n]), "offset", n, -1))
        suspects = np.argsort(-np.abs(residual.reshape(seen.shape)).max(0))[:SUSPECTS]
        for one, two in combinations(sorted(suspects.tolist()), 2):
            candidates.append((before - self.chi_square(_swapped(seen, one, two)), "swap", one, two))
        candidates.sort(reverse=True)
        if not candidates:
            return None
        gain, kind, one, two = candidates[0]
        if kind == "swap":
            fault = Fault("swapped channels", (nodes[one], nodes[two]), 0.0, gain)
            return fault, _swapped(seen, one, two), self.factors
        rivals = [c[2] for c in candidates if c[1] == kind and gain - c[0] < RIVAL]
        if kind == "offset":
            fault = Fault("offset", tuple(nodes[n] for n in rivals), float(shifts[one]), gain)
            return fault, seen - shifts[one] * np.eye(len(nodes))[one], self.factors
        changed = self.factors.copy()
        changed[one] *= max(fitted[one], 1e-9)
        return _edge_fault(tuple(names[e] for e in rivals), float(fitted[one]) - 1, gain), seen, changed

    def _edge_gains(self, residual: Array) -> tuple[Array, Array]:
        """(E,) fall of chi² if that edge alone is off, and (E,) the factor f that does it best, on a fine grid."""
        along = np.einsum("bre,r->be", self._weighted, residual)

        def fall(factors: Array) -> Array:
            """(k, E) for factors (k, E)."""
            part = (factors - 1)[:, None] / (1 + (factors - 1)[:, None] * self._own)
            return 2 * np.einsum("kbe,be->ke", part, along) - np.einsum("kbe,bce,kce->ke", part, self._overlap, part)

        edges = np.arange(self.edges.shape[1])
        grid = np.concatenate(([0.0], np.geomspace(1e-3, 1e3, 121)))[:, None] * np.ones(len(edges))
        for _ in range(4):  # each round looks between the neighbours of the best
            best = fall(grid).argmax(0)
            low = grid[np.maximum(best - 1, 0), edges]
            high = grid[np.minimum(best + 1, len(grid) - 1), edges]
            grid = low + np.linspace(0, 1, 41)[:, None] * (high - low)
        falls = fall(grid)
        best = falls.argmax(0)
        return falls[best, edges], grid[best, edges]

    def _alone(self, rows: slice) -> Array:
        """The edges' patterns in one probe, zero elsewhere."""
        alone = np.zeros_like(self.edges)
        alone[rows] = self.edges[rows]
        return alone

    def _within(self, rows: slice, weighted: Array) -> Array:
        return np.einsum("re,re->e", self.edges[rows], weighted[rows])


class _Block(NamedTuple):
    """One probe of S samples and P nodes: expected (S, P) V; patterns (S·P, E) of relative changes of the conductances, and
    (S·P, k) of inexact sources, at one standard deviation; own (E,) g R_e."""

    expected: Array
    edges: Array
    sources: Array
    own: Array


def _block(network: Network, probe: Probe, factors: Array, read: list[int], accuracy: Accuracy) -> _Block:
    conductances, drive = probe.conductances * factors, probe.drive
    free = [k for k, cluster in enumerate(network.merging.cluster.tolist()) if cluster >= 0]
    at = network.with_ports(outputs=[Port(network.nodes[k]) for k in free])
    zero = np.zeros((1, len(network.inputs)))
    with ExactCircuit(network) as circuit, ExactCircuit(at) as at_nodes:
        circuit.program(conductances)
        at_nodes.program(conductances)
        answer = circuit.measure(drive)
        expected, drops = answer.node_voltages[:, read], answer.edge_drops()
        rest = circuit.measure(Drive(zero)).node_voltages
        inputs = [circuit.measure(Drive(row[None])).node_voltages - rest for row in np.eye(len(network.inputs))]
        ports = [circuit.measure(Drive(zero, Inject(row[None]))).node_voltages - rest for row in np.eye(len(network.outputs))]
        across = np.zeros((len(network.edges), len(network.nodes)))
        across[:, free] = at_nodes.responses(zero).port_drops
    rows = np.arange(len(across))
    own = conductances * (across[rows, network.tails] - across[rows, network.heads])
    edges = -np.einsum("se,en,e->sne", drops, across[:, read], conductances).reshape(expected.size, -1)
    voltage_inputs = [k for k, source in enumerate(network.inputs) if source.kind == "voltage"]
    injected = drive.outputs.current if isinstance(drive.outputs, Inject) else np.zeros((drive.count, len(ports)))
    columns = []
    for s in range(drive.count):
        columns += [_in_sample(expected.shape, s, accuracy.source * inputs[k][0, read]) for k in voltage_inputs]
        given = np.flatnonzero(injected[s]).tolist()
        columns += [_in_sample(expected.shape, s, accuracy.current * injected[s, k] * ports[k][0, read]) for k in given]
    sources = np.hstack(columns) if columns else np.zeros((expected.size, 0))
    return _Block(expected, edges, sources, own)


def _edge_fault(names: tuple[str, ...], relative: float, gain: float) -> Fault:
    return Fault("open edge" if relative < OPEN - 1 else "edge", names, relative, gain)


def _add(faults: list[Fault], fault: Fault) -> None:
    """Append; a further change of an edge that is listed refines its size, which was first found far from where it is."""
    for k, known in enumerate(faults):
        if "edge" in fault.kind and "edge" in known.kind and fault.names[0] == known.names[0]:
            relative = (1 + known.size) * (1 + fault.size) - 1
            faults[k] = _edge_fault(known.names, relative, known.gain + fault.gain)
            return
    faults.append(fault)


def _swapped(seen: Array, one: int, two: int) -> Array:
    changed = seen.copy()
    changed[:, [one, two]] = seen[:, [two, one]]
    return changed


def _in_sample(shape: tuple[int, ...], sample: int, pattern: Array) -> Array:
    """(S·P, 1): a pattern over the nodes in one sample only."""
    column = np.zeros(shape)
    column[sample] = pattern
    return column.reshape(-1, 1)
