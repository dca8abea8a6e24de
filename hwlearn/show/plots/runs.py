"""One run in panels, or the losses of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError
from hwlearn.experiments.prediction import predicted_decay
from hwlearn.show.facts.training import run_caption
from hwlearn.show.plots.layout import place_nodes
from hwlearn.show.plots.legends import legend_below
from hwlearn.show.plots.losses import SQUARED, Course, flow_time, observes_squares, own, own_label, paint_course, squares
from hwlearn.show.plots.network import network_legend, paint_network
from hwlearn.show.plots.picture import FIXED, GROUNDED, PLAIN, SERIES, TRAINABLE, Target, plain, short
from hwlearn.show.plots.scores import paint_confusion, paint_scores
from hwlearn.show.plots.sheet import Form, Paint, Place, chosen, drawn, of
from hwlearn.show.plots.styles import PREDICTED, line_styles, rule_colour
from hwlearn.show.plots.trajectory import paint_codes, paint_conductances

if TYPE_CHECKING:
    from hwlearn.experiments.runs import Run

FORM = Form()
ROUNDING = 1e-22
"""Losses below this part of the first one are rounding: no rate is read off them."""

SIGMAS = 3.0
DECADE = 10.0
"""Conductances that lie farther apart are coloured by their logarithm."""

NAMED = 6
"""Outputs that have a colour of their own; keys that a legend tells apart."""


LISTED = 24
"""Runs that a legend names."""

FEW, ROW = 6, 0.1
"""Runs that a figure has room for, and inches by which each further one makes it higher."""


def draw_run(
    run: Run,
    target: Target | None = None,
    panels: Sequence[str] = (),
    width: float | None = None,
    *,
    ax: Place = None,
) -> Figure:
    """Draw a run, running or not.

    Args:
        run: its experiment file must be where it was.
        target: PNG, SVG or PDF, by its ending; or a stream.
        panels: names of `PANELS`; those of `panels_of` if not given.
        width: of the figure in mm, for print: letters of 7 pt.
        ax: axes to draw on, one for each panel; a new figure if not given.

    Raises:
        ExperimentError: see `Run.experiment`.
        HwlearnError: a panel is none that this run has; the file cannot be written.
    """
    names = chosen(panels, panels_of(run), PANELS, "this run")
    title = (short(run.info["title"]), run_caption(run)) if len(names) > 1 else ()
    return drawn({name: of(PANELS[name], run) for name in names}, target, ax, width, FORM, title)


def panels_of(run: Run) -> list[str]:
    """What there is to draw: outputs and residuals once the run has stopped, or the confusion of classes in their place."""
    measured = run.outputs is not None and bool(np.isfinite(run.outputs).any())
    graded = run.result is not None and "confusion" in run.result
    along = run.trajectory
    moves = along is not None and len(along.at) > 1 and bool(run.network.trainable.any())
    there = {
        "rule-loss": not observes_squares(run),
        "conductances": moves,
        "codes": moves and along is not None and along.codes is not None,
        "scores": bool(run.history.scores),
        "confusion": graded,
        "outputs": measured and not graded,
        "residuals": measured and not graded,
    }
    return [name for name in PANELS if there.get(name, True)]


def draw_runs(
    runs: Sequence[Run],
    target: Target | None = None,
    width: float | None = None,
    panels: Sequence[str] = (),
    *,
    ax: Place = None,
) -> Figure:
    """Draw the losses of several runs on common axes; the legend says in what they differ.

    Colours are those of rules and dashes those of backends, as in all figures. The first panel, "loss", is ½‖o − y‖². A rule
    that observes something else has a panel of its own, such as "al-loss".

    Args:
        runs: at least two.
        target: PNG, SVG or PDF, by its ending; or a stream.
        width: of the figure in mm, for print.
        panels: some of the panels; all if not given.
        ax: axes to draw on, one for each panel; a new figure if not given.

    Raises:
        HwlearnError: some are flows and some are not; no such panel; the file cannot be written.
    """
    if len({run.continuous for run in runs}) > 1:
        raise HwlearnError("steps and the time of a flow have no axis in common: plot them apart")
    if runs[0].continuous and len({flow_time(run) for run in runs}) > 1:
        raise HwlearnError("flows of these rules have times in different units and no axis in common: plot them apart")
    there: dict[str, Paint] = {"loss": of(_common, runs)}
    for rule in dict.fromkeys(run.settings["rule.name"] for run in runs if not observes_squares(run)):
        there[f"{rule}-loss"] = of(_common, runs, rule)
    names = chosen(panels, list(there))
    titles = {run.info["title"] for run in runs}
    title = short(titles.pop()) if len(titles) == 1 else f"{len(runs)} runs"
    return drawn(
        {name: there[name] for name in names},
        target,
        ax,
        width,
        Form((8.5, 5.4 + ROW * max(min(len(runs), LISTED) - FEW, 0)), across=1),
        [title],
    )


def _common(axes: Axes, runs: Sequence[Run], rule: str | None = None) -> None:
    """½‖o − y‖² of all runs, or what those of a rule observe."""
    styles = line_styles([(run.settings["rule.name"], run.settings["backend.name"]) for run in runs])
    for number, (run, label, style) in enumerate(zip(runs, labels(runs), styles, strict=True)):
        if rule is None or (run.settings["rule.name"] == rule and not observes_squares(run)):
            course = squares(run) if rule is None else own(run)
            paint_course(axes, run, course, label=short(label) if number < LISTED else "", **style)
            axes.set_ylabel(SQUARED if rule is None else own_label(run))
    if len(runs) > LISTED:
        axes.plot([], [], " ", label=f"and {len(runs) - LISTED} more")
    legend_below(axes, across=3)


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


def _loss(axes: Axes, run: Run) -> None:
    """½‖o − y‖² with what `_course` adds to it."""
    _course(axes, run, squares(run), SQUARED)


def _rule_loss(axes: Axes, run: Run) -> None:
    """What the rule observes, where that is something else."""
    _course(axes, run, own(run), own_label(run))


def _course(axes: Axes, run: Run, course: Course, label: str) -> None:
    """A loss, the decay that coercivity predicts where the run stands, the loss that noise alone makes, and resumes."""
    paint_course(axes, run, course, color=rule_colour(run.settings["rule.name"]), label=course.how)
    axes.set_ylabel(label)
    noise, floor = np.array(run.history.noise), 0.0
    if label == SQUARED and np.isfinite(noise).any():
        floor = 0.5 * len(run.network.outputs) * float(np.nanmean(noise**2))
    if floor > 0:
        axes.axhline(floor, color=PLAIN, linewidth=1.0, label="noise of the readings alone")
    _predicted(axes, run, course, floor)
    for number, event in enumerate(event for event in run.history.events if event["event"] == "resume"):
        where = event["t" if run.continuous else "step"]
        axes.axvline(where, color=TRAINABLE, linewidth=0.8, linestyle=":", label="" if number else "resumed")
    kept = (run.result or {}).get("kept_step")
    if kept is not None and kept != run.history.at[-1]:
        axes.axvline(kept, color=SERIES[2], linewidth=1.0, linestyle="--", label=f"kept: step {kept}")
    legend_below(axes)


def _predicted(axes: Axes, run: Run, course: Course, floor: float) -> None:
    """The decay that is predicted, through the last loss that rises above noise and rounding."""
    at, losses = course.at, course.losses
    good = np.flatnonzero(losses > max(10 * floor, ROUNDING * losses.max(initial=0.0)))
    if len(good) < 2:
        return
    try:
        rate = predicted_decay(run.experiment, run.network.conductances)
    except HwlearnError as error:
        axes.plot([], [], " ", label=short(str(error)))
        return
    bottom, top = axes.get_ylim()
    times = np.linspace(at[0], at[-1], 200) if len(at) < 3 else at
    drawn_losses = losses[good[-1]] * np.exp(-np.clip(min(rate, 1e100) * (times - at[good[-1]]), -200, 200))
    per = f"per {flow_time(run) or 'unit of time'}" if run.continuous else "per step"
    axes.plot(
        times,
        drawn_losses,
        color=GROUNDED,
        linewidth=1.0,
        linestyle=PREDICTED,
        label=f"predicted in the end: {f'{rate:.3g} {per}' if np.isfinite(rate) else 'all at once'}",
    )
    axes.set_ylim(bottom, top)


def _network(axes: Axes, run: Run) -> None:
    network = run.network
    g = network.conductances
    lines = paint_network(axes, network, place_nodes(network), g if len(g) else None)
    if len(g):
        lines.set_norm(LogNorm(g.min(), g.max()) if g.max() > DECADE * g.min() else Normalize(0.99 * g.min(), 1.01 * g.max()))
        assert axes.figure is not None
        axes.figure.colorbar(lines, ax=axes, label="conductance [S]", shrink=0.8)
    network_legend(axes, network)


def _outputs(axes: Axes, run: Run) -> None:
    targets, outputs = run.experiment.task.targets, run.outputs
    assert outputs is not None
    seen = np.r_[targets.ravel(), outputs[np.isfinite(outputs)]]
    margin = 0.05 * (float(np.ptp(seen)) if np.ptp(seen) > 1e-3 * np.abs(seen).max() else float(np.abs(seen).max()) or 1.0)
    ends = (float(seen.min()) - margin, float(seen.max()) + margin)
    axes.plot(ends, ends, color=FIXED, linewidth=1.0, zorder=1)
    _paint_points(axes, run, targets, outputs)
    axes.set(xlim=ends, ylim=ends)
    legend_below(axes)
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
        legend_below(axes)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    axes.set_xlabel("target [V]")
    axes.set_ylabel("output − target [V]")


def _paint_points(axes: Axes, run: Run, x: Array, y: Array) -> None:
    names = run.network.output_names
    size = float(np.clip(2000 / x.size, 3, 40))
    for k, name in enumerate(names):
        several = len(names) <= NAMED
        label = plain(name) if several else "" if k else f"{len(names)} outputs"
        axes.scatter(x[:, k], y[:, k], s=size, color=SERIES[k if several else 0], label=label, zorder=2)
    axes.grid(alpha=0.3)


PANELS: dict[str, Callable[[Axes, Run], None]] = {
    "loss": _loss,
    "rule-loss": _rule_loss,
    "network": _network,
    "conductances": paint_conductances,
    "codes": paint_codes,
    "scores": paint_scores,
    "confusion": paint_confusion,
    "outputs": _outputs,
    "residuals": _residuals,
}
"""What `draw_run` can draw of a run."""
