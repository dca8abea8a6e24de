"""Error floors against each imperfection."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from hwlearn.plots.picture import PLAIN, SERIES, save

if TYPE_CHECKING:
    from hwlearn.analysis.robustness import Robustness

LEAST = 1e-18  # V², where a floor of zero is drawn


def draw_robustness(found: Robustness, path: str | PathLike[str]) -> None:
    """Draw one panel per imperfection: loss at the end of training over its size, one line per remedy, and the prediction.

    Raises:
        HwlearnError: the file cannot be written.
    """
    names = list(dict.fromkeys(case.imperfection for case in found.cases))
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(4 * columns, 3.4 * rows), layout="constrained")
    for axes, name in zip(np.ravel(figure.subplots(rows, columns, squeeze=False)), names, strict=False):
        cases = [case for case in found.cases if case.imperfection == name]
        sizes = [case.size for case in cases]
        for remedy, colour, mark in zip(cases[0].losses, SERIES, "os^dv", strict=False):
            losses = [max(case.losses[remedy], LEAST) for case in cases]
            label = "as it is" if remedy == "none" else remedy
            axes.loglog(sizes, losses, mark + "-", color=colour, label=label, markersize=4, linewidth=1)
        if all(case.predicted for case in cases):
            axes.loglog(sizes, [case.predicted for case in cases], "--", color="#222222", label="predicted", linewidth=1)
        axes.axhline(max(found.perfect, LEAST), color=PLAIN, linewidth=1, label="perfect hardware")
        axes.set_title(name, fontsize=11)
        axes.set_xlabel(f"size [{cases[0].unit}]" if cases[0].unit != "1" else "size")
        axes.set_ylabel("loss ½‖e‖² [V²]")
        axes.grid(alpha=0.3)
    for axes in figure.axes[len(names) :]:
        axes.set_axis_off()
    figure.axes[0].legend(frameon=False, fontsize=8)
    save(figure, path)
