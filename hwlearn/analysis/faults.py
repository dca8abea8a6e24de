"""`find_faults`: which edge, channel or wire explains that a bench answers otherwise than its model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from scipy.linalg import cho_factor, cho_solve

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


def find_faults(
    network: Network,
    conductances: Array,
    drives: Sequence[Drive],
    voltages: Sequence[Array],
    accuracy: Accuracy,
    most: int = 5,
) -> Diagnosis:
    """Explain measured node voltages by few faults.

    A change of one conductance by δ moves all node voltages along one known pattern, exactly and at any size: in sample s by
    −a Δv_e(s) z_e with z_e the answer to a unit current across e, a = δ / (1 + δ R_e), R_e the resistance between e's ends
    (Sherman and Morrison 1950). So each fault is a matched filter, in noise whose covariance holds the accepted tolerances.
    The best explanation is taken away and the rest examined again.

    Args:
        network, conductances: the model, (E,) S; linear.
        drives: open or injected phases. voltages: (S, N) V that were measured, one array for each.
        accuracy: what is no fault.
        most: faults looked for.

    Raises:
        HwlearnError: held outputs, or no noise given.
        ModelError: the network is not linear.
    """
    if not accuracy.noise > 0:
        raise HwlearnError(f"accuracy.noise is {accuracy.noise} V; give the standard deviation of a node voltage")
    if any(isinstance(drive.outputs, Hold) for drive in drives):
        raise HwlearnError("held outputs say less about a circuit; give open and injected phases")
    seen = np.concatenate([np.asarray(v) for v in voltages])
    system = _System(network, conductances, drives, accuracy)
    unseen = tuple(network.edge_names[k] for k in np.flatnonzero(~system.visible))
    seen = seen[:, system.read]
    chi = [system.chi_square(seen)]
    spread = math.sqrt(2 * system.freedom)
    faults: list[Fault] = []
    while len(chi) <= most and chi[-1] > system.freedom + 3 * spread:
        found = system.best(seen)
        if found is None or found[0].gain < GAIN:
            break
        fault, seen, changed = found
        _add(faults, fault)
        if changed is not system.conductances:
            system = _System(network, changed, drives, accuracy)
        chi.append(system.chi_square(seen))
    per = (chi[0] / system.freedom, chi[-1] / system.freedom)
    return Diagnosis(tuple(faults), per, chi[-1] <= system.freedom + 6 * spread, unseen)


class _System:
    """Patterns of all faults, and the covariance of what is no fault, of the stacked node voltages (S·P,)."""

    def __init__(self, network: Network, conductances: Array, drives: Sequence[Drive], accuracy: Accuracy) -> None:
        self.network, self.conductances = network, conductances
        self.read = [k for k, name in enumerate(network.nodes) if name != GROUND]
        free = _free_nodes(network)
        probe = network.with_ports(outputs=[Port(network.nodes[k]) for k in free])
        zero = Drive(np.zeros((1, len(network.inputs))))
        with ExactCircuit(network) as circuit, ExactCircuit(probe) as at_nodes:
            circuit.program(conductances)
            at_nodes.program(conductances)
            answers = [circuit.measure(drive) for drive in drives]
            self.expected = np.concatenate([answer.node_voltages for answer in answers])[:, self.read]
            drops = np.concatenate([answer.edge_drops() for answer in answers])
            rest = circuit.measure(zero).node_voltages
            inputs = np.eye(len(network.inputs))
            unit = [circuit.measure(Drive(row[None])).node_voltages - rest for row in inputs]
            ports = np.eye(len(network.outputs))
            injected = [circuit.measure(Drive(zero.inputs, Inject(row[None]))).node_voltages - rest for row in ports]
            across = np.zeros((len(network.edges), len(network.nodes)))
            across[:, free] = at_nodes.responses(zero.inputs).port_drops
        self.own = across[np.arange(len(across)), network.tails] - across[np.arange(len(across)), network.heads]
        samples = len(drops)
        self.edges = -np.einsum("se,en->sne", drops, across[:, self.read]).reshape(samples * len(self.read), -1)
        nuisance = [self.edges * (accuracy.conductance * conductances)]
        shape = (samples, len(self.read))
        voltage_inputs = [k for k, source in enumerate(network.inputs) if source.kind == "voltage"]
        given = np.concatenate(
            [d.outputs.current if isinstance(d.outputs, Inject) else np.zeros((d.count, len(network.outputs))) for d in drives]
        )
        for s in range(samples):
            for k in voltage_inputs:
                nuisance.append(_in_sample(shape, s, accuracy.source * unit[k][0, self.read]))
            for k in np.flatnonzero(given[s]).tolist():
                nuisance.append(_in_sample(shape, s, accuracy.current * given[s, k] * injected[k][0, self.read]))
        wide = np.hstack(nuisance)
        covariance = wide @ wide.T + accuracy.noise**2 * np.eye(len(wide))
        self._factor = cho_factor(covariance, lower=True)
        self.freedom = len(wide)
        self.weighted = cho_solve(self._factor, self.edges)
        self.power = np.einsum("re,re->e", self.edges, self.weighted)
        self.visible = self.power * conductances**2 > 1.0
        self.offsets = np.kron(np.ones((samples, 1)), np.eye(len(self.read)))
        self.weighted_offsets = cho_solve(self._factor, self.offsets)
        self.offset_power = np.einsum("rn,rn->n", self.offsets, self.weighted_offsets)

    def chi_square(self, seen: Array) -> float:
        """rᵀ C⁻¹ r of node voltages (S, P)."""
        return self._square((seen - self.expected).ravel())

    def _square(self, residual: Array) -> float:
        return float(residual @ cho_solve(self._factor, residual))

    def best(self, seen: Array) -> tuple[Fault, Array, Array] | None:
        """The fault that lowers chi² most, the node voltages without it, and the conductances with it."""
        names, nodes = self.network.edge_names, [self.network.nodes[k] for k in self.read]
        residual = (seen - self.expected).ravel()
        before = self._square(residual)
        candidates: list[tuple[float, str, int, int]] = []
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = (self.weighted.T @ residual) / self.power
            shifts = (self.weighted_offsets.T @ residual) / self.offset_power
        for e in np.flatnonzero(self.visible).tolist():
            candidates.append((float(slopes[e] ** 2 * self.power[e]), "edge", e, -1))
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
            return fault, _swapped(seen, one, two), self.conductances
        rivals = [c[2] for c in candidates if c[1] == kind and gain - c[0] < RIVAL]
        if kind == "offset":
            fault = Fault("offset", tuple(nodes[n] for n in rivals), float(shifts[one]), gain)
            return fault, seen - shifts[one] * np.eye(len(nodes))[one], self.conductances
        relative = self._relative(one, float(slopes[one]))
        changed = self.conductances.copy()
        changed[one] *= max(1 + relative, 1e-9)
        return _edge_fault(tuple(names[e] for e in rivals), relative, gain), seen, changed

    def _relative(self, edge: int, amount: float) -> float:
        """δ/g from a = δ / (1 + δ R_e); −1 where noise makes it less."""
        left = 1 - amount * float(self.own[edge])
        change = amount / left if left > 0 else math.inf
        return min(max(change / float(self.conductances[edge]), -1.0), 1e6)


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


def _in_sample(shape: tuple[int, int], sample: int, pattern: Array) -> Array:
    """(S·P, 1): a pattern over the nodes in one sample only."""
    column = np.zeros(shape)
    column[sample] = pattern
    return column.reshape(-1, 1)


def _free_nodes(network: Network) -> list[int]:
    """Nodes whose voltages the sources alone do not fix."""
    return [k for k, cluster in enumerate(network.merging.cluster.tolist()) if cluster >= 0]
