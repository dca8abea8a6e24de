"""`hwlearn sweep`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwlearn.cli.command import Json, TrustCode
from hwlearn.cli.figures import ON_SCREEN, Figures
from hwlearn.cli.netlists import AS_GIVEN, Reading
from hwlearn.cli.output import fill, new_table, print_json, say
from hwlearn.cli.progress import cells_bar

if TYPE_CHECKING:
    from hwlearn.experiments.sweeps import Results, Row


def sweep(
    file: Annotated[Path, typer.Argument(metavar="SWEEP.toml", help="Sweep file.")],
    jobs: Annotated[int | None, typer.Option(help="Processes; one more than cores if not given.")] = None,
    dask: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers train instead.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the sweep; runs/NAME if not given.")] = None,
    as_json: Json = False,
    netlist: Reading = AS_GIVEN,
    figures: Figures = ON_SCREEN,
    trust_code: TrustCode = False,
) -> None:
    """Train variants of an experiment, each in a run folder; again: what is left of them. Exit code 1 if some failed."""
    from hwlearn.experiments.sweeps import run_sweep
    from hwlearn.show.plots import draw_sweep

    figures.check()
    try:
        with cells_bar() as progress:
            found = run_sweep(
                file,
                out,
                jobs=jobs,
                dask=dask,
                trust=netlist.trust,
                trust_code=trust_code,
                overrides=netlist.over({}),
                progress=progress,
            )
    except KeyboardInterrupt:
        say("what has ended is kept; the same command goes on")
        raise
    draw_sweep(found, figures.named(found.folder / "sweep.png"), figures.names, width=figures.millimetres)
    say(f"written to {found.folder}")
    if as_json:
        print_json(found.as_dict())
    else:
        _print(found)
    sys.stdout.flush()
    for row in found.failed:
        say(f"failed: {row.cell}: {' '.join(str(row.error).split())}")
    if found.failed:
        raise typer.Exit(1)


def _print(found: Results) -> None:
    from hwlearn.experiments.sweeps.table import text

    graded = any(row.accuracy is not None for row in found.rows)
    grades = ("accuracy", "in the test") if graded else ()
    table = new_table(*found.axes, "steps", "loss before", "after [V²]", *grades, "energy [J]", "seconds", "stopped because")
    fill(
        table,
        [
            (
                *(text(row.overrides[key]) for key in found.axes),
                *("–" if x is None else f"{x:.4g}" for x in _numbers(row, graded)),
                row.state,
            )
            for row in found.rows
        ],
    )
    again = f", {found.skipped} of them before" if found.skipped else ""
    print(f"{len(found.rows)} cells{again}; {len(found.failed)} failed")


def _numbers(row: Row, graded: bool) -> tuple[float | None, ...]:
    """What the table tells of a cell."""
    grades = (row.accuracy, row.test_accuracy) if graded else ()
    return (row.steps, row.loss_initial, row.loss_final, *grades, row.energy, row.seconds)
