"""The losses of a sweep."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hwlearn.show.plots.picture import PLAIN, SERIES, save, short

if TYPE_CHECKING:
    from hwlearn.experiments.sweeps import Results, Row

WIDE = 10.0
"""Largest over smallest value from which an axis is logarithmic."""

FEW = 12
"""Values up to which their medians are joined by a line."""


def draw_sweep(found: Results, path: str | PathLike[str]) -> None:
    """Draw the final losses over each axis into a picture file: a point a cell, and a line through the medians.

    Colours tell the values of the axis with fewest, if they are few.

    Raises:
        HwlearnError: the file cannot be written.
    """
    rows = [row for row in found.rows if row.loss_final is not None and row.loss_final > 0]
    varied = {key: sorted({_label(row, key) for row in rows}) for key in found.axes}
    axes = [key for key, values in varied.items() if len(values) > 1] or list(found.axes[:1])
    fewest = min(axes, key=lambda key: len(varied[key]))
    colour = fewest if len(axes) > 1 and len(varied[fewest]) <= len(SERIES) else None
    panels = [key for key in axes if key != colour]
    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(5 * columns, 3.8 * lines), layout="constrained")
    places = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    for place, key in zip(places, panels, strict=False):
        groups = _grouped(rows, colour)
        _panel(place, key, groups)
    for place in places[len(panels) :]:
        place.axis("off")
    places[0].set_ylabel("final loss ½|o−y|² [V²]")
    if rows:
        places[0].set_yscale("log")
    if colour is not None:
        places[0].legend(title=colour, frameon=False, fontsize=8)
    failed = f", {len(found.failed)} failed" if found.failed else ""
    figure.suptitle(f"{short(found.name)}: {len(found.rows)} cells{failed}", fontsize=11)
    save(figure, path)


def _panel(place: Axes, key: str, groups: dict[str, list[Row]]) -> None:
    rows = [row for group in groups.values() for row in group]
    numbers = all(_is_number(row.overrides[key]) for row in rows)
    labels = list(dict.fromkeys(_label(row, key) for row in rows))
    for (name, group), color in zip(groups.items(), SERIES, strict=False):
        at = np.array([row.overrides[key] if numbers else labels.index(_label(row, key)) for row in group], dtype=float)
        losses = np.array([row.loss_final for row in group], dtype=float)
        place.plot(at, losses, ".", color=color, alpha=0.6, label=short(name) or None)
        values = np.unique(at)
        if len(values) <= max(FEW, len(at) // 2):
            place.plot(values, [np.median(losses[at == x]) for x in values], color=color, linewidth=1)
    place.set_xlabel(key)
    place.grid(alpha=0.3, color=PLAIN)
    if not numbers:
        place.set_xticks(range(len(labels)), [short(label) for label in labels])
        return
    values = np.array([row.overrides[key] for row in rows], dtype=float)
    if len(values) and values.min() > 0 and values.max() > WIDE * values.min():
        place.set_xscale("log")
    elif all(isinstance(row.overrides[key], int) for row in rows):
        place.xaxis.set_major_locator(MaxNLocator(integer=True))


def _grouped(rows: list[Row], key: str | None) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault("" if key is None else _label(row, key), []).append(row)
    return groups


def _label(row: Row, key: str) -> str:
    return str(row.overrides[key])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
