"""A circuit that acts: what it meets hangs on its outputs, and it learns what its actions are worth."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn import (
    CoupledLearning,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    Network,
    NewtonCircuit,
    NgspiceCircuit,
    Task,
    Transistor,
)
from hwlearn.errors import HwlearnError, TaskError
from hwlearn.learning.environment import Environment, FiniteEnvironment
from hwlearn.learning.episodes import episodes, greedy

STATES = [[1.0, 0.0], [0.0, 1.0]]
REWARDS = [[0.15, 0.55], [0.65, 0.25]]
WORLD = FiniteEnvironment(STATES, REWARDS, [[0, 1], [0, 1]], noise=0.01)
NETWORK = Network.from_edges(
    [("a", "p"), ("b", "p"), ("a", "q"), ("b", "q"), ("p", "q")],
    [2.0, 1.0, 1.0, 1.5, 0.5],
    inputs=["a", "b"],
    outputs=["p", "q"],
)


class Watched(Environment):
    """Another one, whose actions and inputs are kept."""

    actions = 2

    def __init__(self, inside):
        self.inside, self.met = inside, []

    def start(self, random):
        self.met.append(self.inside.start(random))
        return self.met[-1]

    def act(self, action, random):
        reward, inputs = self.inside.act(action, random)
        self.met.append(inputs)
        return reward, inputs


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_mean_reward_is_that_of_a_long_walk(seed):
    random = np.random.default_rng(seed)
    states, actions = random.integers(1, 6, 2)
    following = random.integers(states, size=(states, actions))
    world = FiniteEnvironment(np.eye(states), random.normal(size=(states, actions)), following)
    policy = random.integers(actions, size=states)
    world.state, total = 0, []
    for _ in range(60 + 60):  # 60 is a multiple of each cycle's length up to 5
        total.append(world.act(policy[world.state], random)[0])
    assert world.mean_reward(policy) == pytest.approx(np.mean(total[60:]))


def by_hand(circuit, rule, steps, batch, rate, discount, random):
    """The same without memory: each outputs is measured where it is needed."""
    actions, rewards = [], []
    inputs = WORLD.start(random)
    for first in range(0, steps, batch):
        seen, wanted = [], []
        for step in range(first, min(first + batch, steps)):
            outputs = circuit.measure(Drive(inputs)).output_voltages[0]
            explored = random.random() < 0.5 * (1 - step / steps)
            action = int(random.integers(2)) if explored else int(np.argmax(outputs))
            reward, ahead = WORLD.act(action, random)
            future = circuit.measure(Drive(ahead)).output_voltages[0]
            target = outputs.copy()
            target[action] = reward + discount * (future.max() - future.sum() / 2)
            seen.append(inputs)
            wanted.append(target)
            actions.append(action)
            rewards.append(reward)
            inputs = ahead
        g = circuit.conductances + rate * rule.direction(circuit, Task(seen, wanted))
        circuit.program(np.clip(g, circuit.network.lower, circuit.network.upper))
    return circuit.conductances, actions, rewards


@pytest.mark.parametrize("kind", [ExactCircuit, NgspiceCircuit])
@pytest.mark.parametrize("rule", [CoupledLearning(0.1), EquilibriumPropagation(symmetric=True)])
def test_it_is_q_learning(kind, rule):
    with kind(NETWORK) as circuit:
        found = episodes(circuit, WORLD, rule, steps=23, learning_rate=0.05, batch_size=5, explore=(0.5, 0.0), seed=3)
    conductances, actions, rewards = by_hand(ExactCircuit(NETWORK), rule, 23, 5, 0.05, 0.5, np.random.default_rng(3))
    np.testing.assert_array_equal(found.actions, actions)
    np.testing.assert_allclose(found.rewards, rewards, atol=1e-15)
    np.testing.assert_allclose(found.conductances, conductances, rtol=1e-6)
    assert len(found.losses) == 5
    assert "23 actions" in repr(found)


def test_it_finds_the_best_policy():
    circuit, every = ExactCircuit(NETWORK), list(itertools.product(range(2), repeat=2))
    best = max(every, key=WORLD.mean_reward)
    assert tuple(greedy(circuit, np.array(STATES))) != best
    found = episodes(
        circuit,
        WORLD,
        EquilibriumPropagation(symmetric=True),
        steps=4000,
        learning_rate=1.0,
        restart=5,
        explore=(0.5, 0.0),
        seed=1,
    )
    assert tuple(greedy(circuit, np.array(STATES))) == best
    assert found.rewards[-1000:].mean() == pytest.approx(WORLD.mean_reward(best), abs=0.02)


def test_what_it_meets_is_what_it_chose_and_it_starts_anew():
    world = Watched(WORLD)
    found = episodes(
        ExactCircuit(NETWORK), world, CoupledLearning(), steps=12, learning_rate=0.1, batch_size=5, restart=4, explore=(1, 1)
    )
    assert len(world.met) == 12 + 3
    chosen = [STATES[action] for action in found.actions]
    for k in range(3):
        np.testing.assert_array_equal(world.met[5 * k + 1 : 5 * k + 5], chosen[4 * k : 4 * k + 4])


def test_gates_learn_and_no_step_is_larger_than_asked():
    names = [f"M{k}" for k in range(len(NETWORK.edges))]
    channels = Network.from_edges(
        [(edge.tail, edge.head) for edge in NETWORK.edges],
        np.full(len(names), 1e-3),
        names=names,
        inputs=["a", "b"],
        outputs=["p", "q"],
        devices=[Transistor(name, 1e-3, 0.7) for name in names],
        bounds=(0.5e-3, 2e-3),
    )
    circuit = NewtonCircuit(channels)
    options = {"parameter": "gate-voltage", "largest": 0.05, "batch_size": 10, "seed": 2}
    episodes(circuit, WORLD, CoupledLearning(0.1), steps=10, learning_rate=1e12, **options)
    np.testing.assert_allclose(np.abs(circuit.conductances - 1e-3).max(), 0.05e-3)
    episodes(circuit, WORLD, CoupledLearning(0.1), steps=1000, learning_rate=1e12, **options)
    assert circuit.conductances.min() == pytest.approx(0.5e-3)
    assert circuit.conductances.max() <= 2e-3 * (1 + 1e-12)
    logs = ExactCircuit(NETWORK)
    episodes(logs, WORLD, CoupledLearning(0.1), steps=5, learning_rate=1e6, parameter="log-conductance", largest=0.1)
    np.testing.assert_allclose(np.abs(np.log(logs.conductances / NETWORK.conductances)).max(), 0.1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"steps": -1}, "steps"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"discount": 1.0}, "without end"),
        ({"explore": (0.1, 1.5)}, "explore"),
        ({"largest": 0.0}, "largest"),
        ({"parameter": "gate-voltage"}, "gate-voltage"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, said):
    given = {"steps": 10, "learning_rate": 0.1} | arguments
    with pytest.raises(HwlearnError, match=said):
        episodes(ExactCircuit(NETWORK), WORLD, CoupledLearning(), **given)


def test_environments_that_do_not_fit_are_refused():
    with pytest.raises(HwlearnError, match="2 actions for 1 outputs"):
        episodes(ExactCircuit(NETWORK.with_ports(outputs=["p"])), WORLD, CoupledLearning(), steps=1, learning_rate=1.0)
    with pytest.raises(HwlearnError, match="FiniteEnvironment"):
        episodes(ExactCircuit(NETWORK), object(), CoupledLearning(), steps=1, learning_rate=1.0)
    for tables in (
        ([[1.0]], [[0.1], [0.2]], [[0], [0]]),
        ([[1.0]], [[0.1, 0.2]], [[0]]),
        ([[1.0]], [[0.1]], [[1]]),
        ([[np.nan]], [[0.1]], [[0]]),
        ([[1.0]], [[0.1]], [[0]], -1.0),
    ):
        with pytest.raises(TaskError, match="environment"):
            FiniteEnvironment(*tables)
