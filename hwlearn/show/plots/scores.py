"""Panels of a classification: scores by epoch, and the confusion of its classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hwlearn.show.plots.legends import legend_below
from hwlearn.show.plots.picture import SERIES, short

if TYPE_CHECKING:
    from hwlearn.experiments.runs import Run

WRITTEN = 12
"""Classes up to which each count is written into its square."""


def paint_scores(axes: Axes, run: Run) -> None:
    """Accuracy on training and test samples by step; the loss where there are no classes."""
    scores = run.history.scores
    steps = [score.step for score in scores]
    graded = any(np.isfinite(score.accuracy) for score in scores)
    columns = ("accuracy", "test_accuracy") if graded else ("loss", "test_loss")
    for k, (name, label) in enumerate(zip(columns, ("training samples", "test samples"), strict=True)):
        values = np.array([getattr(score, name) for score in scores], dtype=np.float64)
        if np.isfinite(values).any():
            axes.plot(steps, values, color=SERIES[k], linewidth=1.4, marker="." if len(steps) < 30 else "", label=label)
    if graded:
        axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("accuracy [1]" if graded else f"loss [{run.loss_unit}]")
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    legend_below(axes)


def paint_confusion(axes: Axes, run: Run) -> None:
    """Counts by true class and answer: of the test samples, where there are any."""
    result = run.result or {}
    tested = result.get("test_confusion") is not None
    counts = np.array(result["test_confusion" if tested else "confusion"], dtype=np.float64)
    names = [short(str(label)) for label in result["classes"]]
    parts = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(parts, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= WRITTEN:
        for row, column in np.ndindex(*counts.shape):
            dark = parts[row, column] > 0.6
            axes.text(column, row, f"{counts[row, column]:.0f}", ha="center", va="center", color="w" if dark else "k")
    shown = range(0, len(names), 1 + len(names) // (2 * WRITTEN))
    axes.set_xticks(list(shown), [names[k] for k in shown], rotation=90 if len(names) > 4 else 0)
    axes.set_yticks(list(shown), [names[k] for k in shown])
    axes.set_xlabel("answer")
    axes.set_ylabel("class")
    axes.set_title("test samples" if tested else "training samples", fontsize="medium")
