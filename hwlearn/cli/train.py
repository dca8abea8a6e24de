"""`hwlearn train` and `hwlearn resume`."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwlearn.cli.command import File, Json, Set, Trust, app, read_overrides
from hwlearn.cli.output import fill, new_table, one_line, print_json, print_table, say, visible
from hwlearn.cli.progress import progress_line

if TYPE_CHECKING:
    from hwlearn.experiments import Experiment, Outcome
    from hwlearn.experiments.runs import Run


Live = Annotated[bool, typer.Option("--live", help="Plot the loss in the terminal.")]
Steps = Annotated[int | None, typer.Option(help="Number of updates.")]


@app.command("train")
def _train(
    file: File,
    backend: Annotated[str | None, typer.Option(help="exact, ngspice or bench.")] = None,
    station: Annotated[Path | None, typer.Option(metavar="FILE", help="Station file of the bench.")] = None,
    rule: Annotated[str | None, typer.Option(help="ep, cl, al, clamp or dual-cl.")] = None,
    steps: Steps = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the minibatches.")] = None,
    settings: Set = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="New run folder; runs/NAME-DATE if not given.")] = None,
    save: Annotated[bool, typer.Option("--save/--no-save", help="Whether to leave a run folder.")] = True,
    live: Live = False,
    as_json: Json = False,
    trust_netlist: Trust = False,
) -> None:
    """Train the circuit of an experiment file. Ctrl-C ends the training and keeps what was learned."""
    from hwlearn.experiments import load_experiment, run_experiment
    from hwlearn.experiments.runs import Run

    overrides = read_overrides(settings)
    flags: dict[str, str | int | None] = {"backend.name": backend, "rule.name": rule, "train.steps": steps, "train.seed": seed}
    if station is not None:
        flags["backend.station"] = str(station.absolute())
    overrides.update({key: value for key, value in flags.items() if value is not None})
    experiment = load_experiment(file, overrides, trust=trust_netlist)
    run = Run.create(out or _new_folder(file), experiment) if save else None
    with progress_line(experiment, live=live) as progress:
        outcome = run_experiment(experiment, progress) if run is None else run.go(progress)
    _show(experiment, outcome, run, as_json)


@app.command("resume")
def _resume(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.")],
    steps: Steps = None,
    settings: Set = None,
    changed: Annotated[bool, typer.Option("--changed", help="Go on although the experiment file has changed.")] = False,
    experiment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The experiment file, if it is no longer where it was.")
    ] = None,
    live: Live = False,
    as_json: Json = False,
    trust_netlist: Trust = False,
) -> None:
    """Go on with a run that was cut off, or train it further: the same numbers as if it had never stopped."""
    from hwlearn.experiments.runs import Run

    run, overrides = Run.load(folder, experiment, trust=trust_netlist), read_overrides(settings)
    if steps is not None:
        overrides["train.steps"] = steps
    with progress_line(live=live) as progress:
        outcome = run.resume(progress, changed=changed, overrides=overrides)
    if outcome is None:
        say(f"{folder}: nothing left to do: stopped because: {run.state}; --steps N trains further")
        if as_json:
            print_json(run.result or {})
        return
    _show(run.experiment, outcome, run, as_json)


def _new_folder(file: Path) -> Path:
    """runs/NAME-DATE, a new one."""
    name = f"{file.stem}-{datetime.now():%Y%m%d-%H%M%S}"
    tries = (Path("runs") / (name if k == 1 else f"{name}-{k}") for k in count(1))
    return next(folder for folder in tries if not folder.exists())


def _show(experiment: Experiment, outcome: Outcome, run: Run | None, as_json: bool) -> None:
    for note in outcome.notes:
        say(f"note: {note}")
    if run is not None:
        say(f"written to {run.folder}")
    if as_json:
        print_json(outcome.as_dict())
    else:
        _print_outcome(experiment, outcome)
    sys.stdout.flush()
    _leave(outcome)


def _print_outcome(experiment: Experiment, outcome: Outcome) -> None:
    unit = "" if outcome.nudge_unit == "1" else f" {outcome.nudge_unit}"
    sides = ", both sides" if outcome.symmetric else ""
    print(visible(outcome.network.title))
    table = new_table("", "")
    table.add_row("rule", f"{outcome.rule}, nudge {outcome.nudge:.4g}{unit}{sides}")
    if outcome.remedies:
        table.add_row("remedies", ", ".join(f"{name} {value:g}" for name, value in outcome.remedies.items()))
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
    if outcome.network.transistors:
        started = experiment.network.gate_voltages
        gates = new_table("gate [V]", "before", "after")
        fill(gates, [(name, f"{started[name]:.6g}", f"{now:.6g}") for name, now in outcome.network.gate_voltages.items()])


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
