"""`analyze`: everything that can be known before a training, and what to do about it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hwlearn.analysis.coercivity import Coercivity, coercivity, in_words
from hwlearn.analysis.convergence import mass
from hwlearn.analysis.feasibility import Feasibility, feasibility
from hwlearn.analysis.jacobian import Jacobian, jacobian
from hwlearn.analysis.repair import Repair, repairs, told
from hwlearn.analysis.structure import Structure, structure
from hwlearn.analysis.symmetry import Symmetry, symmetries
from hwlearn.learning.task import Task
from hwlearn.network import Network

SLOW = 1e-4
"""A slowest rate below this part of the fastest is called slow."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """What `analyze` found.

    Attributes:
        network, task: what was asked about.
        shape: what the graph alone says.
        feasibility: whether the targets can be reached, and the nearest circuit found.
        here: Jacobian at the network's own conductances.
        start: coercivity there.
        solution: coercivity at the nearest circuit found: on the solution manifold, if the task is reachable.
        symmetries: of the targets, that cost rank on the whole solution manifold.
    """

    network: Network
    task: Task
    shape: Structure
    feasibility: Feasibility
    here: Jacobian
    start: Coercivity
    solution: Coercivity
    symmetries: tuple[Symmetry, ...] = ()

    def __repr__(self) -> str:
        found, reachable = self.solution, "reachable" if self.feasibility.reachable else "NOT reachable"
        rank = f"rank {found.rank} of {found.constraints}"
        return f"<Analysis of {self.network.title}: {reachable}, {rank}, coercivity constant {found.constant:.4g} V²/S²>"

    @property
    def degenerate(self) -> list[str]:
        """Combinations of outputs that no resistor changes at the solution, in words."""
        return [in_words(direction, self.network.output_names) for direction in self.solution.directions]

    @cached_property
    def repairs(self) -> tuple[tuple[Repair, ...], ...]:
        """What was tried against each of the symmetries, the best first."""
        return tuple(repairs(self.network, self.task, symmetry) for symmetry in self.symmetries)

    def advice(self) -> list[str]:
        """What to do, in plain words."""
        found, network = self.solution, self.network
        said: list[str] = []
        if not self.feasibility.reachable:
            said += [f"The task cannot be learned: {reason}." for reason in self.feasibility.reasons]
        if len(self.task) * len(network.outputs) > found.constraints:
            independent = found.constraints // max(len(network.outputs), 1)
            said.append(
                f"The {len(self.task)} samples are combinations of {independent} independent ones: only {found.constraints} "
                "constraints can be met separately, and the targets must agree with that."
            )
        bound = self.shape.rank_bound(found.constraints // max(len(network.outputs), 1))
        if bound < found.constraints:
            useful = int(self.shape.useful.sum())
            said.append(
                f"The graph allows rank {bound} of {found.constraints}: {useful} trainable edges can move an output. "
                "Free fixed edges or add edges between inputs and outputs."
            )
        if found.coercive:
            said.append(f"Coercive: rank {found.rank} of {found.constraints}, constant {found.constant:.4g} V²/S².")
        else:
            what = "; ".join(self.degenerate) or "some combination of outputs"
            said.append(
                f"Not coercive: rank {found.rank} of {found.constraints}. No resistor changes {what}. Move the target off the "
                "symmetry, add an edge that carries current there, or free a fixed edge."
            )
        for symmetry, tried in zip(self.symmetries, self.repairs, strict=True):
            said.append(f"{str(symmetry)[0].upper()}{str(symmetry)[1:]}.")
            said += [f"Repair: {repair}." for repair in tried]
        for name, spectrum in found.spectra.items():
            if not spectrum.eigenvalues.size:
                continue
            steps = f"learning rate {spectrum.best_step:.3g} is fastest, {spectrum.max_step:.3g} the limit"
            if spectrum.slowest <= 0:
                said.append(f"{name}: some errors never decay; {steps}.")
                continue
            contrast = spectrum.slowest / float(spectrum.eigenvalues[0])
            ratio = (1 - contrast) / (1 + contrast)
            per = math.inf if ratio >= 1 else math.log(10) / (-2 * math.log(ratio)) if ratio > 0 else 1.0
            slow = (
                " (slow: a far smaller error in one direction than in the others takes most of them)"
                if contrast < SLOW
                else ""
            )
            said.append(f"{name}: {steps}; then {per:,.0f} steps for each factor of ten in the loss{slow}.")
        if all(s.slowest > 0 for s in found.spectra.values()) and len(found.spectra) > 1:
            well = max(found.spectra, key=lambda name: found.spectra[name].slowest / found.spectra[name].eigenvalues[0])
            said.append(f"Best conditioned: {well}.")
        return said

    def as_dict(self) -> dict[str, Any]:
        """For JSON. Rates are per unit of time of the flow, mean over the samples; steps are learning rates."""
        found = self.solution
        return {
            "rank": found.rank,
            "constraints": found.constraints,
            "rank_bound": self.shape.rank_bound(found.constraints // max(len(self.network.outputs), 1)),
            "coercive": found.coercive,
            "constant": found.constant,
            "singular_values": found.singular_values.tolist(),
            "rates": {name: s.slowest for name, s in found.spectra.items()},
            "active_rates": {name: s.active.tolist() for name, s in self.start.spectra.items()},
            "max_step": {name: _finite(s.max_step) for name, s in found.spectra.items()},
            "best_step": {name: _finite(s.best_step) for name, s in found.spectra.items()},
            "degenerate": self.degenerate,
            "symmetries": told(self.symmetries, self.repairs),
            "reachable": self.feasibility.reachable,
            "reasons": list(self.feasibility.reasons),
            "nearest_outputs": self.feasibility.nearest.jacobian.outputs.tolist(),
            "nearest_rms": self.feasibility.nearest.rms,
            "dead_edges": [self.network.edge_names[k] for k in np.flatnonzero(~self.shape.live)],
            "mass": float(mass(self.network.conductances[self.network.trainable])),
            "at_start": {
                "rank": self.start.rank,
                "constant": self.start.constant,
                "stuck": {name: s.stuck for name, s in self.start.spectra.items()},
            },
            "advice": self.advice(),
        }


def analyze(network: Network, task: Task) -> Analysis:
    """Structure, feasibility, coercivity and rates of a linear network and a task, before any training.

    Rates and steps are those at the nearest solution that was found; active rates are those that the present error excites.

    Raises:
        ModelError, TaskError: the network is not linear, or the task does not fit.
    """
    possible = feasibility(network, task)
    here = jacobian(network, task)
    solution = coercivity(possible.nearest.jacobian)
    forced = () if possible.reachable and solution.coercive else symmetries(network, task)
    return Analysis(network, task, structure(network), possible, here, coercivity(here), solution, forced)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
