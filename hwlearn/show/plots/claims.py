"""The numbers behind the claims."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwlearn.show.plots.picture import INPUT, OUTPUT, SERIES, save

if TYPE_CHECKING:
    from hwlearn.claims.rows import Row


def draw_claims(rows: Sequence[Row], path: str | PathLike[str]) -> None:
    """Draw every row that has numbers, one panel for each claim, into a picture file.

    Raises:
        HwlearnError: the file cannot be written.
    """
    panels: dict[str, list[Row]] = {}
    for row in rows:
        if row.series:
            panels.setdefault(f"{row.claim}: {', '.join(row.series)}", []).append(row)
    columns = 3
    lines = max(1, -(-len(panels) // columns))
    figure = Figure(figsize=(5 * columns, 3.8 * lines), layout="constrained")
    all_axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, (title, group) in zip(all_axes, panels.items(), strict=False):
        for row, colour in zip(group, SERIES, strict=False):
            _panel(axes, row, colour)
        axes.set_title(title.partition(":")[0], fontsize=11)
        axes.xaxis.set_minor_formatter("")
        axes.grid(alpha=0.3)
        if len(group) > 1:
            axes.legend(frameon=False, fontsize=7)
    for axes in all_axes[len(panels) :]:
        axes.axis("off")
    save(figure, path)


def _panel(axes: Axes, row: Row, colour: str) -> None:
    assert row.series is not None
    names = list(row.series)
    if len(names) == 1:
        values = np.asarray(row.series[names[0]])
        axes.plot(np.arange(len(values)), values, color=colour, label=_label(row))
        axes.set_xlabel("step" if names[0] == "loss" else "target, sorted")
        axes.set_ylabel(names[0])
        axes.set_yscale("log")
        return
    x, y = (np.asarray(row.series[name]) for name in names)
    axes.plot(x, y, ".", color=colour, label=_label(row), markersize=4)
    axes.set_yscale("log")
    axes.set_xscale("linear" if names[0] == "t" else "log")
    if names == ["predicted", "measured"]:
        ends = [x.min(), x.max()]
        axes.plot(ends, ends, color=INPUT, linewidth=0.8)
    elif names[0] != "t":
        axes.plot(x, y, color=OUTPUT, linewidth=0.5)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])


def _label(row: Row) -> str:
    return row.statement.partition(":")[0]
