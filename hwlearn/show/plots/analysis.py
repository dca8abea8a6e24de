"""What `analyze` found: the spectra, the currents, and which resistors can move the outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hwlearn.analysis.units import units_of
from hwlearn.arrays import Array
from hwlearn.learning.loss import Loss
from hwlearn.show.facts.analysis import analysis_facts
from hwlearn.show.plots.layout import place_nodes
from hwlearn.show.plots.legends import legend_below
from hwlearn.show.plots.network import paint_network
from hwlearn.show.plots.picture import Target, short
from hwlearn.show.plots.sheet import Form, Place, chosen, drawn, of
from hwlearn.show.plots.styles import rule_colour

if TYPE_CHECKING:
    from hwlearn.analysis.analyze import Analysis
    from hwlearn.analysis.operating import OperatingPoint
    from hwlearn.network import Network

SENSITIVITY = "output change per e-fold of g"
DECADES = 1e-6  # colours end at this part of the largest
Found = TypeVar("Found", "Analysis", "OperatingPoint")
FORM = Form((5.6, 5.0), across=3)


def draw_analysis(
    analysis: Analysis,
    target: Target | None = None,
    panels: Sequence[str] = (),
    *,
    ax: Place = None,
    width: float | None = None,
) -> Figure:
    """Draw what was found, one panel beside the other: `PANELS`.

    Args:
        analysis: of `analyze`.
        target: PNG, SVG or PDF, by its ending; or a stream.
        panels: "spectrum", "current", "sensitivity"; all if not given.
        ax: axes to draw on, one for each panel; a new figure if not given.
        width: of the figure in mm, for print.

    Raises:
        HwlearnError: no such panel; the file cannot be written.
    """
    return _drawn(analysis, PANELS, target, panels, ax, width)


def draw_operating_point(
    found: OperatingPoint,
    target: Target | None = None,
    panels: Sequence[str] = (),
    *,
    ax: Place = None,
    width: float | None = None,
) -> Figure:
    """Draw the rates of EP and the sensitivity, for a network that is not linear.

    Args:
        found: of `operating_point`.
        target: PNG, SVG or PDF, by its ending; or a stream.
        panels: "spectrum", "sensitivity"; both if not given.
        ax: axes to draw on, one for each panel; a new figure if not given.
        width: of the figure in mm, for print.

    Raises:
        HwlearnError: no such panel; the file cannot be written.
    """
    return _drawn(found, AT_A_POINT, target, panels, ax, width)


def _drawn(
    found: Found,
    known: Mapping[str, Callable[[Axes, Found], None]],
    target: Target | None,
    panels: Sequence[str],
    ax: Place,
    width: float | None,
) -> Figure:
    names = chosen(panels, list(known))
    title = (short(found.network.title), analysis_facts(found).caption)
    return drawn({name: of(known[name], found) for name in names}, target, ax, width, FORM, title)


def _spectrum(axes: Axes, analysis: Analysis) -> None:
    """The eigenvalues of each rule, for the loss that is learned."""
    loss = None if analysis.rates is None else analysis.loss
    _as_spectrum(axes, {rule: values.real for rule, values in analysis.eigenvalues.items()}, loss)


def _operating_spectrum(axes: Axes, analysis: OperatingPoint) -> None:
    _as_spectrum(axes, {"ep": analysis.rates.real}, None)


def _as_spectrum(axes: Axes, spectra: Mapping[str, Array], loss: Loss | None) -> None:
    """Rates of rules as parts of their fastest, since each rule has a unit of its own; the legend tells the fastest."""
    lowest = min([float(v[v > 0].min() / v.max()) for v in spectra.values() if (v > 0).any()], default=1.0)
    for (rule, found), mark in zip(spectra.items(), "o^s", strict=False):
        moving = found > 0
        top = float(found.max(initial=0.0)) or 1.0
        label = f"{rule}: fastest {top:.3g} {units_of(rule, loss).rate}"
        modes, colour = np.arange(1, len(found) + 1), rule_colour(rule)
        axes.plot(modes[moving], found[moving] / top, mark, color=colour, label=label, markersize=4, fillstyle="none")
        axes.plot(modes[~moving], np.full(int((~moving).sum()), lowest / 10), "x", color=colour)
    still = any((found <= 0).any() for found in spectra.values())
    axes.set_xlim(0.5, max(len(found) for found in spectra.values()) + 0.5)
    axes.set_yscale("log")
    if lowest == 1 and not still:
        axes.set_ylim(0.1, 10)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("mode, × never decays" if still else "mode")
    axes.set_ylabel("rate / fastest rate [1]")
    axes.grid(alpha=0.3)
    legend_below(axes)


def _current(axes: Axes, analysis: Analysis) -> None:
    """The network by the current in each resistor."""
    jacobian = analysis.feasibility.nearest.jacobian
    currents = jacobian.conductances * np.sqrt(((jacobian.source_drops @ jacobian.weights.T) ** 2).mean(axis=1))
    _shaded(axes, _nearest(analysis), currents, "rms current [A]")


def _sensitivity(axes: Axes, analysis: Analysis) -> None:
    """The network by how much each resistor can move the outputs."""
    jacobian = analysis.feasibility.nearest.jacobian
    products = jacobian.weights.T @ jacobian.weights
    change = np.sqrt(
        np.einsum("eq,qr,er->e", jacobian.source_drops, products, jacobian.source_drops)
        * (jacobian.adjoint_drops**2).sum(axis=1)
    )
    _shaded(axes, _nearest(analysis), jacobian.conductances * change, f"{SENSITIVITY} [V]")


def _operating_sensitivity(axes: Axes, analysis: OperatingPoint) -> None:
    _shaded(axes, analysis.network, analysis.sensitivity, f"{SENSITIVITY} [V]")


def _nearest(analysis: Analysis) -> Network:
    return analysis.network.with_conductances(analysis.feasibility.nearest.jacobian.conductances)


def _shaded(axes: Axes, network: Network, shade: Array, label: str) -> None:
    top = float(shade.max(initial=0.0)) or 1.0
    bottom = float(np.clip(shade.min(initial=top), DECADES * top, 0.1 * top))
    lines = paint_network(axes, network, place_nodes(network), np.maximum(shade, bottom))
    lines.set_norm(LogNorm(bottom, top))
    assert axes.figure is not None
    axes.figure.colorbar(lines, ax=axes, label=label, shrink=0.8)


PANELS: dict[str, Callable[[Axes, Analysis], None]] = {
    "spectrum": _spectrum,
    "current": _current,
    "sensitivity": _sensitivity,
}
"""What `draw_analysis` can draw."""

AT_A_POINT: dict[str, Callable[[Axes, OperatingPoint], None]] = {
    "spectrum": _operating_spectrum,
    "sensitivity": _operating_sensitivity,
}
"""What `draw_operating_point` can draw."""
