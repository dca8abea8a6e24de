"""What a worker does: train one cell, in its run folder if it sees it."""

from __future__ import annotations

import logging
import tempfile
import threading
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwlearn.circuits.ngspice.workers import one_process
from hwlearn.errors import HwlearnError
from hwlearn.experiments import Experiment
from hwlearn.experiments.runs import Run
from hwlearn.experiments.runs.copies import Kept
from hwlearn.files import create, read

MARK = ".sweep"
"""File of a sweep's folder, with a number that no other has: who reads it there sees the same folder."""

KEPT = (
    "experiment.toml",
    "run.json",
    "journal.jsonl",
    "trajectory.npy",
    "checkpoint.npz",
    "latest.npy",
    "result.json",
    "trained.cir",
)
"""Files of a run folder that are carried home from a worker."""

_alone = threading.Lock()  # libngspice is one per process, and a worker of Dask may have many threads

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A cell on its way to a worker.

    Attributes:
        experiment: with its files read. folder: of the sweep. name: of the cell. mark: content of the folder's `MARK`.
        kept: what the experiment names, in the sweep's store.
    """

    experiment: Experiment
    folder: Path
    name: str
    mark: str
    kept: Kept


@dataclass(frozen=True)
class Done:
    """What a worker hands back.

    Attributes:
        result: content of result.json; None if it did not come to that.
        error: why the cell failed.
        notes: warnings.
        files: of the run folder, by name, if the worker does not see the sweep's folder.
    """

    result: dict[str, Any] | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()
    files: dict[str, bytes] | None = None


def train_cell(job: Job) -> Done:
    """Train a cell, or go on with it. Whatever it raises is its result; only Ctrl-C is not caught."""
    with _alone, one_process(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            done = _train(job)
        except HwlearnError as error:
            done = Done(error=str(error))
        except Exception as error:  # a fault in one cell stops no other one
            log.exception("%s", job.name)
            done = Done(error=f"{type(error).__name__}: {error}")
    notes = tuple(dict.fromkeys(str(warning.message) for warning in caught))
    return Done(done.result, done.error, notes, done.files)


def write_mark(folder: Path, mark: str) -> str:
    """The mark of a sweep's folder, made if there is none."""
    with suppress(FileExistsError):
        create(folder / MARK, mark.encode())
    return read(folder / MARK).decode(errors="replace")


def _train(job: Job) -> Done:
    if _sees(job):
        return _run(job.folder / job.name, job)
    with tempfile.TemporaryDirectory(prefix="hwlearn-") as parent:
        folder = Path(parent) / job.name
        done = _run(folder, job)
        files = {name: read(folder / name) for name in KEPT if (folder / name).exists()}
    return Done(done.result, done.error, files=files)


def _sees(job: Job) -> bool:
    try:
        return read(job.folder / MARK) == job.mark.encode()
    except OSError:
        return False


def _run(folder: Path, job: Job) -> Done:
    if (folder / "run.json").exists():
        run = Run.load(folder)
        outcome = run.resume(experiment=job.experiment)
    else:
        for torn in ("experiment.toml", "run.json.new"):  # of a process that was killed while it made the folder
            (folder / torn).unlink(missing_ok=True)
        run = Run.create(folder, job.experiment, kept=job.kept)
        outcome = run.go()
    if outcome is not None and isinstance(outcome.error, KeyboardInterrupt):
        raise outcome.error
    return Done(run.result, None if outcome is None or outcome.error is None else str(outcome.error))
