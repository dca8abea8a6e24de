"""`hwlearn train`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwlearn.cli.command import File, Json, Set, Trust, app, read_overrides
from hwlearn.cli.output import fill, new_table, one_line, print_json, print_table, say
from hwlearn.cli.progress import progress_line

if TYPE_CHECKING:
    from hwlearn.experiments import Experiment, Outcome


@app.command("train")
def _train(
    file: File,
    backend: Annotated[str | None, typer.Option(help="exact, ngspice or bench.")] = None,
    station: Annotated[Path | None, typer.Option(metavar="FILE", help="Station file of the bench.")] = None,
    rule: Annotated[str | None, typer.Option(help="ep, cl, al, clamp or dual-cl.")] = None,
    steps: Annotated[int | None, typer.Option(help="Number of updates.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the minibatches.")] = None,
    settings: Set = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="New folder for result, losses, netlist, plot.")] = None,
    as_json: Json = False,
    trust_netlist: Trust = False,
) -> None:
    """Train the circuit of an experiment file. Ctrl-C ends the training and keeps what was learned."""
    from hwlearn.experiments import load_experiment, run_experiment
    from hwlearn.experiments.files import make_folder, write_files

    overrides = read_overrides(settings)
    flags: dict[str, str | int | None] = {"backend.name": backend, "rule.name": rule, "train.steps": steps, "train.seed": seed}
    if station is not None:
        flags["backend.station"] = str(station.absolute())
    overrides.update({key: value for key, value in flags.items() if value is not None})
    experiment = load_experiment(file, overrides, trust=trust_netlist)
    experiment.network, experiment.task, experiment.rule  # noqa: B018  # refuse what does not fit before a folder is made
    if out is not None:
        make_folder(out)
    with progress_line() as progress:
        outcome = run_experiment(experiment, progress)
    for note in outcome.notes:
        say(f"note: {note}")
    if out is not None:  # before anything is printed: a closed pipe must not cost the run
        write_files(out, experiment, outcome)
        from hwlearn.plots import draw_losses

        draw_losses(outcome, out / "loss.png")
        say(f"written to {out}")
    if as_json:
        print_json(outcome.as_dict())
    else:
        _print_outcome(experiment, outcome)
    sys.stdout.flush()
    _leave(outcome)


def _print_outcome(experiment: Experiment, outcome: Outcome) -> None:
    unit = "" if outcome.nudge_unit == "1" else f" {outcome.nudge_unit}"
    sides = ", both sides" if outcome.symmetric else ""
    print(outcome.network.title)
    table = new_table("", "")
    table.add_row("rule", f"{outcome.rule}, nudge {outcome.nudge:.4g}{unit}{sides}")
    table.add_row("backend", outcome.backend)
    table.add_row("steps", f"{outcome.steps} (stopped because: {outcome.stopped_because})")
    table.add_row("loss ½|o−y|²", f"{outcome.loss_initial:.4g} → {outcome.loss_final:.4g} V²")
    table.add_row("seconds", f"{outcome.seconds:.3g}")
    print_table(table)
    ports = new_table("output [V]", "sample", "reached", "target")
    answers = [
        (name, str(s), f"{outcome.outputs[s, k]:.6g}", f"{target:.6g}")
        for s, row in enumerate(outcome.targets.tolist())
        for (k, name), target in zip(enumerate(outcome.network.output_names), row, strict=True)
    ]
    fill(ports, answers)
    edges = new_table("conductance [S]", "before", "after")
    before = experiment.network.conductances.tolist()
    values = zip(outcome.conductances.items(), before, strict=True)
    fill(edges, [(name, f"{was:.6g}", f"{now:.6g}") for (name, now), was in values])


def _leave(outcome: Outcome) -> None:
    if outcome.stopped_because == "interrupted":
        say(f"interrupted after {outcome.steps} steps; these are the conductances reached")
        sys.stderr.flush()
        os._exit(130)  # ngspice may still be in a long command: it is not waited for
    if outcome.error is not None:
        say(f"error: {one_line(outcome.error)} (after {outcome.steps} steps; the last good conductances are kept)")
        raise typer.Exit(2)
    if outcome.stopped_because == "not finite":
        raise typer.Exit(1)
