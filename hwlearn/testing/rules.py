"""The suite that every `Rule` passes, shipped for those who write their own::

    class TestMyRule(RuleContract):
        def make(self):
            return MyRule()

Needs pytest.
"""

from __future__ import annotations

import numpy as np
import pytest

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.learning.rule import Rule
from hwlearn.learning.task import Task
from hwlearn.learning.train import task_loss, train
from hwlearn.network import Network
from hwlearn.network.builders import kite
from hwlearn.testing.measured import Measured
from hwlearn.testing.nodal import contract_networks


class RuleContract:
    """Subclass it and write `make`: pytest then runs what every rule must do, by answers and by phases.

    Attributes:
        accuracy: of a direction, relative to the largest of its edges.
    """

    accuracy = 1e-6

    def make(self) -> Rule:
        """The rule under test."""
        raise NotImplementedError("write make() in your subclass")

    @pytest.fixture(params=list(contract_networks()))
    def network(self, request: pytest.FixtureRequest) -> Network:
        """Each of the contract's networks."""
        return contract_networks()[request.param]

    def task(self, network: Network, away: float = 0.2, samples: int = 3) -> Task:
        """Inputs at random, and targets that are `away` [V] or less from the outputs."""
        random = np.random.default_rng(21)
        scale = np.array([1.0 if source.kind == "voltage" else network.conductances.mean() for source in network.inputs])
        inputs = random.uniform(-1, 1, (samples, len(network.inputs))) * scale
        outputs = ExactCircuit(network).measure(Drive(inputs)).output_voltages
        return Task(inputs, outputs + away * random.uniform(-1, 1, outputs.shape))

    def near(self, one: Array, two: Array) -> None:
        """Assert agreement to `accuracy` of the larger of both."""
        size = max(np.abs(one).max(), np.abs(two).max())
        np.testing.assert_allclose(one, two, rtol=0, atol=self.accuracy * size)

    def test_says_what_it_is(self) -> None:
        rule = self.make()
        assert all(isinstance(word, str) and word for word in (rule.name, rule.nudge_unit, rule.loss_unit))
        assert rule.sign in (-1, 1)

    def test_answers_tell_what_phases_would(self, network: Network) -> None:
        rule, task, circuit = self.make(), self.task(network), ExactCircuit(network)
        quick, plain = rule.read(circuit, task), rule.read(Measured(circuit), task)
        assert quick.direction.shape == (len(network.edges),)
        assert np.abs(quick.direction).max() > 0
        self.near(quick.direction, plain.direction)
        assert quick.loss == pytest.approx(plain.loss, rel=self.accuracy)

    def test_loss_is_seen_in_the_free_phase(self, network: Network) -> None:
        rule, task, circuit = self.make(), self.task(network), Measured(ExactCircuit(network))
        free = circuit.measure(Drive(task.inputs, rule.free(task.targets)))
        assert rule.read(circuit, task).loss == pytest.approx(rule.seen_loss(free, task.targets), rel=1e-12)

    @pytest.mark.parametrize("kind", [ExactCircuit, lambda network: Measured(ExactCircuit(network))])
    def test_fixed_edges_get_no_update(self, kind: type[Circuit]) -> None:
        network = kite([1, 1.5, 1.3, 1, 1, 1.7], trainable=["R1", "R3", "R4"])
        direction = self.make().read(kind(network), self.task(network)).direction
        assert direction[network.trainable].all()
        assert not direction[~network.trainable].any()

    def test_samples_count_by_their_share(self, network: Network) -> None:
        rule, task, circuit = self.make(), self.task(network), ExactCircuit(network)
        twice = Task(np.tile(task.inputs, (2, 1)), np.tile(task.targets, (2, 1)))
        self.near(rule.read(circuit, twice).direction, rule.read(circuit, task).direction)
        short = rule.sufficient(circuit, twice)
        self.near(rule.read(circuit, short).direction, rule.read(circuit, task).direction)

    def test_does_not_program(self, network: Network) -> None:
        circuit = Measured(ExactCircuit(network))
        before = circuit.conductances.copy()
        self.make().read(circuit, self.task(network))
        np.testing.assert_array_equal(circuit.conductances, before)

    def test_gives_its_direction_away(self, network: Network) -> None:
        circuit, task, rule = ExactCircuit(network), self.task(network), self.make()
        first = rule.read(circuit, task).direction
        before = first.copy()
        if first.flags.writeable:
            first *= 2.0  # as a step may
        self.near(rule.read(circuit, task).direction, before)

    def test_learning_rate_auto_finds_a_rate(self) -> None:
        """A tenth of the error within 300 plain steps."""
        task, circuit = Task([[1.0, 0.0]], [[0.62, 0.5, 0.42]]), ExactCircuit(kite([1, 1.5, 1.3, 1, 1, 1.7]))
        first = task_loss(circuit, task)[0]
        train(circuit, task, self.make(), steps=300, learning_rate="auto")
        assert task_loss(circuit, task)[0] < 1e-2 * first

    def test_small_steps_reduce_the_error(self) -> None:
        """A thousand steps of a thousandth of the conductances, shorter once the error is small."""
        network = kite([1, 1.5, 1.3, 1, 1, 1.7])
        rule, task, circuit = self.make(), Task([[1.0, 0.0]], [[0.62, 0.5, 0.42]]), ExactCircuit(network)
        first = task_loss(circuit, task)[0]
        for _ in range(1000):
            loss, direction = task_loss(circuit, task)[0], rule.read(circuit, task).direction
            if loss < 0.1 * first:
                return
            circuit.program(circuit.conductances + 2e-3 * np.sqrt(loss / first) * direction / np.abs(direction).max())
        assert loss < 0.1 * first
