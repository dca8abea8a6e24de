"""XOR in a circuit of resistors and diodes, by equilibrium propagation, on both backends."""

from pathlib import Path

import numpy as np
import pytest

from hwlearn import Drive, EquilibriumPropagation, NewtonCircuit, NgspiceCircuit, train
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.learning.train import task_loss

EXPERIMENT = Path(__file__).parents[2] / "netlists" / "xor.toml"


def is_solved(circuit, task):
    """Every output within half its target."""
    outputs = circuit.measure(Drive(task.inputs)).output_voltages
    return bool((np.abs(outputs - task.targets) < 0.5 * np.abs(task.targets)).all())


@pytest.mark.parametrize("kind", [NewtonCircuit, NgspiceCircuit])
@pytest.mark.parametrize("seed", [5, 8])
def test_it_is_learned_from_random_conductances(kind, seed):
    experiment = load_experiment(EXPERIMENT)
    edges = len(experiment.network.edges)
    network = experiment.network.with_conductances(10 ** np.random.default_rng(seed).uniform(-4, -3, edges))
    options = {"learning_rate": 0.03, "optimizer": "adam", "parameter": "log-conductance", "stop_loss": 1e-6}
    with kind(network) as circuit:
        assert not is_solved(circuit, experiment.task)
        trained = train(circuit, experiment.task, EquilibriumPropagation(1e-5, symmetric=True), steps=400, **options)
    other = NgspiceCircuit if kind is NewtonCircuit else NewtonCircuit
    with other(network.with_conductances(trained.conductances)) as circuit:
        assert is_solved(circuit, experiment.task)


@pytest.mark.parametrize("backend", ["exact", "ngspice"])
def test_the_experiment_learns(backend):
    outcome = run_experiment(load_experiment(EXPERIMENT, {"backend.name": backend}))
    assert outcome.loss_final <= 1e-6
    assert np.abs(outcome.outputs - outcome.targets).max() < 0.005


def test_both_backends_see_the_same_direction():
    experiment = load_experiment(EXPERIMENT)
    directions = []
    for kind in (NewtonCircuit, NgspiceCircuit):
        with kind(experiment.network) as circuit:
            directions.append(experiment.rule.direction(circuit, experiment.task))
    np.testing.assert_allclose(directions[1], directions[0], rtol=0, atol=1e-5 * np.abs(directions[0]).max())


def test_the_direction_is_that_of_finite_differences():
    experiment = load_experiment(EXPERIMENT)
    network, task = experiment.network, experiment.task
    differences = np.zeros(len(network.edges))
    with NewtonCircuit(network) as circuit:
        direction = EquilibriumPropagation(1e-6, symmetric=True).direction(circuit, task)
        for k, g in enumerate(network.conductances):
            losses = []
            for side in (1, -1):
                changed = network.conductances.copy()
                changed[k] += side * 1e-4 * g
                circuit.program(changed)
                losses.append(task_loss(circuit, task)[0])
            differences[k] = (losses[1] - losses[0]) / (2e-4 * g)
    np.testing.assert_allclose(direction, differences, rtol=0, atol=1e-6 * np.abs(differences).max())


def test_dead_units_learn_nothing():
    """A junction that is off in all samples carries no current, so that the edges on both sides see no contrast."""
    experiment = load_experiment(EXPERIMENT)
    names, start = experiment.network.edge_names, experiment.network.conductances
    dead = start.copy()
    for k, name in enumerate(names):  # hidden nodes near −1 V, outputs near 1 V
        if name[1] in "CB" or name in ("RPC", "RQC", "RPB", "RQB"):
            dead[k] = 1e-2 if name[1] == "C" or name in ("RPB", "RQB") else 1e-6
    largest = []
    hidden = [name[-2] in "HM" for name in names]
    with NewtonCircuit(experiment.network) as circuit:
        for conductances in (start, dead):
            circuit.program(conductances)
            largest.append(np.abs(conductances * experiment.rule.direction(circuit, experiment.task))[hidden].max())
    assert largest[1] < 1e-5 * largest[0]
