"""`find_runs`: the run folders below a folder, each in a line."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from hwlearn.errors import ExperimentError
from hwlearn.experiments.runs.run import Run


@dataclass(frozen=True)
class Summary:
    """A run in a line.

    Attributes:
        name: of the folder, below the one that was searched. title: of the network.
        steps: updates done; in continuous time, steps of the integrator.
        loss_initial, loss: ½ ‖o − y‖² [V²] at the start and the end; while there is no end, the last loss that the rule
            observed [`loss_unit`]. None where there is no number.
        state: see `Run.state`. date: of the start. seconds: of training.
        accuracy, test_accuracy: 0 … 1, on training and test samples, as scored last.
    """

    name: str
    title: str
    rule: str
    backend: str
    steps: int
    loss_initial: float | None
    loss: float | None
    loss_unit: str
    state: str
    date: str
    seconds: float
    accuracy: float | None = None
    test_accuracy: float | None = None


@dataclass(frozen=True)
class Listing:
    """What `find_runs` found: runs by date, and folders that cannot be read with the reason."""

    runs: tuple[Summary, ...]
    broken: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"runs": [asdict(run) for run in self.runs], "broken": self.broken}


def find_runs(folder: str | PathLike[str] = "runs") -> Listing:
    """List the run folders below a folder, at any depth, or the folder itself.

    Raises:
        ExperimentError: there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ExperimentError(f"{folder}: no such folder; `hwlearn train EXPERIMENT.toml` leaves its run below runs/")
    found, broken = list[Summary](), dict[str, str]()
    for file in sorted(folder.rglob("run.json")):
        path = file.parent
        name = path.name if path == folder else str(path.relative_to(folder))
        try:
            found.append(_summary(name, Run.load(path)))
        except (ExperimentError, OSError) as error:
            broken[name] = str(error)
    return Listing(tuple(sorted(found, key=lambda run: run.date)), broken)


def _summary(name: str, run: Run) -> Summary:
    rule, result = run.settings["rule.name"], run.result
    if result is not None:
        steps, seconds = int(result["steps"]), float(result["seconds"])
        first, last, unit = result["loss_initial"], result["loss_final"], "V²"
    else:
        history, start = run.history, run.history.last("start")
        steps, seconds = max(len(history.at) - 1, 0), history.seconds[-1] if history.seconds else 0.0
        first = None if start is None else start["loss_initial"]
        last = history.losses[-1] if history.losses and math.isfinite(history.losses[-1]) else None
        unit = run.loss_unit
    accuracy, test_accuracy = _accuracy(run)
    return Summary(
        name,
        run.info["title"],
        rule,
        run.settings["backend.name"],
        steps,
        first,
        last,
        unit,
        run.state,
        run.info["date"],
        seconds,
        accuracy,
        test_accuracy,
    )


def _accuracy(run: Run) -> tuple[float | None, float | None]:
    """On training and test samples."""
    if run.result is not None and "accuracy" in run.result:
        return run.result["accuracy"], run.result.get("test_accuracy")
    if run.result is not None or not run.history.scores:
        return None, None
    last = run.history.scores[-1]
    one, two = (value if math.isfinite(value) else None for value in (last.accuracy, last.test_accuracy))
    return one, two
