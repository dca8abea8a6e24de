"""How a training goes on, on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_line() -> Iterator[Callable[[float, float, float], None] | None]:
    """A progress line on stderr with loss and speed; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        line = bar.add_task("", total=None)
        began = shown = time.monotonic()
        calls = 0

        def update(done: float, total: float, loss: float) -> None:
            nonlocal calls, shown
            calls += 1
            now = time.monotonic()
            if now - shown > 0.1:
                shown = now
                text = f"{done:.6g}/{total:.6g}  loss {loss:.3e}  {calls / (now - began):,.0f} steps/s"
                bar.update(line, total=total, completed=done, description=text, refresh=True)

        yield update
