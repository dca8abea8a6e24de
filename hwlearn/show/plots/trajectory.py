"""Panels of what the circuit was along a run: conductances, and codes of devices that have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hwlearn.arrays import Array
from hwlearn.show.plots.legends import legend_below
from hwlearn.show.plots.losses import with_time
from hwlearn.show.plots.picture import SERIES, TRAINABLE, plain

if TYPE_CHECKING:
    from hwlearn.experiments.runs import Run

NAMED = 6
"""Edges that have a colour and a name of their own."""

SINGLE = 60
"""Edges up to which each is a line; of more, the median and how far they spread."""

DECADE = 10.0
"""Conductances that lie farther apart are drawn by their logarithm."""

SPREADS = ((0, 100), (10, 90), (25, 75))
"""Percentiles between which a band is drawn."""


def paint_conductances(axes: Axes, run: Run) -> None:
    """Conductances of the trainable edges by step."""
    network = run.network
    found = run.trajectory_of(network)
    assert found is not None
    _paint(axes, run, found.at, found.conductances[:, network.trainable], "default")
    axes.set_ylabel("conductance [S]")
    if found.conductances.max() > DECADE * found.conductances.min():
        axes.set_yscale("log")


def paint_codes(axes: Axes, run: Run) -> None:
    """Codes of the trainable edges by step."""
    network = run.network
    found = run.trajectory_of(network)
    assert found is not None
    assert found.codes is not None
    _paint(axes, run, found.at, found.codes[:, network.trainable].astype(np.float64), "steps-post")
    axes.set_ylabel("code [1]")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _paint(axes: Axes, run: Run, at: Array, values: Array, style: str) -> None:
    """Values (K, trainable edges)."""
    network = run.network
    names = [name for name, trains in zip(network.edge_names, network.trainable.tolist(), strict=True) if trains]
    marker = "." if len(at) < 30 else ""
    if len(names) > SINGLE:
        for k, ends in enumerate(SPREADS):
            label = "all edges" if ends == (0, 100) else f"{ends[1] - ends[0]} % of them"
            low, high = np.percentile(values, ends, axis=1)
            look: dict[str, Any] = {"color": SERIES[0], "alpha": 0.15 + 0.1 * k, "linewidth": 0, "label": label}
            axes.fill_between(at, low, high, step="post" if style == "steps-post" else None, **look)
        axes.plot(at, np.median(values, axis=1), color=SERIES[0], linewidth=1.4, drawstyle=style, label="median")
    elif len(names) > NAMED:
        label = f"{len(names)} edges"
        lines = axes.plot(at, values, color=TRAINABLE, linewidth=0.8, alpha=0.6, drawstyle=style, marker=marker)
        lines[0].set_label(label)
    else:
        for k, name in enumerate(names):
            axes.plot(at, values[:, k], color=SERIES[k], linewidth=1.4, drawstyle=style, marker=marker, label=plain(name))
    with_time(axes, run)
    axes.grid(alpha=0.3)
    legend_below(axes, across=3)
