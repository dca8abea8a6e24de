"""Losses of runs: ½‖o − y‖² in V² on common axes, and what each rule brings down, where that is something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hwlearn.arrays import Array
from hwlearn.learning.losses import SquaredError
from hwlearn.learning.rules import RULES

if TYPE_CHECKING:
    from hwlearn.experiments.runs import Run

SQUARED = "loss ½‖o − y‖² [V²]"
"""What all rules are judged by, mean over the samples."""


class Course(NamedTuple):
    """Losses (k,) at steps or times (k,)."""

    at: Array
    losses: Array


def own(run: Run) -> Course:
    """What the rule observed, at every step."""
    return Course(np.array(run.history.at, dtype=np.float64), np.array(run.history.losses, dtype=np.float64))


def observes_squares(run: Run) -> bool:
    """Whether what the rule observes is ½‖o − y‖² itself."""
    loss = run.settings.get("rule.loss.name", run.settings.get("loss.name", SquaredError.name))
    return run.loss_unit == SquaredError.unit and loss in (None, SquaredError.name)


def squares(run: Run) -> Course:
    """½‖o − y‖² as far as it is known: at every step, or at the start and the end, where it was measured."""
    course = own(run)
    if observes_squares(run):
        return course
    result: Mapping[str, Any] = run.result or {}
    ends = [result.get("loss_initial"), result.get("loss_final")]
    if not len(course.at) or None in ends:
        return Course(np.empty(0), np.empty(0))
    return Course(course.at[[0, -1]], np.array(ends, dtype=np.float64))


def own_label(run: Run) -> str:
    """Name and unit of what the rule observes."""
    if not observes_squares(run) and run.loss_unit == SquaredError.unit:
        return f"{run.settings.get('loss.name', 'own loss')} [{run.loss_unit}]"
    return f"loss that {run.settings['rule.name']} observes [{run.loss_unit}]"


def paint_course(axes: Axes, run: Run, course: Course, **style: Any) -> None:
    """Paint losses; few of them as points too, and those of which only the ends are known as points alone."""
    seen = np.isfinite(course.losses) & (course.losses > 0)
    few = seen.sum() < 30
    if len(course.at) == 2 < len(run.history.at):
        style |= {"linestyle": "", "marker": "o", "fillstyle": "none"}
    elif few:
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
