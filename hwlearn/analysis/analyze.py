"""`analyze`: everything that can be known before a training, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hwlearn.analysis.coercivity import Coercivity, Spectrum, coercivity, in_words
from hwlearn.analysis.convergence import mass
from hwlearn.analysis.feasibility import Feasibility, feasibility
from hwlearn.analysis.jacobian import Jacobian, jacobian
from hwlearn.analysis.loss_rates import LossRates, loss_rates
from hwlearn.analysis.repair import Repair, repairs, told
from hwlearn.analysis.structure import Structure, structure
from hwlearn.analysis.symmetry import Symmetry, symmetries
from hwlearn.arrays import Array
from hwlearn.learning.loss import Loss
from hwlearn.learning.losses.squared_error import SquaredError
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
        loss: what training brings down.
        rates: of the loss by rule, at the network's own conductances; None for the squared error, whose rates are those of
            `solution`.
        symmetries: of the targets, that cost rank on the whole solution manifold.
    """

    network: Network
    task: Task
    shape: Structure
    feasibility: Feasibility
    here: Jacobian
    start: Coercivity
    solution: Coercivity
    loss: Loss
    rates: dict[str, LossRates] | None
    symmetries: tuple[Symmetry, ...] = ()

    def __repr__(self) -> str:
        found, reachable = self.solution, "reachable" if self.feasibility.reachable else "NOT reachable"
        rank = f"rank {found.rank} of {found.constraints}"
        return f"<Analysis of {self.network.title}: {reachable}, {rank}, coercivity constant {found.constant:.4g} V²/S²>"

    @property
    def degenerate(self) -> list[str]:
        """Combinations of outputs that no resistor changes at the solution, in words."""
        return [in_words(direction, self.network.output_names) for direction in self.solution.directions]

    @property
    def eigenvalues(self) -> dict[str, Array]:
        """Rates of the modes of each rule, falling: for the loss, or those of the squared error at the solution."""
        if self.rates is None:
            return {name: spectrum.eigenvalues for name, spectrum in self.solution.spectra.items()}
        return {name: rate.eigenvalues.real for name, rate in self.rates.items()}

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
        if self.rates is not None:
            return said + self._about_loss(self.rates)
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

    def _about_loss(self, rates: dict[str, LossRates]) -> list[str]:
        """What rates of a loss with another Hessian than 1 mean."""
        where = f"for the loss {self.loss.name}, at the present conductances"
        said = [
            f"{name}, {where}: learning rate {rate.best_step:.3g} is fastest, {rate.max_step:.3g} the limit."
            if len(rate.eigenvalues)
            else f"{name}, {where}: nothing moves; no sample counts, or no edge moves an output."
            for name, rate in rates.items()
        ]
        said.append("Rank, constant and targets above are those of the outputs; this loss may not need its targets.")
        if self.loss.jumps:
            said.append(f"{self.loss.name} jumps, and has no Hessian there: its rates hold up to the next jump.")
        return said

    def as_dict(self) -> dict[str, Any]:
        """For JSON. Rates are per unit of time of the flow, mean over the samples; steps are learning rates."""
        found = self.solution
        rates: Mapping[str, Spectrum | LossRates] = found.spectra if self.rates is None else self.rates
        return {
            "loss": self.loss.name,
            "rank": found.rank,
            "constraints": found.constraints,
            "rank_bound": self.shape.rank_bound(found.constraints // max(len(self.network.outputs), 1)),
            "coercive": found.coercive,
            "constant": found.constant,
            "singular_values": found.singular_values.tolist(),
            "rates": {name: s.slowest for name, s in rates.items()},
            "active_rates": {name: s.active.tolist() for name, s in self.start.spectra.items()},
            "max_step": {name: _finite(s.max_step) for name, s in rates.items()},
            "best_step": {name: _finite(s.best_step) for name, s in rates.items()},
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


def analyze(network: Network, task: Task, loss: Loss | None = None) -> Analysis:
    """Structure, feasibility, coercivity and rates of a linear network and a task, before any training.

    Rates and steps are those at the nearest solution that was found; active rates are those that the present error excites.
    Another loss than the squared error may have its minimum elsewhere: its rates are those at the present conductances.

    Args:
        network, task: what is asked about.
        loss: what training brings down, such as `rule.loss`; the squared error if not given.

    Raises:
        HwlearnError: too many samples and edges for the rates of the loss.
        ModelError, TaskError: the network is not linear, or the task does not fit.
    """
    possible = feasibility(network, task)
    here = jacobian(network, task)
    wanted = SquaredError() if loss is None else loss
    rates = None if isinstance(wanted, SquaredError) else loss_rates(here, wanted)
    solution = coercivity(possible.nearest.jacobian)
    free = rates is not None or (possible.reachable and solution.coercive)
    forced = () if free else symmetries(network, task)
    return Analysis(network, task, structure(network), possible, here, coercivity(here), solution, wanted, rates, forced)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
