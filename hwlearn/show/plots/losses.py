"""Losses of runs: ½‖o − y‖² in V² on common axes, and what each rule brings down, where that is something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hwlearn.arrays import Array
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.errors import HwlearnError
from hwlearn.learning.losses import SquaredError
from hwlearn.learning.rules import RULES
from hwlearn.learning.train import task_loss

if TYPE_CHECKING:
    from hwlearn.experiments.runs import Run

SQUARED = "loss ½‖o − y‖² [V²]"
"""What all rules are judged by, mean over the samples."""


POINTS = 64
"""Points of a trajectory at which the exact model is asked, about."""


class Course(NamedTuple):
    """Losses (k,) at steps or times (k,), and how they are known."""

    at: Array
    losses: Array
    how: str


def own(run: Run) -> Course:
    """What the rule observed, at every step."""
    at, losses = (np.array(column, dtype=np.float64) for column in (run.history.at, run.history.losses))
    return Course(at, losses, "observed")


def observes_squares(run: Run) -> bool:
    """Whether what the rule observes is ½‖o − y‖² itself."""
    return run.loss_unit == SquaredError.unit and run.settings.get("loss.name", SquaredError.name) in (None, SquaredError.name)


def squares(run: Run) -> Course:
    """½‖o − y‖², as far as it is known.

    At every step, where the rule observes it; else along the trajectory that the run keeps, from outputs that were read, or
    by the exact model of a linear network; else at the start and the end, where it was measured.
    """
    if observes_squares(run):
        return own(run)
    try:
        found = _along(run)
    except HwlearnError:  # the experiment file is gone or has changed: its targets are not known
        found = None
    return _ends(run) if found is None else found


def _along(run: Run) -> Course | None:
    found, experiment = run.trajectory, run.experiment
    network, task = experiment.network, experiment.task
    if found is None or len(found.at) < 2:
        return None
    if found.outputs is not None and np.isfinite(found.outputs).all():
        errors = found.outputs - task.targets
        return Course(found.at, 0.5 * (errors**2).sum(axis=2).mean(axis=1), "from outputs read along the run")
    if not network.linear:
        return None
    kept = np.unique(np.r_[np.arange(0, len(found.at), 1 + len(found.at) // POINTS), len(found.at) - 1])
    losses = []
    with ExactCircuit(network) as circuit:
        for conductances in found.conductances[kept]:
            circuit.program(conductances)
            losses.append(task_loss(circuit, task)[0])
    return Course(found.at[kept], np.array(losses), "exact model of g(t)")


def _ends(run: Run) -> Course:
    result: Mapping[str, Any] = run.result or {}
    ends, at = [result.get("loss_initial"), result.get("loss_final")], run.history.at
    if not len(at) or None in ends:
        return Course(np.empty(0), np.empty(0), "not known")
    return Course(np.array([at[0], at[-1]]), np.array(ends, dtype=np.float64), ENDS)


ENDS = "measured at start and end"


def own_label(run: Run) -> str:
    """Name and unit of what the rule observes."""
    if not observes_squares(run) and run.loss_unit == SquaredError.unit:
        return f"{run.settings.get('loss.name', 'own loss')} [{run.loss_unit}]"
    return f"loss that {run.settings['rule.name']} observes [{run.loss_unit}]"


def paint_course(axes: Axes, run: Run, course: Course, **style: Any) -> None:
    """Paint losses; few of them as points too, and those of which only the ends are known as points alone."""
    seen = np.isfinite(course.losses) & (course.losses > 0)
    if course.how == ENDS:
        style |= {"linestyle": "", "marker": "o", "fillstyle": "none"}
    elif seen.sum() < 30:
        style["marker"] = "."
    axes.plot(course.at[seen], course.losses[seen], linewidth=1.4, **style)
    if seen.any():
        axes.set_yscale("log")
    with_time(axes, run)
    axes.grid(alpha=0.3)


def with_time(axes: Axes, run: Run) -> None:
    """The axis of steps, or of a flow's time."""
    if not run.continuous:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.set_xlabel("step")
        return
    axes.set_xlabel(f"time of the flow [{flow_time(run) or '1'}]")


def flow_time(run: Run) -> str:
    """The unit of a flow's time; empty where the rule does not tell."""
    rule = run.settings["rule.name"]
    return RULES.get(rule)().step_unit if rule in RULES else ""
