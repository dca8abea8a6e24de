"""`analyze`: everything that can be known before a training, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hwlearn.analysis.advice import advice
from hwlearn.analysis.coercivity import Coercivity, Spectrum, coercivity, in_words
from hwlearn.analysis.convergence import mass
from hwlearn.analysis.feasibility import Feasibility, feasibility
from hwlearn.analysis.jacobian import Jacobian
from hwlearn.analysis.loss_rates import LossRates, loss_rates
from hwlearn.analysis.repair import Repair, repairs, told
from hwlearn.analysis.structure import Structure, structure
from hwlearn.analysis.symmetry import Symmetry, symmetries
from hwlearn.analysis.units import units_of
from hwlearn.arrays import Array
from hwlearn.display import shown
from hwlearn.learning.arguments import check_loss, check_network
from hwlearn.learning.loss import Loss
from hwlearn.learning.losses.squared_error import SquaredError
from hwlearn.learning.task import Task
from hwlearn.network import Network


@dataclass(frozen=True, eq=False)
class Analysis:
    """Whether a network can learn a task, how fast, and what stands in the way; made by `analyze`.

    Attributes:
        network, task: that were analysed.
        shape: what follows from the graph alone, whatever the conductances.
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

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return shown(self, "analysis_html")

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

    @property
    def worst(self) -> tuple[float, str]:
        """The largest error of the nearest outputs [V], and at which output in which sample."""
        at = self.feasibility.nearest.jacobian
        error = np.abs(at.outputs - at.targets)
        sample, port = np.unravel_index(int(error.argmax()), error.shape)
        return float(error[sample, port]), f"{self.network.output_names[port]}, sample {sample}"

    def advice(self) -> list[str]:
        """What to do, in plain words; see `hwlearn.analysis.advice`."""
        return advice(self)

    def as_dict(self) -> dict[str, Any]:
        """For JSON. Rates are those of the flow, mean over the samples; steps are learning rates; `units` has their units."""
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
            "mean_rates": {name: s.mean for name, s in found.spectra.items()},
            "max_step": {name: _finite(s.max_step) for name, s in rates.items()},
            "best_step": {name: _finite(s.best_step) for name, s in rates.items()},
            "units": {name: units_of(name, self.loss)._asdict() for name in rates},
            "degenerate": self.degenerate,
            "symmetries": told(self.symmetries, self.repairs),
            "reachable": self.feasibility.reachable,
            "reasons": list(self.feasibility.reasons),
            "nearest_outputs": self.feasibility.nearest.jacobian.outputs.tolist(),
            "nearest_rms": self.feasibility.nearest.rms,
            "nearest_worst": self.worst[0],
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
    check_network(network)
    if loss is not None:
        check_loss(loss)
    possible = feasibility(network, task)
    here = possible.here
    wanted = SquaredError() if loss is None else loss
    rates = None if isinstance(wanted, SquaredError) else loss_rates(here, wanted)
    solution = coercivity(possible.nearest.jacobian)
    free = rates is not None or (possible.reachable and solution.coercive)
    forced = () if free else symmetries(network, task)
    return Analysis(network, task, structure(network), possible, here, coercivity(here), solution, wanted, rates, forced)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
