"""`hwlearn train` and `hwlearn resume`."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwlearn.cli.command import File, Json, Set, TrustCode, name_of, read_overrides, warned
from hwlearn.cli.netlists import AS_GIVEN, Reading, Trust
from hwlearn.cli.output import one_line, print_facts, print_json, say
from hwlearn.cli.progress import progress_line

if TYPE_CHECKING:
    from hwlearn.experiments import Experiment, Outcome
    from hwlearn.experiments.runs import Run


Live = Annotated[bool, typer.Option("--live", help="Plot the loss in the terminal.")]
Epochs = Annotated[int | None, typer.Option(help="How often all samples are gone through, instead of steps.")]
Steps = Annotated[int | None, typer.Option(help="Number of updates.")]


def train(
    file: File,
    backend: Annotated[str | None, name_of("circuits")] = None,
    station: Annotated[Path | None, typer.Option(metavar="FILE", help="Station file of the bench.")] = None,
    rule: Annotated[str | None, name_of("rules")] = None,
    steps: Steps = None,
    epochs: Epochs = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the minibatches.")] = None,
    settings: Set = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="New run folder; runs/NAME-DATE if not given.")] = None,
    save: Annotated[bool, typer.Option("--save/--no-save", help="Whether to leave a run folder.")] = True,
    live: Live = False,
    as_json: Json = False,
    netlist: Reading = AS_GIVEN,
    trust_code: TrustCode = False,
) -> None:
    """Train the circuit of an experiment file. Ctrl-C ends the training and keeps what was learned."""
    from hwlearn.experiments import load_experiment, run_experiment
    from hwlearn.experiments.forecast import forecast
    from hwlearn.experiments.runs import Run

    overrides = read_overrides(settings)
    flags: dict[str, str | int | None] = {"backend.name": backend, "rule.name": rule, "train.steps": steps, "train.seed": seed}
    flags["train.epochs"] = epochs
    if station is not None:
        flags["backend.station"] = str(station.absolute())
    overrides.update({key: value for key, value in flags.items() if value is not None})
    experiment = load_experiment(file, netlist.over(overrides), trust=netlist.trust, trust_code=trust_code)
    run = Run.create(out or _new_folder(file), experiment) if save else None
    ahead = forecast(experiment)
    if str(ahead):
        say(str(ahead))
    for warning in ahead.warnings:
        say(f"warning: {warning}")
    with warned() as told, progress_line(experiment.rule.loss_unit, experiment, live=live) as progress:
        scored = None if progress is None else progress.score
        outcome = run_experiment(experiment, progress, None, scored) if run is None else run.go(progress, scored)
    _show(experiment, outcome, run, as_json, {"forecast": ahead.as_dict(), "warnings": [*ahead.warnings, *told]})


def resume(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.")],
    steps: Steps = None,
    epochs: Epochs = None,
    settings: Set = None,
    changed: Annotated[bool, typer.Option("--changed", help="Go on although the experiment file has changed.")] = False,
    experiment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The experiment file, if it is no longer where it was.")
    ] = None,
    live: Live = False,
    as_json: Json = False,
    trust_netlist: Trust = False,
    trust_code: TrustCode = False,
) -> None:
    """Go on with a run that was cut off, or train it further: the same numbers as if it had never stopped."""
    from hwlearn.experiments.runs import Run

    run, overrides = Run.load(folder, experiment, trust=trust_netlist, trust_code=trust_code), read_overrides(settings)
    if steps is not None:
        overrides["train.steps"] = steps
    if epochs is not None:
        overrides["train.epochs"] = epochs
    with warned() as told, progress_line(run.loss_unit, live=live) as progress:
        scored = None if progress is None else progress.score
        outcome = run.resume(progress, scored, changed=changed, overrides=overrides)
    if outcome is None:
        further = "--epochs" if "train.epochs" in run.settings else "--steps"
        say(f"{folder}: nothing left to do: stopped because: {run.state}; {further} N trains further")
        if as_json:
            print_json(run.result or {})
        return
    _show(run.experiment, outcome, run, as_json, {"warnings": told})


def _new_folder(file: Path) -> Path:
    """runs/NAME-DATE, a new one."""
    name = f"{file.stem}-{datetime.now():%Y%m%d-%H%M%S}"
    tries = (Path("runs") / (name if k == 1 else f"{name}-{k}") for k in count(1))
    return next(folder for folder in tries if not folder.exists())


def _show(experiment: Experiment, outcome: Outcome, run: Run | None, as_json: bool, further: dict[str, Any]) -> None:
    from hwlearn.show.facts.training import training_facts

    for note in outcome.notes:
        say(f"note: {note}")
    if run is not None:
        say(f"written to {run.folder}")
    facts = training_facts(outcome.as_dict(), experiment.network, outcome.network)
    if as_json:
        print_json({**facts.content, **further})
    else:
        print_facts(facts)
    sys.stdout.flush()
    _leave(outcome)


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
