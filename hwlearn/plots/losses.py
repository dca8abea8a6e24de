"""The losses of a run."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hwlearn.plots.picture import OUTPUT, save, short

if TYPE_CHECKING:
    from hwlearn.experiments import Outcome


def draw_losses(outcome: Outcome, path: str | PathLike[str]) -> None:
    """Draw the losses of a run on a logarithmic axis into a picture file.

    Raises:
        HwlearnError: the file cannot be written.
    """
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    seen = outcome.losses > 0
    axes.plot(outcome.progress[seen], outcome.losses[seen], color=OUTPUT, linewidth=1.4, marker="." if seen.sum() < 30 else "")
    if seen.any():
        axes.set_yscale("log")
    if not outcome.continuous:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("time" if outcome.continuous else "step")
    axes.set_ylabel(f"loss that {outcome.rule} observes [{outcome.loss_unit}]")
    axes.set_title(f"{short(outcome.network.title)}: {outcome.rule} on {outcome.backend}", fontsize=11)
    axes.grid(alpha=0.3)
    save(figure, path)
