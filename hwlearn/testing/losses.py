"""The suite that every `Loss` passes, shipped for those who write their own::

    class TestMyLoss(LossContract):
        def make(self):
            return MyLoss()

Needs pytest.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Drive
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.learning.loss import Loss
from hwlearn.learning.rules.equilibrium_propagation import EquilibriumPropagation
from hwlearn.learning.task import Task
from hwlearn.network.builders import kite
from hwlearn.testing.measured import Measured
from hwlearn.testing.nodal import modified_nodal


class LossContract:
    """Subclass it and write `make`: pytest then checks the error signal against differences of the loss.

    Attributes:
        accuracy: of the signal, relative to its largest value.
    """

    accuracy = 1e-6

    def make(self) -> Loss:
        """The loss under test."""
        raise NotImplementedError("write make() in your subclass")

    def targets(self, random: np.random.Generator, samples: int, outputs: int) -> Array:
        """(S, n_out) targets that suit the loss [V]; one-hot rows, say."""
        return random.uniform(-1, 1, (samples, outputs))

    def case(self, samples: int = 4, outputs: int = 3) -> tuple[Array, Array]:
        """(outputs, targets), (S, n_out) V each, at random."""
        random = np.random.default_rng(3)
        return random.uniform(-1, 1, (samples, outputs)), self.targets(random, samples, outputs)

    def near(self, one: Array, two: Array) -> None:
        """Assert agreement to `accuracy` of the larger of both."""
        assert one.shape == two.shape
        size = max(np.abs(one).max(), np.abs(two).max())
        assert size > 0
        np.testing.assert_allclose(one, two, rtol=0, atol=self.accuracy * size)

    def test_signal_is_the_slope_of_the_loss(self) -> None:
        loss, (outputs, targets) = self.make(), self.case()
        signal, value = loss.judge(outputs, targets)
        assert isinstance(value, float)
        slopes = differences(lambda flat: loss.judge(flat.reshape(outputs.shape), targets)[1], outputs.ravel())
        self.near(signal, len(outputs) * slopes.reshape(outputs.shape))

    def test_curvature_is_the_slope_of_the_signal(self) -> None:
        loss, (outputs, targets) = self.make(), self.case()
        change = np.random.default_rng(4).uniform(-1, 1, outputs.shape)

        def along(weights: Array) -> float:
            return float(
                differences(lambda step: (loss.judge(outputs + step[0] * change, targets)[0] * weights).sum(), np.zeros(1))[0]
            )

        slopes = np.array([along(one.reshape(outputs.shape)) for one in np.eye(outputs.size)])
        got = loss.curvature(outputs, targets, change)
        assert got.shape == outputs.shape
        np.testing.assert_allclose(
            got.ravel(), slopes, rtol=0, atol=max(self.accuracy, 1e-5) * max(np.abs(slopes).max(), 1e-9)
        )

    def test_samples_count_by_their_share(self) -> None:
        loss, (outputs, targets) = self.make(), self.case()
        signal, value = loss.judge(outputs, targets)
        twice, same = loss.judge(np.tile(outputs, (2, 1)), np.tile(targets, (2, 1)))
        assert np.isclose(value, same, rtol=1e-12)
        self.near(twice, np.tile(signal, (2, 1)))

    def test_writes_to_nothing(self) -> None:
        outputs, targets = self.case()
        outputs.setflags(write=False)
        targets.setflags(write=False)
        self.make().judge(outputs, targets)

    def test_equilibrium_propagation_descends_it(self) -> None:
        """By answers and by phases, against differences of the loss of a dense solve."""
        loss, network = self.make(), kite([1, 1.5, 1.3, 1, 1, 1.7])
        random = np.random.default_rng(5)
        task = Task(random.uniform(0, 1, (5, 2)), self.targets(random, 5, 3))

        def judged(conductances: Array) -> float:
            outputs = modified_nodal(network, conductances, Drive(task.inputs)).output_voltages
            return loss.judge(outputs, task.targets)[1]

        rule = EquilibriumPropagation(0.1, symmetric=True, loss=loss)
        down = -differences(judged, network.conductances)
        for circuit in (ExactCircuit(network), Measured(ExactCircuit(network))):
            self.near(rule.direction(circuit, task), down)


def differences(value: Callable[[Array], float], at: Array) -> Array:
    """(n,) slopes of a function of n numbers: central differences, the error of their step extrapolated away."""

    def slopes(step: float) -> Array:
        steps = step * np.eye(len(at))
        return np.array([(value(at + one) - value(at - one)) / (2 * step) for one in steps])

    return (4 * slopes(1e-4) - slopes(2e-4)) / 3
