"""Forecast ends of training against a flow that shares no code with them: a dense Laplacian and scipy's integrator."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from effort import tries
from scipy.integrate import solve_ivp
from typer.testing import CliRunner

from hwlearn import AdjointCoupledLearning, CoupledLearning, EquilibriumPropagation, Network, Task
from hwlearn.analysis.forecast import forecast, in_order
from hwlearn.arrays import Array
from hwlearn.claims.rows import random_problem
from hwlearn.cli import app

NETLISTS = Path(__file__).parents[2] / "netlists"
RULES = {"ep": EquilibriumPropagation, "cl": CoupledLearning, "al": AdjointCoupledLearning}
CIRCUITS = tries(8)
"""Circuits per rule."""

SPREAD = 3e3
"""Largest λ_max/λ_min followed to the end by the slow truth."""


class Dense:
    """ġ of EP, CL and AL by the formulas of docs/theory.md, with numpy.linalg alone."""

    def __init__(self, network: Network, task: Task) -> None:
        self.names = sorted({name for edge in network.edges for name in edge[:2]})
        self.edges = [(self.names.index(a), self.names.index(b)) for a, b, _ in network.edges]
        self.driven = [self.names.index(source.plus) for source in network.inputs]
        self.out = [self.names.index(port.plus) for port in network.outputs]
        self.free = [k for k in range(len(self.names)) if k not in self.driven]
        self.volts, self.targets, self.trainable = task.inputs[0], task.targets[0], network.trainable

    def state(self, g: Array) -> tuple[Array, Array, Array]:
        """Drops (E,), drops per unit current into each output (E, n_out), R, all from one inverse."""
        laplacian = np.zeros((len(self.names),) * 2)
        for value, (i, j) in zip(g, self.edges, strict=True):
            laplacian[[i, j], [i, j]] += value
            laplacian[[i, j], [j, i]] -= value
        inverse = np.linalg.inv(laplacian[np.ix_(self.free, self.free)])
        v = np.zeros(len(self.names))
        v[self.driven] = self.volts
        v[self.free] = -inverse @ laplacian[np.ix_(self.free, self.driven)] @ self.volts
        unit = np.zeros((len(self.names), len(self.out)))
        unit[self.free] = inverse[:, [self.free.index(k) for k in self.out]]
        head, tail = np.array(self.edges).T
        self.outputs = v[self.out]
        return v[head] - v[tail], unit[head] - unit[tail], unit[self.out]

    def direction(self, rule: str, g: Array) -> Array:
        drops, unit, resistance = self.state(g)
        error = self.outputs - self.targets
        current = np.linalg.solve(resistance, error)
        if rule == "al":
            return self.trainable * (drops - unit @ current) * (unit @ np.linalg.solve(resistance, current))
        return self.trainable * drops * (unit @ (error if rule == "ep" else current))

    def rates(self, rule: str, g: Array) -> Array:
        drops, unit, resistance = self.state(g)
        jacobian = -(unit * (self.trainable * drops)[:, None]).T
        power = {"ep": 0, "cl": 1, "al": 2}[rule]
        return np.linalg.eigvals(jacobian @ jacobian.T @ np.linalg.matrix_power(np.linalg.inv(resistance), power)).real


def _case(seed: int) -> tuple[Network, Task]:
    random = np.random.default_rng(seed)
    network, _ = random_problem(random)
    network = replace(network, trainable=random.uniform(size=len(network.edges)) > (0.2 if seed % 2 else -1))
    other = np.where(
        network.trainable, network.conductances * 10 ** random.uniform(-0.15, 0.15, len(network.edges)), network.conductances
    )
    dense = Dense(network, Task([[1.0, 0.0]], [[0.0, 0.0]]))
    dense.state(other)
    return network, Task([[1.0, 0.0]], [dense.outputs])


@pytest.mark.parametrize("rule", RULES)
def test_ends_agree_with_a_flow_that_was_followed(rule: str) -> None:
    followed = 0
    for seed in range(3 * CIRCUITS):
        network, task = _case(seed)
        end = forecast(network, task, RULES[rule](symmetric=True))
        dense = Dense(network, task)
        rates = np.sort(dense.rates(rule, end.conductances))
        if rates[0] <= rates[-1] / SPREAD:
            continue
        truth = solve_ivp(
            lambda t, g, dense=dense: dense.direction(rule, g),
            (0, 40 / rates[0]),
            network.conductances,
            method="LSODA",
            rtol=1e-10,
            atol=1e-12,
        )
        assert (end.reached, end.settled) == (True, True)
        assert end.conductances == pytest.approx(truth.y[:, -1], abs=1e-6)
        followed += 1
        if followed == CIRCUITS:
            return
    pytest.fail(f"only {followed} circuits were followed")


def test_bounds_hold_the_end_and_are_told() -> None:
    network, task = _case(0)
    narrow = replace(network, lower=0.97 * network.conductances, upper=1.03 * network.conductances)
    end = forecast(narrow, task, EquilibriumPropagation(symmetric=True))
    assert not end.reached
    assert end.at_bounds
    bound = np.array([name in end.at_bounds for name in narrow.edge_names])
    direction = -Dense(narrow, task).direction("ep", end.conductances)
    outwards = np.where(end.conductances > network.conductances, -direction, direction)
    assert (outwards[bound] > 0).all()
    assert direction[~bound] == pytest.approx(0.0, abs=1e-7)


def test_masses_and_what_a_fixed_edge_changes() -> None:
    network, task = _case(0)
    start, end = forecast(network, task, EquilibriumPropagation(symmetric=True)).masses
    assert end == pytest.approx(start, rel=1e-7)
    fixed = replace(network, trainable=np.arange(len(network.edges)) > 0)
    start, end = forecast(fixed, task, EquilibriumPropagation(symmetric=True)).masses
    assert abs(end / start - 1) > 1e-6


def test_a_start_that_has_arrived_stays() -> None:
    network, task = _case(0)
    end = forecast(network, task, EquilibriumPropagation(symmetric=True))
    again = forecast(network, task, EquilibriumPropagation(symmetric=True), end.conductances)
    assert again.conductances == pytest.approx(end.conductances, rel=1e-12)
    assert (again.time, again.reached) == (0.0, True)


def test_tasks_in_order_forget_what_conflicts_and_keep_what_agrees() -> None:
    network, task = _case(0)
    other = Task(task.inputs, task.targets[:, ::-1])
    stages, errors = in_order(network, [task, other], EquilibriumPropagation(symmetric=True))
    reached = Dense(network, task)
    reached.state(stages[1].conductances)
    assert errors[0, 0] == pytest.approx(0.0, abs=1e-9)
    assert errors[1, 0] == pytest.approx(float(np.sqrt(np.mean((reached.outputs - task.targets) ** 2))), rel=1e-9)
    _, doubled = in_order(network, [task, Task(2 * task.inputs, 2 * task.targets)], EquilibriumPropagation(symmetric=True))
    assert doubled[1, 0] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("rule", RULES)
def test_what_an_order_forgets_is_what_training_in_that_order_forgets(rule: str) -> None:
    network, task = _case(1)
    between = Task(task.inputs, [[0.7, 1.3] * task.targets[0]])
    order = [task, between, Task(task.inputs, [task.targets[0].mean() * np.ones(2)])]
    stages, errors = in_order(network, order, RULES[rule](symmetric=True))
    here, least = network.conductances, 1.0
    for stage, learned in enumerate(order):
        dense = Dense(network, learned)
        rates = np.sort(dense.rates(rule, stages[stage].conductances))
        least = min(least, float(rates[0] / rates[-1]))
        truth = solve_ivp(
            lambda t, g, dense=dense: dense.direction(rule, g),
            (0, 40 / rates[0]),
            here,
            method="LSODA",
            rtol=1e-10,
            atol=1e-12,
        )
        here = truth.y[:, -1]
        dense.state(here)
        for k, other in enumerate(order):
            missed = float(np.sqrt(np.mean((dense.outputs - other.targets[0]) ** 2)))
            assert errors[stage, k] == pytest.approx(missed, abs=1e-6)
    assert least > 1 / SPREAD  # the truth was followed to its end
    assert errors[2, 0] > 1e-2


def test_analyze_tells_where_training_will_end(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["analyze", str(NETLISTS / "kite.toml"), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)["forecast"]
    assert told["reached"]
    assert told["mass"][1] == pytest.approx(told["mass"][0], rel=1e-6)
    result = CliRunner().invoke(app, ["analyze", str(NETLISTS / "kite.toml"), "--in-order", "--json"])
    assert json.loads(result.stdout)["in_order"]["rms"]
