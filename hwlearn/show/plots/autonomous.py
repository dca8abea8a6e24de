"""A circuit that learns by itself: its gates over time, beside what a rule predicts."""

from __future__ import annotations

from os import PathLike

from matplotlib.figure import Figure

from hwlearn.inference.autonomous import Explained, Trajectory
from hwlearn.show.plots.picture import SERIES, save


def draw_trajectory(trajectory: Trajectory, explained: Explained, path: str | PathLike[str]) -> None:
    """Draw into a PNG, SVG or PDF file.

    Raises:
        HwlearnError: the file cannot be written.
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    start = trajectory.seconds[0]
    for k, name in enumerate(explained.names):
        colour = SERIES[k % len(SERIES)]
        at, volts = trajectory.seconds - start, trajectory.gates[name]
        axes.plot(at, volts, ".", color=colour, markersize=4, label=f"{name}, measured")
        axes.plot(explained.seconds, explained.biased[:, k], color=colour, linewidth=1.2)
        axes.plot(explained.seconds, explained.alone[:, k], color=colour, linewidth=1.2, linestyle=":")
    axes.plot([], [], color="black", linewidth=1.2, label="rule and constant bias")
    axes.plot([], [], color="black", linewidth=1.2, linestyle=":", label="rule alone")
    axes.set_xlabel("time [s]")
    axes.set_ylabel("gate voltage [V]")
    axes.legend(fontsize="small")
    save(figure, path)
