"""How far something is, on a terminal."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.text import Text

    from hwlearn.experiments import Experiment
    from hwlearn.learning.scores import Score

FORECAST = 1e6
"""Samples × outputs × edges up to which the rate is predicted before the training starts."""

HEIGHT, POINTS = 12, 400
"""Lines and points of the plot."""


class Line(Protocol):
    """A progress line: called with what is done, of how much, and the loss."""

    def __call__(self, done: float, total: float, loss: float) -> None: ...

    def score(self, score: Score) -> None:
        """Tell the accuracy from here on."""


@contextmanager
def progress_line(unit: str, experiment: Experiment | None = None, *, live: bool = False) -> Iterator[Line | None]:
    """A progress line on stderr with loss and speed; nothing where stderr is no terminal.

    Args:
        unit: of the loss that the rule observes.
        experiment: tells the loss at which to stop, and the rate that coercivity predicts: the line says how far it is.
        live: a plot of the loss above the line.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    line = bar.add_task("", total=None)
    left = _forecast(experiment)
    plot = _Plot() if live else None
    with Live(bar, console=Console(stderr=True), transient=True, auto_refresh=False) as shown:

        def show(total: float, done: float, text: str) -> None:
            bar.update(line, total=total or None, completed=done, description=text)
            shown.update(bar if plot is None else Group(plot.drawn(), bar), refresh=True)

        yield _Line(unit, show, left, plot)


@contextmanager
def cells_bar() -> Iterator[Callable[[int, int, int], None] | None]:
    """A bar on stderr with the cells of a sweep that have ended and failed; nothing where stderr is no terminal."""
    with _counting_bar() as show:

        def update(ended: int, failed: int, total: int) -> None:
            show(ended, total, f"{ended}/{total} cells" + (f", {failed} failed" if failed else ""))

        yield update if sys.stderr.isatty() else None


@contextmanager
def settings_bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr with the settings of a bench that have been read; nothing where stderr is no terminal."""
    with _counting_bar() as show:
        yield lambda done, total: show(done, total, f"{done}/{total} settings")


@contextmanager
def exchanges_line() -> Iterator[Callable[[int, float], None]]:
    """A line on stderr with the exchanges that a design has screened; nothing where stderr is no terminal."""
    with _counting_bar() as show:

        def update(screened: int, steps: float) -> None:
            best = "no design yet" if math.isinf(steps) else f"the best learns in {steps:,.0f} steps"
            show(screened, 0, f"{screened:,} exchanges screened, {best}")

        yield update


@contextmanager
def _counting_bar() -> Iterator[Callable[[int, int, str], None]]:
    """Shows what is done, of how much, and a text."""
    if not sys.stderr.isatty():
        yield lambda done, total, text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task("", total=None)
        yield lambda done, total, text: bar.update(line, total=total or None, completed=done, description=text)


def _forecast(experiment: Experiment | None) -> Callable[[float], str]:
    """Says how far it is to stop_loss at the rate that coercivity predicts; says nothing where nothing is predicted."""
    from hwlearn.analysis.manifold import project
    from hwlearn.errors import HwlearnError
    from hwlearn.experiments.prediction import predicted_decay

    def nothing(loss: float) -> str:
        return ""

    if experiment is None:
        return nothing
    table, network = experiment.settings.train or experiment.settings.flow, experiment.network
    goal = table.stop_loss if table is not None else None
    if goal is None or len(experiment.task) * len(network.outputs) * len(network.edges) > FORECAST:
        return nothing
    try:
        decay = predicted_decay(experiment, project(network, experiment.task).conductances)
    except HwlearnError:
        return nothing
    if not 0 < decay < math.inf:
        return nothing

    def left(loss: float) -> str:
        return f"  {math.log(loss / goal) / decay:,.0f} to go by the predicted rate" if loss > goal else ""

    return left


class _Line:
    """What the line says; shown ten times a second at most."""

    def __init__(
        self, unit: str, show: Callable[[float, float, str], None], left: Callable[[float], str], plot: _Plot | None
    ) -> None:
        self._unit, self._show, self._left, self._plot = unit, show, left, plot
        self._began = self._last = time.monotonic()
        self._calls, self._accuracy = 0, ""

    def __call__(self, done: float, total: float, loss: float) -> None:
        self._calls += 1
        now = time.monotonic()
        if self._plot is not None:
            self._plot.add(done, loss)
        if now - self._last > 0.1:
            self._last = now
            speed = f"{self._calls / (now - self._began):,.0f} steps/s"
            text = f"{done:.6g}/{total:.6g}  loss {loss:.3e} {self._unit}{self._accuracy}{self._left(loss)}  {speed}"
            self._show(total, done, text)

    def score(self, score: Score) -> None:
        """Tell the accuracy from here on, on the test samples where there are any."""
        told = [f"{value:.3f}" for value in (score.accuracy, score.test_accuracy) if math.isfinite(value)]
        self._accuracy = f"  accuracy {', test '.join(told)}" if told else ""


class _Plot:
    """The losses so far; every second one is forgotten when they are too many."""

    def __init__(self) -> None:
        self._at: list[float] = []
        self._losses: list[float] = []
        self._calls, self._stride = 0, 1

    def add(self, at: float, loss: float) -> None:
        self._calls += 1
        if loss > 0 and self._calls % self._stride == 0:
            self._at.append(at)
            self._losses.append(loss)
            if len(self._at) > 2 * POINTS:
                self._at, self._losses, self._stride = self._at[::2], self._losses[::2], 2 * self._stride

    def drawn(self) -> Text:
        from rich.text import Text
        from uniplot import plot_to_string

        if len(self._at) < 2:
            return Text("\n" * HEIGHT)
        picture = plot_to_string(ys=self._losses, xs=self._at, y_as_log=True, lines=True, height=HEIGHT, width=64)
        return Text.from_ansi(picture if isinstance(picture, str) else "\n".join(picture))
