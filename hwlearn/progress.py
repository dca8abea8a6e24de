"""`progress=True`: a bar with the loss while something learns, on a terminal and in a notebook. Drawn by rich."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import signature
from typing import Any, Literal, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

Show = Callable[[float, float | None, str], None]
"""Shows what is done, of how much (None if that is not known), and a text."""

Told = Callable[[float, float, float], object]
"""Called with steps or time done, of how much, and the loss."""

Cells = Callable[[int, int, int], object]
"""Called with cells ended, cells failed, and how many there are."""

EVERY = 0.1
"""Seconds between two looks of a bar."""


@contextmanager
def bar() -> Iterator[Show]:
    """A bar on stderr, or below the cell of a notebook; it stays when all is done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    last = -EVERY
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as shown:
        line = shown.add_task("", total=None)

        def show(done: float, total: float | None, text: str) -> None:
            nonlocal last
            now = time.monotonic()
            shown.update(line, total=total, completed=done, description=text)
            if now - last >= EVERY or done == total:
                last = now
                shown.refresh()

        yield show
        shown.refresh()


@contextmanager
def asked_for(progress: Told | Literal[True] | None, unit: str) -> Iterator[Told | None]:
    """What is told how far a run is: what was given, or for True a bar with the loss in this unit."""
    if progress is not True:
        yield progress
        return
    with bar() as show:
        yield lambda done, total, loss: show(done, total or None, f"{done:.6g}/{total:.6g}  loss {loss:.3e} {unit}")


@contextmanager
def cells_asked_for(progress: Cells | Literal[True] | None) -> Iterator[Cells | None]:
    """The same for a sweep."""
    if progress is not True:
        yield progress
        return
    with bar() as show:
        yield lambda ended, failed, cells: show(ended, cells, f"{ended}/{cells} cells, {failed} failed")


def with_steps(trains: Callable[P, R]) -> Callable[P, R]:
    """`train` with a bar where its argument `progress` is True."""

    @wraps(trains)
    def told(*args: P.args, **options: P.kwargs) -> R:
        if not options.get("progress"):
            return trains(*args, **options)
        given: dict[str, Any] = {**options, "progress": False}
        found = signature(trains).bind(*args, **given)
        found.apply_defaults()
        rule, steps = found.arguments["rule"], found.arguments["steps"]
        with bar() as show:

            def step(state: Any) -> None:
                of = "" if steps is None else f"/{steps}"
                show(state.step, steps, f"step {state.step}{of}  loss {state.loss:.3e} {rule.loss_unit}")

            found.arguments["callbacks"] = (*found.arguments["callbacks"], step)
            return trains(*found.args, **found.kwargs)

    return told


def with_time(flows: Callable[P, R]) -> Callable[P, R]:
    """`flow` with a bar where its argument `progress` is True."""

    @wraps(flows)
    def told(*args: P.args, **options: P.kwargs) -> R:
        if options.get("progress") is not True:
            return flows(*args, **options)
        found = signature(flows).bind(*args, **options)
        rule, span = found.arguments["rule"], found.arguments["t_span"]
        start, end = span if isinstance(span, tuple | list) else (0.0, float(span))
        with bar() as show:

            def at(t: float, loss: float) -> None:
                show(max(t - start, 0.0), end - start, f"t = {t:.4g}/{end:.4g}  loss {loss:.3e} {rule.loss_unit}")

            found.arguments["progress"] = at
            return flows(*found.args, **found.kwargs)

    return told
