"""`prune_run`: which edges of a run's circuit can go; `write_pruned`: the circuit without them, and its experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hwlearn.analysis.design.pruned import Pruning, prune
from hwlearn.errors import ExperimentError, ModelError
from hwlearn.experiments.designs import SPARE, experiment_text
from hwlearn.experiments.files import write_text
from hwlearn.experiments.runs import Run
from hwlearn.experiments.settings import Settings


def prune_run(run: Run, edges: int = 1) -> Pruning:
    """Take edges away from what a run has trained, as long as the rest can learn the task again: see `prune`.

    The loss to be reached is the run's `stop_loss`, where it has one.

    Args:
        run: a training that has ended, or as far as it is.
        edges: not fewer.

    Raises:
        ExperimentError: the circuit cannot be pruned; names the run and says why.
    """
    experiment = run.experiment
    settings = experiment.settings
    stops = [table.stop_loss for table in (settings.train, settings.flow) if table is not None]
    network, trained = experiment.network, run.network.conductances
    inside = np.where(network.trainable, np.clip(trained, network.lower, network.upper), trained)
    with experiment.named():
        try:
            return prune(network.with_conductances(inside), experiment.task, experiment.rule, stops[0], edges)
        except ModelError as error:
            raise ExperimentError(f"{run.folder}: {error}") from None


def write_pruned(found: Pruning, settings: Settings, folder: Path) -> None:
    """design.cir, the trained circuit right after its edges went, and design.toml, an experiment that trains it again.

    It is one of the exact model. Backend, imperfections and memristors of the run's experiment stay behind.

    Args:
        found: whose last stage is written. settings: of the run's experiment.

    Raises:
        ExperimentError: a file cannot be written.
    """
    last, network = found.last, found.last.network
    write_text(folder / "design.cir", network.to_netlist())
    names = [name for name, free in zip(network.edge_names, network.trainable, strict=True) if free]
    bounds = {} if settings.circuit.bounds is None else {"bounds": settings.circuit.bounds}
    tables: dict[str, dict[str, Any]] = {
        "circuit": {"netlist": "design.cir", "trainable": names, **bounds},
        "ports": {"inputs": list(network.input_names), "outputs": list(network.output_names)},
        "task": {"inputs": found.task.inputs.tolist(), "targets": found.task.targets.tolist()},
        "rule": settings.rule.model_dump(mode="json", exclude_unset=True),
    }
    if settings.loss is not None:
        tables["loss"] = settings.loss.model_dump(mode="json", exclude_unset=True)
    steps = 5_000 if last.steps is None else SPARE * last.steps + 20
    tables["train"] = {"steps": steps, "stop_loss": found.loss}
    gone = f"Pruned: without {', '.join(last.gone)}." if last.gone else "Nothing was pruned."
    write_text(folder / "design.toml", experiment_text(gone, tables))
