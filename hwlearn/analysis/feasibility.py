"""Is there a circuit that answers the task? What the graph and the maximum principle forbid, then a search."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from hwlearn.analysis.jacobian import Jacobian, take
from hwlearn.analysis.manifold import Projection, descend, project
from hwlearn.analysis.nearest import nearest
from hwlearn.analysis.parts import parts
from hwlearn.analysis.structure import Structure, structure
from hwlearn.arrays import Array, seed_of
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.errors import SimulationError
from hwlearn.learning.task import Task
from hwlearn.network import Network
from hwlearn.text import GROUND

SLACK = 1e-9
"""Targets may miss a limit by this part of the largest voltage."""

WORK, WORK_IN_VAIN = 1_000_000_000, 40_000_000
"""Entries of Jacobians that a search may take in all, and one whose targets are known to be out of reach."""

ITERATIONS = 3, 100
"""The fewest and the most steps of the first search. Where it must take fewer, no other start is tried."""

STARTS = 6
"""Searches from other conductances before a target counts as not found."""


@dataclass(frozen=True, eq=False)
class Feasibility:
    """Whether the targets can be reached within the bounds.

    Attributes:
        reachable: whether conductances that meet the targets were found. `reasons` says whether none can exist, or none was
            found.
        reasons: why not; empty if reachable.
        nearest: the best circuit found; where the targets cannot be met, a minimum of the error within the bounds, unless the
            task is too large to look for it.
        here: the Jacobian at the network's own conductances.
    """

    reachable: bool
    reasons: tuple[str, ...]
    nearest: Projection
    here: Jacobian


def feasibility(network: Network, task: Task, seed: int = 0) -> Feasibility:
    """Judge a task: by structure, by the maximum principle, and by least squares on the exact model."""
    task.check(network)
    shape = structure(network)
    with ExactCircuit(network) as circuit:
        here = take(circuit, task)
        mixing, found = parts(here)
        near = SLACK * here.size
        reasons = [*_ties(network, task, shape, near), *_limits(network, task, near), *_contradictions(task, mixing, near)]
        entries = max(sum(part.count * len(part.edges) for part in found), 1)
        steps = (WORK if not reasons else WORK_IN_VAIN) // entries
        del found
        best = descend(circuit, task, int(np.clip(steps, *ITERATIONS)), here)
    random = np.random.default_rng(seed_of(seed))
    for _ in range(0 if reasons or steps < ITERATIONS[1] else STARTS):
        if best.reached:
            break
        spread = network.conductances * 10 ** random.uniform(-1, 1, len(network.edges))
        start = np.where(network.trainable, np.clip(spread, network.lower, network.upper), network.conductances)
        with suppress(SimulationError):  # conductances too many decades apart in a large network
            best = min(best, project(network, task, start, iterations=300), key=lambda found: found.rms)
    if not best.reached:
        best = nearest(network, task, best)
    if not best.reached and not reasons:
        reasons.append("no search met them; wider bounds, a freed edge, more edges or other targets may")
    return Feasibility(not reasons, tuple(reasons), best, here)


def _contradictions(task: Task, mixing: Array, near: float) -> list[str]:
    """Samples that are combinations of others: a linear circuit answers them with the same combinations, whatever it is."""
    left = task.targets - mixing @ (mixing.T @ task.targets)
    if np.abs(left).max(initial=0.0) <= near:
        return []
    samples, independent = mixing.shape
    least = float(np.sqrt(np.mean(left**2)))
    return [
        f"the {samples} samples are combinations of {independent}, and their targets are not the same combinations: no "
        f"circuit of these sources and resistors comes nearer than {least:.4g} V rms"
    ]


def _ties(network: Network, task: Task, shape: Structure, near: float) -> list[str]:
    """Outputs that can never differ but shall, and outputs that no resistor moves."""
    reasons = []
    column = {port.name: k for k, port in enumerate(network.outputs)}
    for group in shape.tied:
        wanted = task.targets[:, [column[port.name] for port in group]]
        if np.ptp(wanted, axis=1).max() > near:
            names = " and ".join(port.name for port in group)
            reasons.append(f"outputs {names} are always equal: only edges without current (a bridge or dead end) join them")
    if shape.fixed:
        from hwlearn.circuits.drive import Drive

        with ExactCircuit(network) as circuit:
            reached = circuit.measure(Drive(task.inputs)).output_voltages
        for port in shape.fixed:
            k = column[port.name]
            if np.abs(reached[:, k] - task.targets[:, k]).max() > near:
                reasons.append(f"output {port.name} is fixed by the sources: no resistor moves it")
    return reasons


def _limits(network: Network, task: Task, near: float) -> list[str]:
    """The maximum principle: with grounded voltage sources alone, every voltage lies between those of the sources."""
    if any(source.kind == "current" or source.minus != GROUND for source in network.sources):
        return []
    fixed = [source.value for source in network.fixed_sources]
    levels = np.column_stack(
        (task.inputs, np.tile(fixed, (len(task), 1)), np.zeros((len(task), int(GROUND in network.nodes))))
    )
    low, high = levels.min(axis=1), levels.max(axis=1)
    reasons = []
    for k, port in enumerate(network.outputs):
        bottom, top = (low, high) if port.minus == GROUND else (low - high, high - low)
        wanted = task.targets[:, k]
        outside = np.flatnonzero((wanted < bottom - near) | (wanted > top + near))
        if len(outside):
            s = int(outside[0])
            reasons.append(
                f"output {port.name} of sample {s}: {wanted[s]:.6g} V lies outside {bottom[s]:.6g} … {top[s]:.6g} V, "
                "all that the sources allow (maximum principle)"
            )
    return reasons
