"""Error floors against each imperfection."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from hwlearn.show.plots.picture import PLAIN, SERIES, save

if TYPE_CHECKING:
    from hwlearn.analysis.robustness import Robustness

LEAST = 1e-3  # of what perfect hardware reached: where a floor of zero is drawn


def draw_robustness(found: Robustness, path: str | PathLike[str]) -> None:
    """Draw one panel per imperfection: loss at the end of training over its size, one line per remedy, and the prediction.

    Raises:
        HwlearnError: the file cannot be written.
    """
    names = list(dict.fromkeys(case.imperfection for case in found.cases))
    styles = {
        remedy: (colour, mark)
        for remedy, colour, mark in zip(
            dict.fromkeys(remedy for case in found.cases for remedy in case.losses), SERIES, "os^dvP", strict=False
        )
    }
    least = LEAST * found.perfect or np.finfo(float).tiny
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(4 * columns, 3.4 * rows), layout="constrained")
    for axes, name in zip(np.ravel(figure.subplots(rows, columns, squeeze=False)), names, strict=False):
        cases = [case for case in found.cases if case.imperfection == name]
        sizes = [case.size for case in cases]
        for remedy in cases[0].losses:
            colour, mark = styles[remedy]
            losses = [max(case.losses[remedy], least) for case in cases]
            label = "as it is" if remedy == "none" else remedy
            axes.loglog(sizes, losses, mark + "-", color=colour, label=label, markersize=4, linewidth=1)
        predicted = [max(case.predicted, least) for case in cases if case.predicted is not None]
        if len(predicted) == len(cases):
            axes.loglog(sizes, predicted, "--", color="#222222", label="predicted", linewidth=1)
        axes.axhline(max(found.perfect, least), color=PLAIN, linewidth=1, label="perfect hardware")
        axes.set_title(name, fontsize=11)
        axes.set_xlabel(f"size [{cases[0].unit}]" if cases[0].unit != "1" else "size")
        axes.set_ylabel("loss ½‖e‖² [V²]")
        axes.set_xticks(sizes, [f"{size:.2g}" for size in sizes])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    for axes in figure.axes[len(names) :]:
        axes.set_axis_off()
    lines = {str(line.get_label()): line for axes in figure.axes for line in axes.get_lines()}
    figure.legend(list(lines.values()), list(lines), frameon=False, loc="outside upper center", ncols=len(lines))
    save(figure, path)
