"""The folder that a run leaves behind."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from hwlearn.errors import ExperimentError
from hwlearn.experiments.experiment import Experiment
from hwlearn.experiments.outcome import Outcome


def make_folder(folder: Path) -> None:
    """Make the folder of a run, before the run.

    Raises:
        ExperimentError: it cannot be made, or holds something already.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ExperimentError(f"{folder}: the folder is not empty; name a new one")
    except OSError as error:
        raise ExperimentError(f"{folder}: {error.strerror}") from None


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write an indented JSON file.

    Raises:
        ExperimentError: it cannot be written.
    """
    try:
        path.write_text(json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise ExperimentError(f"{path}: {error.strerror}") from None


def write_files(folder: Path, experiment: Experiment, outcome: Outcome) -> None:
    """Write result.json, losses.csv, trained.cir (driven by the first sample), and experiment.toml as it was read.

    Raises:
        ExperimentError: a file cannot be written.
    """
    try:
        write_json(folder / "result.json", outcome.as_dict())
        with (folder / "losses.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["time" if outcome.continuous else "step", f"loss [{outcome.loss_unit}]"])
            at = outcome.progress if outcome.continuous else outcome.progress.astype(int)
            writer.writerows(zip(at.tolist(), outcome.losses.tolist(), strict=True))
        (folder / "experiment.toml").write_bytes(experiment.path.read_bytes())
        first = experiment.task.inputs[0].tolist()
        inputs = [replace(source, value=value) for source, value in zip(outcome.network.inputs, first, strict=True)]
        replace(outcome.network, inputs=tuple(inputs)).to_netlist(folder / "trained.cir")
    except OSError as error:
        raise ExperimentError(f"{folder}: {error.strerror}") from None
