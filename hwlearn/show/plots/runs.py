"""One run in panels, or the losses of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import MaxNLocator

from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError
from hwlearn.experiments.prediction import predicted_decay
from hwlearn.show.facts.training import run_caption
from hwlearn.show.plots.layout import place_nodes
from hwlearn.show.plots.network import network_legend, paint_network
from hwlearn.show.plots.picture import (
    FIXED,
    INPUT,
    PLAIN,
    SERIES,
    SMALL,
    TITLE,
    TRAINABLE,
    Target,
    drawn_at,
    save,
    short,
    sized,
)
from hwlearn.show.plots.scores import paint_confusion, paint_scores
from hwlearn.show.plots.trajectory import paint_codes, paint_conductances

if TYPE_CHECKING:
    from hwlearn.experiments.runs import Run

ROUNDING = 1e-22
"""Losses below this part of the first one are rounding: no rate is read off them."""

SIGMAS = 3.0
DECADE = 10.0
"""Conductances that lie farther apart are coloured by their logarithm."""

NAMED = 6
"""Outputs that have a colour of their own; keys that a legend tells apart."""


COLUMN = 120.0
"""Width in mm up to which panels stand below each other."""


def draw_run(run: Run, target: Target, panels: Sequence[str] = (), width: float | None = None) -> None:
    """Draw a run, running or not.

    Args:
        run: its experiment file must be where it was.
        target: PNG, SVG or PDF, by its ending; or a stream.
        panels: names of `PANELS`; those of `panels_of` if not given.
        width: of the figure in mm, for print: letters of 7 pt, panels below each other up to `COLUMN`.

    Raises:
        ExperimentError: see `Run.experiment`.
        HwlearnError: a panel is none that this run has; the file cannot be written.
    """
    there = panels_of(run)
    for name in panels:
        if name not in there:
            why = "this run has no such panel, at least not yet" if name in PANELS else "no such panel"
            raise HwlearnError(f"panel {name}: {why}; there are {', '.join(there)}")
    chosen = panels or there
    columns = 1 if width is not None and width <= COLUMN else min(len(chosen), 2)
    rows = -(-len(chosen) // columns)
    with drawn_at(width):
        figure = sized(columns, rows, (6.4, 4.6), width)
        for k, name in enumerate(chosen):
            PANELS[name](figure.add_subplot(rows, columns, k + 1), run)
        if len(chosen) > 1:
            between = ":\n" if columns == 1 else ": "
            figure.suptitle(f"{short(run.info['title'])}{between}{run_caption(run)}")
        save(figure, target)


def panels_of(run: Run) -> list[str]:
    """What there is to draw: outputs and residuals once the run has stopped, or the confusion of classes in their place."""
    measured = run.outputs is not None and bool(np.isfinite(run.outputs).any())
    graded = run.result is not None and "confusion" in run.result
    along = run.trajectory
    moves = along is not None and len(along.at) > 1 and bool(run.network.trainable.any())
    there = {
        "conductances": moves,
        "codes": moves and along is not None and along.codes is not None,
        "scores": bool(run.history.scores),
        "confusion": graded,
        "outputs": measured and not graded,
        "residuals": measured and not graded,
    }
    return [name for name in PANELS if there.get(name, True)]


def draw_runs(runs: Sequence[Run], target: Target, width: float | None = None) -> None:
    """Draw the losses of several runs on common axes; the legend says in what they differ.

    Args:
        runs: at least two.
        target: PNG, SVG or PDF, by its ending; or a stream.
        width: of the figure in mm, for print.

    Raises:
        HwlearnError: some are flows and some are not; the file cannot be written.
    """
    if len({run.continuous for run in runs}) > 1:
        raise HwlearnError("steps and the time of a flow have no axis in common: plot them apart")
    with drawn_at(width):
        figure = sized(1, 1, (8.5, 5.4), width)
        axes = figure.add_subplot()
        for k, (run, label) in enumerate(zip(runs, labels(runs), strict=True)):
            style = ("-", "--", ":", "-.")[k // len(SERIES) % 4]
            _paint_losses(axes, run, color=SERIES[k % len(SERIES)], linestyle=style, label=label)
        units = dict.fromkeys(run.loss_unit for run in runs)
        axes.set_ylabel(f"loss that the rule observes [{', '.join(units)}]")
        titles = {run.info["title"] for run in runs}
        axes.set_title(short(titles.pop()) if len(titles) == 1 else f"{len(runs)} runs", fontsize=TITLE)
        axes.legend(frameon=False, fontsize=SMALL)
        save(figure, target)


def labels(runs: Sequence[Run]) -> list[str]:
    """What tells runs apart: the keys in which they differ, the folder where that is not enough, or too much."""
    settings = [run.settings for run in runs]
    keys = [
        key
        for key in dict.fromkeys(key for one in settings for key in one)
        if len({str(one.get(key)) for one in settings}) > 1
    ]
    folders = [run.folder.resolve().name for run in runs]
    if not 0 < len(keys) <= NAMED:
        return folders
    said = [", ".join(f"{_named(key)} {one.get(key, 'none')}" for key in keys) for one in settings]
    count = Counter(said)
    return [text if count[text] == 1 else f"{folder}: {text}" for text, folder in zip(said, folders, strict=True)]


def _named(key: str) -> str:
    """ "rule" for "rule.name", "seed" for "train.seed"."""
    table, _, name = key.rpartition(".")
    return table if name == "name" else name


def _paint_losses(axes: Axes, run: Run, **style: object) -> None:
    at, losses = np.array(run.history.at), np.array(run.history.losses)
    seen = losses > 0
    axes.plot(at[seen], losses[seen], linewidth=1.4, marker="." if seen.sum() < 30 else "", **style)  # type: ignore[arg-type]
    if seen.any():
        axes.set_yscale("log")
    if not run.continuous:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("time" if run.continuous else "step")
    axes.grid(alpha=0.3)


def _loss(axes: Axes, run: Run) -> None:
    """The loss, the decay that coercivity predicts where the run stands, the loss that noise alone makes, and resumes."""
    _paint_losses(axes, run, color=SERIES[0], label="observed")
    axes.set_ylabel(f"loss that {run.settings['rule.name']} observes [{run.loss_unit}]")
    at, losses, noise = (np.array(column) for column in (run.history.at, run.history.losses, run.history.noise))
    floor = 0.0
    if run.loss_unit == "V²" and np.isfinite(noise).any():
        floor = 0.5 * len(run.network.outputs) * float(np.nanmean(noise**2))
    if floor > 0:
        axes.axhline(floor, color=PLAIN, linewidth=1.0, label="noise of the readings alone")
    good = np.flatnonzero(losses > max(10 * floor, ROUNDING * losses.max(initial=0.0)))
    if len(good) > 1:
        try:
            rate = predicted_decay(run.experiment, run.network.conductances)
        except HwlearnError as error:
            axes.plot([], [], " ", label=short(str(error)))
        else:
            bottom, top = axes.get_ylim()
            drawn = losses[good[-1]] * np.exp(-np.clip(rate * (at - at[good[-1]]), -700, 700))
            per = "per unit of time" if run.continuous else "per step"
            axes.plot(at, drawn, "--", color=INPUT, linewidth=1.2, label=f"predicted in the end: {rate:.3g} {per}")
            axes.set_ylim(bottom, top)
    for number, event in enumerate(event for event in run.history.events if event["event"] == "resume"):
        where = event["t" if run.continuous else "step"]
        axes.axvline(where, color=TRAINABLE, linewidth=0.8, linestyle=":", label="" if number else "resumed")
    kept = (run.result or {}).get("kept_step")
    if kept is not None and kept != run.history.at[-1]:
        axes.axvline(kept, color=SERIES[2], linewidth=1.0, linestyle="--", label=f"kept: step {kept}")
    axes.legend(frameon=False, fontsize=SMALL)


def _network(axes: Axes, run: Run) -> None:
    network = run.network
    g = network.conductances
    lines, thick = paint_network(axes, network, place_nodes(network), g if len(g) else None)
    if len(g):
        lines.set_norm(LogNorm(g.min(), g.max()) if g.max() > DECADE * g.min() else Normalize(0.99 * g.min(), 1.01 * g.max()))
        assert axes.figure is not None
        axes.figure.colorbar(lines, ax=axes, label="conductance [S]", shrink=0.8)
    axes.legend(
        handles=network_legend(network, thick),
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=4,
        frameon=False,
        fontsize=SMALL,
    )


def _outputs(axes: Axes, run: Run) -> None:
    targets, outputs = run.experiment.task.targets, run.outputs
    assert outputs is not None
    seen = np.r_[targets.ravel(), outputs[np.isfinite(outputs)]]
    margin = 0.05 * (float(np.ptp(seen)) if np.ptp(seen) > 1e-3 * np.abs(seen).max() else float(np.abs(seen).max()) or 1.0)
    ends = (float(seen.min()) - margin, float(seen.max()) + margin)
    axes.plot(ends, ends, color=FIXED, linewidth=1.0, zorder=1)
    _paint_points(axes, run, targets, outputs)
    axes.set(xlim=ends, ylim=ends)
    axes.legend(frameon=False, fontsize=SMALL)
    axes.set_xlabel("target [V]")
    axes.set_ylabel("output [V]")


def _residuals(axes: Axes, run: Run) -> None:
    targets, outputs = run.experiment.task.targets, run.outputs
    assert outputs is not None
    noise = np.array(run.history.noise)
    sigma = float(noise[-1]) if len(noise) else np.nan
    if sigma > 0:
        axes.axhspan(-SIGMAS * sigma, SIGMAS * sigma, color=FIXED, alpha=0.5, linewidth=0, label="±3σ of a reading")
    axes.axhline(0, color=FIXED, linewidth=1.0, zorder=1)
    _paint_points(axes, run, targets, outputs - targets)
    if sigma > 0:
        axes.legend(frameon=False, fontsize=SMALL)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    axes.set_xlabel("target [V]")
    axes.set_ylabel("output − target [V]")


def _paint_points(axes: Axes, run: Run, x: Array, y: Array) -> None:
    names = run.network.output_names
    size = float(np.clip(2000 / x.size, 3, 40))
    for k, name in enumerate(names):
        several = len(names) <= NAMED
        label = name.replace("$", r"\$") if several else "" if k else f"{len(names)} outputs"
        axes.scatter(x[:, k], y[:, k], s=size, color=SERIES[k if several else 0], label=label, zorder=2)
    axes.grid(alpha=0.3)


PANELS: dict[str, Callable[[Axes, Run], None]] = {
    "loss": _loss,
    "network": _network,
    "conductances": paint_conductances,
    "codes": paint_codes,
    "scores": paint_scores,
    "confusion": paint_confusion,
    "outputs": _outputs,
    "residuals": _residuals,
}
"""What `draw_run` can draw of a run."""
