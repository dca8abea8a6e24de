"""What `analyze` found: the spectra, the currents, and which resistors can move the outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hwlearn.arrays import Array
from hwlearn.show.facts.analysis import analysis_facts
from hwlearn.show.plots.layout import place_nodes
from hwlearn.show.plots.network import paint_network
from hwlearn.show.plots.picture import SERIES, Target, save, short

if TYPE_CHECKING:
    from hwlearn.analysis.analyze import Analysis
    from hwlearn.analysis.operating import OperatingPoint
    from hwlearn.network import Network

SENSITIVITY = "sensitivity: output change for e-fold conductance"
DECADES = 1e-6  # colours end at this part of the largest


def draw_analysis(analysis: Analysis, target: Target, panels: Sequence[str] = ()) -> None:
    """Draw what was found, one panel beside the other.

    Args:
        analysis: of `analyze`.
        target: PNG, SVG or PDF, by its ending; or a stream.
        panels: names of `PANELS`; all if not given.

    Raises:
        HwlearnError: the file cannot be written.
    """
    chosen = panels or list(PANELS)
    figure = Figure(figsize=(5.4 * len(chosen), 5.4) if len(chosen) > 1 else (6.4, 4.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(chosen), squeeze=False)[0], chosen, strict=True):
        PANELS[name](axes, analysis)
    save(figure, target)


def _spectrum(axes: Axes, analysis: Analysis) -> None:
    """The eigenvalues of each rule, for the loss that is learned."""
    lowest, spectra = 1.0, analysis.eigenvalues
    for (rule, found), mark, colour in zip(spectra.items(), "o^s", SERIES, strict=False):
        values = found[found > 0]
        lowest = min(lowest, float(values.min(initial=1.0)))
        axes.plot(np.arange(1, len(values) + 1), values, mark, color=colour, label=rule, markersize=5, fillstyle="none")
        missing = np.arange(len(values) + 1, len(found) + 1)
        axes.plot(missing, np.full(len(missing), lowest / 10), "x", color=colour)
    _as_spectrum(axes, max(len(found) for found in spectra.values()))
    axes.legend(frameon=False)
    axes.set_title(f"{short(analysis.network.title)}: {analysis_facts(analysis).caption}", fontsize=11)


def _current(axes: Axes, analysis: Analysis) -> None:
    """The network by the current in each resistor."""
    jacobian = analysis.feasibility.nearest.jacobian
    currents = jacobian.conductances * np.sqrt(((jacobian.source_drops @ jacobian.weights.T) ** 2).mean(axis=1))
    _shaded(axes, _nearest(analysis), currents, "current, rms over samples", "A")


def _sensitivity(axes: Axes, analysis: Analysis) -> None:
    """The network by how much each resistor can move the outputs."""
    jacobian = analysis.feasibility.nearest.jacobian
    products = jacobian.weights.T @ jacobian.weights
    change = np.sqrt(
        np.einsum("eq,qr,er->e", jacobian.source_drops, products, jacobian.source_drops)
        * (jacobian.adjoint_drops**2).sum(axis=1)
    )
    shade = jacobian.conductances * change
    _shaded(axes, _nearest(analysis), shade, SENSITIVITY, "V")


def _nearest(analysis: Analysis) -> Network:
    return analysis.network.with_conductances(analysis.feasibility.nearest.jacobian.conductances)


def draw_operating_point(found: OperatingPoint, target: Target) -> None:
    """Draw the rates of EP and the sensitivity, for a network that is not linear.

    Args:
        found: of `operating_point`.
        target: PNG, SVG or PDF, by its ending; or a stream.

    Raises:
        HwlearnError: the file cannot be written.
    """
    figure = Figure(figsize=(10.8, 5.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    rates = found.rates.real
    moving, lowest = rates > 0, float(rates[rates > 0].min(initial=1.0))
    modes = np.arange(1, len(rates) + 1)
    left.plot(modes[moving], rates[moving], "o", color=SERIES[0], markersize=5, fillstyle="none")
    left.plot(modes[~moving], np.full(int((~moving).sum()), lowest / 10), "x", color=SERIES[0])
    _as_spectrum(left, len(rates))
    left.set_ylabel("rate of ep [1/time]")
    left.set_title(f"{short(found.network.title)}: {analysis_facts(found).caption}", fontsize=11)
    _shaded(right, found.network, found.sensitivity, SENSITIVITY, "V")
    save(figure, target)


def _as_spectrum(axes: Axes, modes: int) -> None:
    axes.set_xlim(0.5, modes + 0.5)
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("mode (× never decays)")
    axes.set_ylabel("rate [1/time]")
    axes.grid(alpha=0.3)


def _shaded(axes: Axes, network: Network, shade: Array, title: str, unit: str) -> None:
    top = float(shade.max(initial=0.0)) or 1.0
    bottom = float(np.clip(shade.min(initial=top), DECADES * top, 0.1 * top))
    lines, _ = paint_network(axes, network, place_nodes(network), np.maximum(shade, bottom))
    lines.set_norm(LogNorm(bottom, top))
    assert axes.figure is not None
    axes.figure.colorbar(lines, ax=axes, label=f"[{unit}]", shrink=0.8)
    axes.set_title(title, fontsize=11)


PANELS: dict[str, Callable[[Axes, Analysis], None]] = {
    "spectrum": _spectrum,
    "current": _current,
    "sensitivity": _sensitivity,
}
"""What `draw_analysis` can draw."""
