"""`go`: trains an experiment in a run folder, from the start or from the checkpoint."""

from __future__ import annotations

import dataclasses
import math
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwlearn.experiments import Experiment, Outcome, run_experiment
from hwlearn.experiments.cost import cost_of
from hwlearn.experiments.execution import Earlier, OnScore, Progress
from hwlearn.experiments.files import alone_in
from hwlearn.experiments.runs.checkpoint import Checkpoint
from hwlearn.experiments.runs.copies import Store, hashes_of
from hwlearn.experiments.runs.disk import refusing_to_lose
from hwlearn.experiments.runs.environment import environment
from hwlearn.experiments.runs.export import driven
from hwlearn.experiments.runs.journal import Journal
from hwlearn.experiments.runs.json_files import write_json
from hwlearn.experiments.runs.recorder import Recorder
from hwlearn.experiments.runs.trajectory import TrajectoryFile, read_trajectory
from hwlearn.files import replace

if TYPE_CHECKING:
    from hwlearn.experiments.runs.run import Run


def go(run: Run, experiment: Experiment, info: dict[str, Any], progress: Progress | None, scored: OnScore | None) -> Outcome:
    """Train an experiment in the folder of a run, which says so from the first step on.

    Args:
        run: its `experiment` and `info` are those given, once a step is made.
        experiment: what is trained.
        info: what run.json shall say.
        progress, scored: see `run_experiment`.

    Raises:
        ExperimentError, MeasurementError, KeyboardInterrupt: see `Run.go`.
    """
    with alone_in(run.folder, "run"), ExitStack() as stack:
        run.forget()  # another process may have gone on since it was read
        earlier = _earlier(run)

        def opened() -> tuple[Journal, TrajectoryFile, Checkpoint]:
            if info is not run.info:
                _go_over_to(run, experiment, info)
            journal = Journal(run.folder / "journal.jsonl", run.step_key)
            stack.callback(journal.close)
            rows = experiment.settings.schedule.rows
            trajectory = TrajectoryFile(run.folder / "trajectory.npy", run.step_key, rows)
            stack.callback(trajectory.close)
            checkpoint = Checkpoint(run.folder / "checkpoint.npz", run.folder / "latest.npy")
            stack.callback(checkpoint.close)
            stack.enter_context(journal.noting_warnings())
            if earlier is not None:
                checkpoint.save(earlier.snapshot, whole=True)
                journal.event("resume", **{run.step_key: earlier.snapshot[run.step_key].item()}, **environment(run.folder))
            return journal, trajectory, checkpoint

        outcome = run_experiment(experiment, progress, Recorder(opened, earlier), scored)
        outcome = _with_cost(run.folder, experiment, outcome)
        _write(run.folder, outcome)
    run.forget()
    return outcome


def _earlier(run: Run) -> Earlier | None:
    """What the run has done, up to its checkpoint."""
    start, snapshot = run.history.last("start"), run.checkpoint
    if start is None or snapshot is None:
        return None
    history = run.history
    history.take_back(float(snapshot[run.step_key]))
    seconds = history.seconds[-1] if history.seconds else 0.0
    first = math.nan if start["loss_initial"] is None else start["loss_initial"]
    return Earlier(first, tuple(history.at), tuple(history.losses), seconds, snapshot, tuple(history.scores))


def _go_over_to(run: Run, experiment: Experiment, info: dict[str, Any]) -> None:
    """From here on the folder is that of this experiment, and has not ended."""
    with refusing_to_lose(run.folder):
        (run.folder / "result.json").unlink(missing_ok=True)
        replace(run.folder / "experiment.toml", experiment.source)
    if not hashes_of(experiment.sources).items() <= dict(run.info.get("files", {})).items():
        info |= {"store": "files", "files": Store(run.folder / "files").keep(experiment.sources)}
    write_json(run.folder / "run.json", info)
    run.experiment, run.info = experiment, info


def _with_cost(folder: Path, experiment: Experiment, outcome: Outcome) -> Outcome:
    """The outcome with what a model would have cost on a bench; without, where nothing tells it."""
    along = read_trajectory(folder / "trajectory.npy")
    if outcome.ledger is not None or outcome.error is not None or along is None:
        return outcome
    return dataclasses.replace(outcome, ledger=cost_of(experiment, along))


def _write(folder: Path, outcome: Outcome) -> None:
    """trained.cir, driven by the first sample, and result.json last: who finds it finds a whole run."""
    netlist = driven(outcome.network, outcome.inputs[0]).to_netlist()
    with refusing_to_lose(folder / "trained.cir"):
        replace(folder / "trained.cir", netlist.encode())
    write_json(folder / "result.json", outcome.as_dict())
