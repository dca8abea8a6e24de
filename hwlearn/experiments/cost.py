"""What a run of an experiment costs: as a model from g(t), and predicted before it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from hwlearn.circuits.base import Circuit
from hwlearn.circuits.ledger import Ledger, Timing, sourced
from hwlearn.errors import HwlearnError
from hwlearn.experiments.experiment import Experiment
from hwlearn.learning.cost import step_cost
from hwlearn.learning.task import Task
from hwlearn.learning.trajectory import Trajectory
from hwlearn.network import Network

POINTS, SAMPLES = 20, 100
"""Points of a trajectory and samples of a task whose power is looked at, at most."""


def cost_of(experiment: Experiment, along: Trajectory) -> Ledger | None:
    """`modelled_ledger`, or None where nothing tells it."""
    if not len(along.at):
        return None
    try:
        with experiment.named():
            found = modelled_ledger(experiment, along)
    except (HwlearnError, ArithmeticError, ValueError):  # whatever a circuit does: the run itself has ended well
        return None
    return found if math.isfinite(found.energy) else None


def modelled_ledger(experiment: Experiment, along: Trajectory) -> Ledger:
    """What the steps of a trajectory would cost on a bench: power at some of its points, linear between them.

    Imperfections aside: the power is that of the conductances which the circuit believes. A flow counts its points as steps.

    Raises:
        HwlearnError: the circuit does not answer.
    """
    steps = along.at if experiment.settings.flow is None else np.arange(len(along.at), dtype=np.float64)
    chosen = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), POINTS)).round().astype(int))
    network = experiment.network
    with _circuit(experiment, network) as circuit:
        costs = []
        for conductances in along.conductances[chosen]:
            circuit.program(conductances)
            costs.append(_step(experiment, network, circuit))
    done = float(steps[-1])
    joules = np.interp(np.arange(done), steps[chosen], [cost.energy for cost in costs])
    return replace(costs[0].times(done), energy=float(joules.sum()))


def predicted_ledger(experiment: Experiment, network: Network) -> Ledger | None:
    """What the steps of the experiment will cost, by the power of the network before training; None of a flow."""
    table = experiment.settings.train
    if table is None:
        return None
    with _circuit(experiment, network) as circuit:
        return _step(experiment, network, circuit).times(table.updates(len(experiment.task)))


def _step(experiment: Experiment, network: Network, circuit: Circuit) -> Ledger:
    task, table = experiment.task, experiment.settings.train
    samples = len(task) if table is None or table.batch_size is None else table.batch_size
    every = max(1, len(task) // SAMPLES)
    some = task if every == 1 else Task(task.inputs[::every], task.targets[::every])
    return step_cost(circuit, network, some, experiment.rule, _timing(experiment), samples)


def _circuit(experiment: Experiment, network: Network) -> Circuit:
    """A model of the network whose sources are all measured."""
    backend = experiment.backend()
    model = experiment.backend("exact") if backend.hardware else backend
    return model.circuit(sourced(network), experiment.path.parent)


def _timing(experiment: Experiment) -> Timing:
    """Of the bench that the file names, if any."""
    return experiment.backend().timing(experiment.network, experiment.path.parent)
