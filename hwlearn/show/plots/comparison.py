"""Two circuits beside each other."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from hwlearn.show.facts.comparison import comparison_facts
from hwlearn.show.plots.picture import INPUT, PLAIN, SERIES, save, short

if TYPE_CHECKING:
    from hwlearn.inference.comparison import Comparison


def draw_comparison(found: Comparison, path: str | PathLike[str]) -> None:
    """Draw node residuals with their noise, z-scores of the rule's direction, and fitted conductances, one row per circuit.

    Raises:
        HwlearnError: the file cannot be written.
    """
    rows = len(found.compared)
    figure = Figure(figsize=(12, 3.4 * rows), layout="constrained")
    axes = np.atleast_2d(figure.subplots(rows, 3))
    told = comparison_facts(found.as_dict()).sections
    for (nodes, scores, fit), one, section, color in zip(axes, found.compared, told, SERIES, strict=False):
        at = np.arange(len(one.node_residuals))
        nodes.bar(at, 1e3 * one.node_residuals, color=color)
        nodes.axhspan(-3e3 * one.node_noise, 3e3 * one.node_noise, color=PLAIN, alpha=0.4, linewidth=0)
        nodes.set_xticks(at, found.network.nodes, rotation=90, fontsize=7)
        nodes.set_ylabel("largest node residual [mV]")
        nodes.set_title(short("; ".join((section.heading, *section.reasons[:1]))), fontsize=10)
        edges = np.arange(len(one.edge_scores))
        scores.bar(edges, one.edge_scores, color=color)
        scores.axhspan(-3, 3, color=PLAIN, alpha=0.4, linewidth=0)
        scores.set_xticks(edges, found.network.edge_names, rotation=90, fontsize=7)
        scores.set_ylabel(f"direction of {found.rule} [σ]")
        scores.set_title(" ".join(next(pair for pair in section.pairs if "cosine" in pair[0])), fontsize=10)
        if one.identified is None:
            fit.set_axis_off()
            continue
        error = np.where(np.isfinite(one.identified.relative_error), one.identified.relative_error, 0.0)
        percent = 100 * np.expm1(one.identified.deviation)
        fit.errorbar(edges, percent, yerr=100 * error, fmt="o", color=color, markersize=3, capsize=2)
        fit.axhline(0, color=INPUT, linewidth=0.8)
        fit.set_xticks(edges, found.network.edge_names, rotation=90, fontsize=7)
        fit.set_ylabel("identified − programmed [%]")
        unseen = one.identified.unseen.shape[1]
        fit.set_title(f"conductances; {unseen} directions unseen", fontsize=10)
    save(figure, path)
