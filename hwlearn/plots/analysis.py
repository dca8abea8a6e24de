"""What `analyze` found: the spectra, the currents, and which resistors can move the outputs."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hwlearn.plots.layout import place_nodes
from hwlearn.plots.network import paint_network
from hwlearn.plots.picture import SERIES, save, short

if TYPE_CHECKING:
    from hwlearn.analysis.report import Analysis

DECADES = 1e-6  # colours end at this part of the largest


def draw_analysis(analysis: Analysis, path: str | PathLike[str]) -> None:
    """Draw the eigenvalues of each rule, the network by current, and by sensitivity, into a picture file.

    Raises:
        HwlearnError: the file cannot be written.
    """
    figure = Figure(figsize=(16, 5.4), layout="constrained")
    spectrum, flow, sensitive = figure.subplots(1, 3)
    marks = "o^s"
    lowest = 1.0
    for (rule, found), mark, colour in zip(analysis.solution.spectra.items(), marks, SERIES, strict=False):
        values = found.eigenvalues[found.eigenvalues > 0]
        lowest = min(lowest, float(values.min(initial=1.0)))
        spectrum.plot(np.arange(1, len(values) + 1), values, mark, color=colour, label=rule, markersize=5, fillstyle="none")
        missing = np.arange(len(values) + 1, len(found.eigenvalues) + 1)
        spectrum.plot(missing, np.full(len(missing), lowest / 10), "x", color=colour)
    spectrum.set_yscale("log")
    spectrum.xaxis.set_major_locator(MaxNLocator(integer=True))
    spectrum.set_xlabel("mode (× never decays)")
    spectrum.set_ylabel("rate [1/time]")
    spectrum.legend(frameon=False)
    spectrum.grid(alpha=0.3)
    word = "coercive" if analysis.solution.coercive else "not coercive"
    spectrum.set_title(f"{short(analysis.network.title)}: {word}", fontsize=11)

    jacobian, at = analysis.feasibility.nearest.jacobian, place_nodes(analysis.network)
    currents = jacobian.conductances * np.sqrt(((jacobian.source_drops @ jacobian.weights.T) ** 2).mean(axis=1))
    change = np.sqrt(
        np.einsum("eq,qr,er->e", jacobian.source_drops, jacobian.weights.T @ jacobian.weights, jacobian.source_drops)
        * (jacobian.adjoint_drops**2).sum(axis=1)
    )
    for axes, shade, title, unit in (
        (flow, currents, "current, rms over samples", "A"),
        (sensitive, jacobian.conductances * change, "sensitivity: output change for e-fold conductance", "V"),
    ):
        top = float(shade.max(initial=0.0)) or 1.0
        bottom = float(np.clip(shade.min(initial=top), DECADES * top, 0.1 * top))
        network = analysis.network.with_conductances(jacobian.conductances)
        lines, _ = paint_network(axes, network, at, np.maximum(shade, bottom))
        lines.set_norm(LogNorm(bottom, top))
        figure.colorbar(lines, ax=axes, label=f"[{unit}]", shrink=0.8)
        axes.set_title(title, fontsize=11)
    save(figure, path)
