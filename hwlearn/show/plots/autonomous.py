"""A circuit that learns by itself: its gates over time, beside what a rule predicts."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwlearn.inference.autonomous import Explained, Trajectory
from hwlearn.show.plots.legends import legend_below
from hwlearn.show.plots.picture import GROUNDED, SERIES, Target, plain
from hwlearn.show.plots.sheet import Form, Place, drawn, of

FORM = Form((7.0, 4.5))


def draw_trajectory(
    trajectory: Trajectory,
    explained: Explained,
    target: Target | None = None,
    *,
    ax: Place = None,
    width: float | None = None,
) -> Figure:
    """Draw gate voltages as they were measured, and as the rule alone, and the rule with a constant bias, predict them.

    Args:
        trajectory: as it was recorded. explained: of `explain`.
        target: PNG, SVG or PDF, by its ending; or a stream.
        ax: axes to draw on; a new figure if not given.
        width: of the figure in mm, for print.

    Raises:
        HwlearnError: the file cannot be written.
    """
    return drawn({"gates": of(_gates, trajectory, explained)}, target, ax, width, FORM)


def _gates(axes: Axes, trajectory: Trajectory, explained: Explained) -> None:
    start = trajectory.seconds[0]
    for k, name in enumerate(explained.names):
        colour = SERIES[k % len(SERIES)]
        at, volts = trajectory.seconds - start, trajectory.gates[name]
        axes.plot(at, volts, ".", color=colour, markersize=4, label=f"{plain(name)}, measured")
        axes.plot(explained.seconds, explained.biased[:, k], color=colour, linewidth=1.2)
        axes.plot(explained.seconds, explained.alone[:, k], color=colour, linewidth=1.2, linestyle=":")
    axes.plot([], [], color=GROUNDED, linewidth=1.2, label="rule and constant bias")
    axes.plot([], [], color=GROUNDED, linewidth=1.2, linestyle=":", label="rule alone")
    axes.set_xlabel("time [s]")
    axes.set_ylabel("gate voltage [V]")
    axes.grid(alpha=0.3)
    legend_below(axes, across=3)
