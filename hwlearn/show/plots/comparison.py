"""Two circuits beside each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwlearn.arrays import Array
from hwlearn.show.plots.picture import PLAIN, SERIES, TINY, TITLE, TRAINABLE, Target, plain, short
from hwlearn.show.plots.sheet import Form, Place, chosen, drawn, of

if TYPE_CHECKING:
    from hwlearn.inference.comparison import Compared, Comparison

SIGMAS = 3.0
TICKS = 40
"""Names that stand along an axis, at most: of more, some are left out."""


def draw_comparison(
    found: Comparison,
    target: Target | None = None,
    panels: Sequence[str] = (),
    *,
    ax: Place = None,
    width: float | None = None,
) -> Figure:
    """Draw, for each circuit, node residuals with their noise, z-scores of the rule's direction, and fitted conductances.

    Args:
        found: of `compare_circuits`.
        target: PNG, SVG or PDF, by its ending; or a stream.
        panels: some of `PANELS`; all if not given. Conductances are fitted in linear networks alone.
        ax: axes to draw on, one for each panel of each circuit; a new figure if not given.
        width: of the figure in mm, for print.

    Raises:
        HwlearnError: no such panel; the file cannot be written.
    """
    fitted = any(one.identified is not None for one in found.compared)
    there = [name for name in PANELS if fitted or name != "conductances"]
    names = chosen(panels, there, PANELS, "a network that is not linear")
    paints = {
        f"{name} of {one.name}": of(PANELS[name], found, one, colour)
        for one, colour in zip(found.compared, SERIES, strict=False)
        for name in names
        if name != "conductances" or one.identified is not None
    }
    verdicts = [f"{one.name} {'agrees' if one.agrees else 'DIFFERS'}" for one in found.compared]
    title = [f"beside {found.reference}", "; ".join(verdicts)]
    return drawn(paints, target, ax, width, Form((4.6, 3.6), across=len(names)), title)


def _residuals(axes: Axes, found: Comparison, one: Compared, colour: str) -> None:
    """The largest difference of each node, and the noise of such a difference."""
    _bars(axes, 1e3 * one.node_residuals, found.network.nodes, 1e3 * SIGMAS * one.node_noise, colour)
    axes.set_ylabel("largest node residual [mV]")
    reason = "; ".join((f"{one.name} {'agrees' if one.agrees else 'DIFFERS'}", *one.reasons[:1]))
    axes.set_title(short(reason), fontsize=TITLE)


def _directions(axes: Axes, found: Comparison, one: Compared, colour: str) -> None:
    """Differences of the rule's direction in standard deviations."""
    _bars(axes, one.edge_scores, found.network.edge_names, SIGMAS, colour)
    axes.set_ylabel(f"difference of {found.rule}'s direction [σ]")
    axes.set_title(f"{one.name}: cosine {one.cosine:.8g}" if np.isfinite(one.cosine) else one.name, fontsize=TITLE)


def _conductances(axes: Axes, found: Comparison, one: Compared, colour: str) -> None:
    """Conductances as they are fitted to the probing phases."""
    fit = one.identified
    assert fit is not None
    edges = np.arange(len(fit.deviation))
    error = np.where(np.isfinite(fit.relative_error), fit.relative_error, 0.0)
    axes.errorbar(edges, 100 * np.expm1(fit.deviation), yerr=100 * error, fmt="o", color=colour, markersize=3, capsize=2)
    axes.axhline(0, color=TRAINABLE, linewidth=0.8)
    _names(axes, found.network.edge_names)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.set_ylabel("identified − programmed [%]")
    unseen = fit.unseen.shape[1]
    axes.set_title(f"{one.name}: {unseen} direction{'' if unseen == 1 else 's'} unseen", fontsize=TITLE)


def _bars(axes: Axes, values: Array, names: Sequence[str], band: float, colour: str) -> None:
    axes.bar(np.arange(len(values)), values, color=colour)
    axes.axhspan(-band, band, color=PLAIN, alpha=0.4, linewidth=0)
    _names(axes, names)


def _names(axes: Axes, names: Sequence[str]) -> None:
    every = 1 + (len(names) - 1) // TICKS
    places = list(range(0, len(names), every))
    axes.set_xticks(places, [plain(names[k]) for k in places], rotation=90, fontsize=TINY)


PANELS: dict[str, Callable[[Axes, Comparison, Compared, str], None]] = {
    "residuals": _residuals,
    "directions": _directions,
    "conductances": _conductances,
}
"""What `draw_comparison` can draw of each circuit."""
