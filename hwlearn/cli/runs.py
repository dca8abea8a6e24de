"""`hwlearn runs`, `plot`, `export` and `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwlearn.cli.command import Json, TrustCode, name_of
from hwlearn.cli.figures import ON_SCREEN, Figures
from hwlearn.cli.netlists import Trust
from hwlearn.cli.output import new_table, print_json, print_table, say
from hwlearn.errors import HwlearnError

Folder = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.")]
Moved = Annotated[Path | None, typer.Option(metavar="FILE", help="The experiment file, if it is no longer where it was.")]


def runs(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to look; runs if not given.")] = Path("runs"),
    as_json: Json = False,
) -> None:
    """List the run folders below a folder, oldest first."""
    from hwlearn.experiments.runs import find_runs

    found = find_runs(folder)
    for error in found.broken.values():
        say(f"broken: {error}")
    if as_json:
        print_json(found.as_dict())
        return
    if not found.runs:
        say(f"{folder}: no run folder in it")
        return
    graded = any(run.accuracy is not None for run in found.runs)
    grades = ("accuracy", "in the test") if graded else ()
    table = new_table("run", "title", "rule", "backend", "steps", "loss", *grades, "state", "date", "seconds")
    for run in found.runs:
        losses = " → ".join("?" if loss is None else f"{loss:.3g}" for loss in (run.loss_initial, run.loss))
        title = run.title if len(run.title) <= 32 else f"{run.title[:31]}…"
        date, seconds = run.date.removesuffix("+00:00").replace("T", " "), f"{run.seconds:.3g}"
        steps, loss = str(run.steps), f"{losses} {run.loss_unit}"
        parts = (run.accuracy, run.test_accuracy) if graded else ()
        told = ["–" if part is None else f"{part:.4g}" for part in parts]
        table.add_row(run.name, title, run.rule, run.backend, steps, loss, *told, run.state, date, seconds)
    print_table(table)


def plot(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Run folders.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Picture: .png, .svg or .pdf; RUN/plot.png or losses.png if not given.")
    ] = None,
    experiment: Moved = None,
    trust_netlist: Trust = False,
    trust_code: TrustCode = False,
    figures: Figures = ON_SCREEN,
) -> None:
    """Draw a run: loss and predicted rate, conductances, outputs, residuals; or the losses of several runs."""
    from hwlearn.experiments.runs import Run
    from hwlearn.show.plots import draw_run, draw_runs

    if len(folders) > 1 and experiment is not None:
        raise HwlearnError("--experiment is for one run: several are drawn without their experiment files")
    wide = figures.millimetres
    runs = [Run.load(folder, experiment, trust=trust_netlist, trust_code=trust_code) for folder in folders]
    picture = figures.named(runs[0].folder / "plot.png" if len(runs) == 1 else Path("losses.png"))
    picture = picture if out is None else figures.chosen(out)
    if len(runs) == 1:
        draw_run(runs[0], picture, figures.names, wide)
    else:
        draw_runs(runs, picture, wide, figures.names)
    say(f"drawn in {picture}")


def export(
    folder: Folder,
    to: Annotated[str, name_of("exports", "Format: {}.", "--to")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The file; in the run folder if not given.")] = None,
    experiment: Moved = None,
    trust_netlist: Trust = False,
    trust_code: TrustCode = False,
) -> None:
    """Write a run for other programs: NetCDF (xarray), journal as CSV, netlist with the trained values, graph as JSON."""
    from hwlearn.experiments.runs import Run, export

    say(f"written to {export(Run.load(folder, experiment, trust=trust_netlist, trust_code=trust_code), to, out)}")


def report(
    folder: Folder,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The page; RUN/report.html if not given.")] = None,
    experiment: Moved = None,
    trust_netlist: Trust = False,
    trust_code: TrustCode = False,
) -> None:
    """Write one HTML file that tells the whole run: circuit, task, learning, what was predicted, environment."""
    from hwlearn.experiments.runs import Run
    from hwlearn.show.report import write_report

    say(f"written to {write_report(Run.load(folder, experiment, trust=trust_netlist, trust_code=trust_code), out)}")
