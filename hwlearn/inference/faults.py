"""`find_faults`: which edge, channel or wire explains that a bench answers otherwise than its model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Literal, NamedTuple

import numpy as np
from scipy.linalg import block_diag, cholesky, solve_triangular

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Drive, Hold, Inject
from hwlearn.errors import HwlearnError
from hwlearn.inference.nodes import NodeCircuit
from hwlearn.network import Network
from hwlearn.text import GROUND

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
    """Deviations that count as no fault, as standard deviations.

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
        kind: of the fault. names: of its edge, or its nodes; further names are of edges or nodes that would explain the
            measurement as well.
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
        factors: (E,) by which the faults change the conductances.
        voltages: (S, N) V, of all probes in turn, with offsets and swaps taken back.
    """

    faults: tuple[Fault, ...]
    chi_square: tuple[float, float]
    explained: bool
    unseen: tuple[str, ...]
    factors: Array
    voltages: Array


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
        accuracy: deviations that are no fault.
        most: rounds of the search.

    Raises:
        HwlearnError: held outputs, or no noise given.
        ModelError: the network is not linear.
    """
    if not accuracy.noise > 0:
        raise HwlearnError(f"accuracy.noise is {accuracy.noise} V; give the standard deviation of a node voltage")
    if any(isinstance(probe.drive.outputs, Hold) for probe in probes):
        raise HwlearnError("held outputs say less about a circuit; give open and injected phases")
    voltages = np.concatenate([probe.voltages for probe in probes])
    model = _Model(network, accuracy)
    system = _System(model, probes, np.ones(len(network.edges)))
    seen = voltages[:, model.read]
    unseen = tuple(network.edge_names[k] for k in np.flatnonzero(~system.visible))
    chi = [system.chi_square(seen)]
    faults: list[Fault] = []
    while len(chi) <= most:
        found = system.best(seen)
        if found is None or found[0].gain < GAIN:
            break
        fault, seen, changed = found
        _add(faults, fault)
        if changed is not system.factors:
            system = _System(model, probes, changed)
        chi.append(system.chi_square(seen))
    voltages[:, model.read] = seen
    per = (chi[0] / system.freedom, chi[-1] / system.freedom)
    explained = chi[-1] <= system.freedom + 6 * math.sqrt(2 * system.freedom)
    return Diagnosis(tuple(faults), per, explained, unseen, system.factors, voltages)


class _Block(NamedTuple):
    """One probe of S samples and P nodes: expected (S, P) V; patterns (S·P, E) of relative changes of the conductances, and
    (S·P, k) of inexact sources, at one standard deviation; own (E,) g R_e."""

    expected: Array
    edges: Array
    sources: Array
    own: Array


class _Model:
    """What probes should show, and how that changes with what may be off."""

    def __init__(self, network: Network, accuracy: Accuracy) -> None:
        self.network, self.accuracy, self._circuit = network, accuracy, NodeCircuit(network)
        self.read = [k for k, name in enumerate(network.nodes) if name != GROUND]
        self._voltage_inputs = [k for k, source in enumerate(network.inputs) if source.kind == "voltage"]

    def block(self, probe: Probe, factors: Array) -> _Block:
        """A probe, the edges' conductances changed by factors."""
        network, accuracy, drive, conductances = self.network, self.accuracy, probe.drive, probe.conductances * factors
        answer = self._circuit.ask(conductances, drive)
        expected = answer.nodes[:, self.read]
        across, rows, inputs = answer.across, np.arange(len(network.edges)), len(network.inputs)
        own = conductances * (across[rows, network.tails] - across[rows, network.heads])
        edges = answer.sensitivity(conductances, answer.drops)[:, self.read].reshape(expected.size, -1)
        columns = [np.zeros((expected.size, 0))]
        for s in range(drive.count):
            off = [accuracy.source * answer.units[k] for k in self._voltage_inputs]
            if isinstance(drive.outputs, Inject):
                injected = np.broadcast_to(drive.outputs.current, (drive.count, len(network.outputs)))[s]
                off += [accuracy.current * injected[k] * answer.units[inputs + k] for k in np.flatnonzero(injected).tolist()]
            columns += [_in_sample(expected.shape, s, pattern[self.read]) for pattern in off]
        return _Block(expected, edges, np.hstack(columns), own)


class _System:
    """Patterns of all faults in the stacked node voltages (S·P,), whitened by the covariance of what is no fault."""

    def __init__(self, model: _Model, probes: Sequence[Probe], factors: Array) -> None:
        self.network, self.factors, accuracy = model.network, factors, model.accuracy
        self.nodes = [self.network.nodes[k] for k in model.read]
        blocks = [model.block(probe, factors) for probe in probes]
        self.expected = np.concatenate([block.expected for block in blocks])
        self.freedom = size = self.expected.size
        settings = groupby(zip(probes, blocks, strict=True), key=lambda pair: pair[0].conductances.tobytes())
        edges = [np.concatenate([block.edges for _, block in group]) for _, group in settings]
        # A digipot's error is of another relative size at another code, so each setting has tolerances of its own.
        wide = np.hstack((accuracy.conductance * block_diag(*edges), block_diag(*[block.sources for block in blocks])))
        self._root = cholesky(wide @ wide.T + accuracy.noise**2 * np.eye(size), lower=True)
        self._own = np.array([block.own for block in blocks])
        patterns = block_diag(*[block.edges for block in blocks])  # (S·P, probes · E)
        self._edges = self._white(patterns).reshape(size, len(blocks), -1)
        self._overlap = np.einsum("rbe,rce->bce", self._edges, self._edges, optimize=True)
        self.visible = self._overlap.sum((0, 1)) > 1.0
        self._offsets = self._white(np.tile(np.eye(len(self.nodes)), (len(self.expected), 1)))
        self._offset_power = (self._offsets**2).sum(0)

    def _white(self, values: Array) -> Array:
        """Of (S·P,) or (S·P, k) of unit variance and independent, where they are noise and accepted tolerance."""
        return solve_triangular(self._root, values, lower=True, check_finite=False)

    def chi_square(self, seen: Array) -> float:
        """rᵀ C⁻¹ r of node voltages (S, P)."""
        white = self._white((seen - self.expected).ravel())
        return float(white @ white)

    def best(self, seen: Array) -> tuple[Fault, Array, Array] | None:
        """The fault that lowers chi² most, the node voltages without it, and the edges' factors with it."""
        residual = seen - self.expected
        white = self._white(residual.ravel())
        before = float(white @ white)
        shifts = (self._offsets.T @ white) / self._offset_power
        gains, fitted = self._edge_gains(white)
        candidates = [(float(gains[e]), "edge", e, -1) for e in np.flatnonzero(self.visible).tolist()]
        candidates += [(gain, "offset", n, -1) for n, gain in enumerate((shifts**2 * self._offset_power).tolist())]
        suspects = np.argsort(-np.abs(residual).max(0))[:SUSPECTS]
        pairs = list(combinations(sorted(suspects.tolist()), 2))
        swapped = np.array([_swapped(seen, *pair) - self.expected for pair in pairs]).reshape(len(pairs), self.freedom)
        after = (self._white(swapped.T) ** 2).sum(0).tolist()
        candidates += [(before - chi, "swap", one, two) for chi, (one, two) in zip(after, pairs, strict=True)]
        candidates.sort(reverse=True)
        if not candidates:
            return None
        gain, kind, one, two = candidates[0]
        if kind == "swap":
            fault = Fault("swapped channels", (self.nodes[one], self.nodes[two]), 0.0, gain)
            return fault, _swapped(seen, one, two), self.factors
        rivals = [c[2] for c in candidates if c[1] == kind and gain - c[0] < RIVAL]
        if kind == "offset":
            fault = Fault("offset", tuple(self.nodes[n] for n in rivals), float(shifts[one]), gain)
            return fault, seen - shifts[one] * np.eye(len(self.nodes))[one], self.factors
        changed = self.factors.copy()
        changed[one] *= max(fitted[one], 1e-9)
        names = tuple(self.network.edge_names[e] for e in rivals)
        return _edge_fault(names, float(fitted[one]) - 1, gain), seen, changed

    def _edge_gains(self, white: Array) -> tuple[Array, Array]:
        """(E,) fall of chi² if that edge alone is off, and (E,) the factor f that does it best, on a fine grid."""
        along = np.einsum("rbe,r->be", self._edges, white)

        def fall(factors: Array) -> Array:
            """(k, E) for factors (k, E)."""
            part = (factors - 1)[:, None] / (1 + (factors - 1)[:, None] * self._own)
            return 2 * np.einsum("kbe,be->ke", part, along) - np.einsum("kbe,bce,kce->ke", part, self._overlap, part)

        edges = np.arange(along.shape[1])
        grid = np.concatenate(([0.0], np.geomspace(1e-3, 1e3, 121)))[:, None] * np.ones(len(edges))
        for _ in range(4):  # each round looks between the neighbours of the best
            best = fall(grid).argmax(0)
            low = grid[np.maximum(best - 1, 0), edges]
            high = grid[np.minimum(best + 1, len(grid) - 1), edges]
            grid = low + np.linspace(0, 1, 41)[:, None] * (high - low)
        falls = fall(grid)
        best = falls.argmax(0)
        return falls[best, edges], grid[best, edges]


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
