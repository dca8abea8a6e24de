"""The losses of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hwlearn.learning.rules import RULES
from hwlearn.show.plots.legends import legend_below
from hwlearn.show.plots.picture import PLAIN, SERIES, Target, short
from hwlearn.show.plots.sheet import Form, Place, chosen, drawn, of
from hwlearn.show.plots.styles import rule_colour

if TYPE_CHECKING:
    from hwlearn.experiments.sweeps import Results, Row

WIDE = 10.0
"""Largest over smallest value from which an axis is logarithmic."""

FEW = 12
"""Numbers up to which their medians are joined by a line."""

SEED = "seed"
"""How keys end whose numbers have no order."""

HALF = 0.22
"""Half the length of a bar at a median, in distances of categories."""

RULE, NUDGE = "rule.name", "rule.nudge"
OF_THE_RULE = ("train.learning_rate", "flow.t_end", NUDGE)
"""Keys whose numbers have another unit for each rule, and so an axis for each."""


def draw_sweep(
    found: Results,
    target: Target | None = None,
    panels: Sequence[str] = (),
    *,
    ax: Place = None,
    width: float | None = None,
) -> Figure:
    """Draw the final losses over each key that varies: a point a cell, and the medians.

    Medians are joined by a line over numbers, and are bars over names, which have no order. Colours tell the values of the
    key with fewest, if they are few; those of rules are the same in all figures.

    Args:
        found: of `run_sweep`.
        target: PNG, SVG or PDF, by its ending; or a stream.
        panels: keys, such as "train.learning_rate"; all if not given.
        ax: axes to draw on, one for each panel; a new figure if not given.
        width: of the figure in mm, for print.

    Raises:
        HwlearnError: no such panel; the file cannot be written.
    """
    rows = [row for row in found.rows if row.loss_final is not None and row.loss_final > 0]
    varied = {key: sorted({_label(row, key) for row in rows}) for key in found.axes}
    keys = [key for key, values in varied.items() if len(values) > 1] or list(found.axes[:1])
    fewest = RULE if RULE in keys else min(keys, key=lambda key: len(varied[key]))
    colour = fewest if len(keys) > 1 and len(varied[fewest]) <= len(SERIES) else None
    names = chosen(panels, [key for key in keys if key != colour], keys, "this figure tells it by colour, and it")
    failed = f", {len(found.failed)} failed" if found.failed else ""
    nothing = sum(row.loss_final == 0 for row in found.rows)
    exact = f", {nothing} with a loss of 0" if nothing else ""
    title = [short(found.name), f"{len(found.rows)} cells{failed}{exact}"]
    paints = {}
    for key in names:
        apart = _grouped(rows, RULE) if colour == RULE and key in OF_THE_RULE else {"": rows}
        for rule, some in apart.items():
            paints[f"{key} {rule}"] = of(_panel, key, _grouped(some, colour), colour)
    return drawn(paints, target, ax, width, Form((5.0, 3.8), across=3), title)


def _panel(axes: Axes, key: str, groups: dict[str, list[Row]], colour: str | None) -> None:
    rows = [row for group in groups.values() for row in group]
    axes.set_xlabel(_axis(key, rows))
    axes.set_ylabel("final loss ½‖o − y‖² [V²]")
    axes.grid(alpha=0.3, color=PLAIN)
    if not rows:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "no cell has ended", ha="center", va="center", transform=axes.transAxes)
        return
    axes.set_yscale("log")
    numbers = all(_is_number(row.overrides[key]) for row in rows)
    labels = list(dict.fromkeys(_label(row, key) for row in rows))
    for (name, group), series in zip(groups.items(), SERIES, strict=False):
        colour_of_it = rule_colour(name) if colour == RULE else series
        at = np.array([row.overrides[key] if numbers else labels.index(_label(row, key)) for row in group], dtype=float)
        losses = np.array([row.loss_final for row in group], dtype=float)
        axes.plot(at, losses, ".", color=colour_of_it, alpha=0.6, label=short(name) or "a cell")
        _medians(axes, at, losses, colour_of_it, joined=numbers and not key.endswith(SEED))
    axes.plot([], [], color=PLAIN, linewidth=1.5, label="median")
    legend_below(axes, title=colour)
    if not numbers:
        axes.set_xlim(-0.5, len(labels) - 0.5)
        steep = max(map(len, labels)) * len(labels) > 40
        axes.set_xticks(range(len(labels)), [short(label)[:24] for label in labels], rotation=90 if steep else 0)
        return
    values = np.array([row.overrides[key] for row in rows], dtype=float)
    if values.min() > 0 and values.max() > WIDE * values.min():
        axes.set_xscale("log")
    elif all(isinstance(row.overrides[key], int) for row in rows):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _medians(axes: Axes, at: Any, losses: Any, colour: str, *, joined: bool) -> None:
    values = np.unique(at)
    medians = np.array([np.median(losses[at == x]) for x in values])
    if not joined:
        axes.hlines(medians, values - HALF, values + HALF, color=colour, linewidth=1.5)
    elif len(values) <= max(FEW, len(at) // 2):
        axes.plot(values, medians, color=colour, linewidth=1)


def _axis(key: str, rows: Sequence[Row]) -> str:
    """The key as it stands in the file, and the unit of its numbers."""
    unit = _unit(key, rows) if rows and all(_is_number(row.overrides[key]) for row in rows) else ""
    return f"{key} [{unit}]" if unit else key


def _unit(key: str, rows: Sequence[Row]) -> str:
    """Of the numbers of a key; empty where nobody knows it."""
    rules = {row.rule for row in rows}
    rule = rules.pop() if len(rules) == 1 else None
    if rule is not None and key in OF_THE_RULE and rule in RULES:
        made = RULES.get(rule)()
        return made.nudge_unit if key == NUDGE else made.step_unit
    return "1" if all(isinstance(row.overrides[key], int) for row in rows) else ""


def _grouped(rows: list[Row], key: str | None) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault("" if key is None else _label(row, key), []).append(row)
    return groups


def _label(row: Row, key: str) -> str:
    return str(row.overrides[key])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
