"""Losses stand apart from rules: any loss, by every rule that sees outputs, on every circuit."""

import numpy as np
import pytest

from hwlearn import (
    AdjointCoupledLearning,
    ClassMeans,
    CoupledLearning,
    CrossEntropy,
    Drive,
    DualCoupledLearning,
    EquilibriumPropagation,
    ExactCircuit,
    FullClamp,
    Hinge,
    Loss,
    Network,
    NewtonCircuit,
    NgspiceCircuit,
    OnlyWrong,
    SquaredError,
    Task,
    flow,
    train,
    train_many,
)
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.linearised import Linearised
from hwlearn.errors import HwlearnError
from hwlearn.learning.losses import LOSSES
from hwlearn.learning.many import GROUP
from hwlearn.network.builders import grid, kite
from hwlearn.testing.losses import LossContract, differences
from hwlearn.testing.measured import Measured

KITE = kite([1, 1.5, 1.3, 1, 1, 1.7])
TASK = Task([[1.0, 0.0], [0.2, 0.9]], [[0.6, 0.5, 0.4], [0.4, 0.5, 0.6]])


class LogCosh(Loss):
    """u² Σ log cosh(e/u): quadratic for errors below u [V], linear above."""

    name, unit = "log-cosh", "V²"

    def __init__(self, u=0.1):
        self.u = u

    def judge(self, outputs, targets):
        ratio = (outputs - targets) / self.u
        return self.u * np.tanh(ratio), float(self.u**2 * np.log(np.cosh(ratio)).sum() / len(ratio))


class Renamed(Loss):
    """The squared error under another name, in other units."""

    name, unit = "renamed", "mV²"

    def judge(self, outputs, targets):
        error = outputs - targets
        return 1e6 * error, float(5e5 * (error**2).sum() / len(error))


class TestSquaredError(LossContract):
    def make(self):
        return SquaredError()


class TestLogCosh(LossContract):
    def make(self):
        return LogCosh()


class TestRenamed(LossContract):
    def make(self):
        return Renamed()


class OfClasses(LossContract):
    """Targets are one-hot rows."""

    def targets(self, random, samples, outputs):
        return np.eye(outputs)[random.integers(outputs, size=samples)]


class TestClassMeans(OfClasses):
    def make(self):
        return ClassMeans()


class TestCrossEntropy(OfClasses):
    def make(self):
        return CrossEntropy(scale=0.2)

    def test_it_is_the_negative_logarithm_of_the_share(self):
        outputs, targets = self.case()
        powers = np.exp(outputs / 0.2)
        shares = (powers / powers.sum(axis=1, keepdims=True))[targets.astype(bool)]
        assert CrossEntropy(0.2).judge(outputs, targets)[1] == pytest.approx(-(0.2**2) * np.log(shares).mean(), rel=1e-12)

    def test_no_output_is_too_large(self):
        signal, loss = CrossEntropy(1e-3).judge(np.array([[2e3, 1.0, -2e3]]), np.array([[0.0, 1.0, 0.0]]))
        np.testing.assert_allclose(signal, [[1e-3, -1e-3, 0.0]], atol=1e-18)
        assert loss == pytest.approx(1e-3 * 1999.0)


class TestCrossEntropyOfShares(LossContract):
    """Targets that are no one-hot rows, and do not add up to one."""

    def targets(self, random, samples, outputs):
        return random.uniform(0, 1, (samples, outputs))

    def make(self):
        return CrossEntropy()


class TestHinge(OfClasses):
    def make(self):
        return Hinge(margin=0.3)

    def test_what_is_right_by_the_margin_is_left_alone(self):
        outputs, targets = np.array([[0.5, 0.1, 0.0], [0.5, 0.3, 0.0]]), np.array([[1.0, 0, 0], [1, 0, 0]])
        signal, loss = Hinge(0.3).judge(outputs, targets)
        np.testing.assert_allclose(signal, [[0, 0, 0], [-0.1, 0.1, 0]])
        assert loss == pytest.approx(0.5 * 0.1**2 / 2)


class TestOnlyWrong(OfClasses):
    def make(self):
        return OnlyWrong(np.eye(3))

    def test_right_samples_do_not_count(self):
        outputs, targets = np.array([[0.5, 0.1, 0.0], [0.1, 0.3, 0.0]]), np.array([[1.0, 0, 0], [1, 0, 0]])
        for loss in (OnlyWrong(np.eye(3)), OnlyWrong([[1, 0, 0], [0, 1, 0]])):
            signal, value = loss.judge(outputs, targets)
            np.testing.assert_allclose(signal, [[0, 0, 0], [-0.9, 0.3, 0]])
            assert value == pytest.approx(0.25 * (0.81 + 0.09))
        assert not OnlyWrong().judge(outputs, targets)[0].any()  # no other class is known


class Wrong(LogCosh):
    def judge(self, outputs, targets):
        signal, loss = super().judge(outputs, targets)
        return signal, 2 * loss

    def curvature(self, outputs, targets, change):
        return 2 * super().curvature(outputs, targets, change)


class TestWrongSignal:
    """The contract's own test: a signal that is half of the slope fails it."""

    def test_it_fails(self):
        contract = TestLogCosh()
        contract.make = Wrong
        for check in (
            contract.test_signal_is_the_slope_of_the_loss,
            contract.test_curvature_is_the_slope_of_the_signal,
            contract.test_equilibrium_propagation_descends_it,
        ):
            with pytest.raises(AssertionError):
                check()


LOSSES_HERE = [LogCosh(), CrossEntropy(0.1), Hinge(0.5), OnlyWrong(), ClassMeans()]
CLASSES = Task([[1.0, 0.0], [0.2, 0.9], [0.5, 0.4], [0.0, 1.0]], np.eye(3)[[2, 0, 1, 2]])


@pytest.mark.parametrize("loss", LOSSES_HERE, ids=repr)
@pytest.mark.parametrize("kind", [EquilibriumPropagation, CoupledLearning, FullClamp])
def test_directions_are_alike_on_all_circuits(kind, loss):
    both = [{}] if kind is FullClamp else [{"nudge": 0.2, "symmetric": symmetric} for symmetric in (True, False)]
    with NgspiceCircuit(KITE) as ngspice:
        for options in both:
            rule = kind(loss=loss, **options)
            quick = rule.read(ExactCircuit(KITE), CLASSES)
            for circuit in (Measured(ExactCircuit(KITE)), NewtonCircuit(KITE), ngspice):
                plain = rule.read(circuit, CLASSES)
                size = np.abs(quick.direction).max()
                np.testing.assert_allclose(plain.direction, quick.direction, rtol=0, atol=1e-8 * size)
                assert plain.loss == pytest.approx(quick.loss, rel=1e-9)
            assert np.abs(quick.direction - kind(**options).direction(ExactCircuit(KITE), CLASSES)).max() > 1e-3


@pytest.mark.parametrize("loss", LOSSES_HERE, ids=repr)
def test_equilibrium_propagation_descends_each_loss_with_diodes(loss, tmp_path):
    """On Newton and in ngspice, against differences of the loss in ngspice."""
    text = "* diodes\nVA A 0 1\nVB B 0 0.2\nR1 A T 1k\nR2 B T 2k\nR3 A W 1.5k\nR4 B W 1k\nR5 T M 1k\nR6 W M 2k\nR7 M 0 3k\n"
    text += "D1 T W d\nD2 M W d\nD3 T 0 d\n.model d D(IS=1e-9 N=1.5)\n.end\n"
    (tmp_path / "diodes.cir").write_text(text, encoding="utf-8")
    network = Network.from_netlist(tmp_path / "diodes.cir", inputs=["VA", "VB"], outputs=["T", "W", "M"])
    rule = EquilibriumPropagation(1e-6, symmetric=True, loss=loss)
    with NgspiceCircuit(network) as ngspice:

        def judged(relative):
            ngspice.program(network.conductances * relative)
            return loss.judge(ngspice.measure(Drive(CLASSES.inputs)).output_voltages, CLASSES.targets)[1]

        down = -differences(judged, np.ones(7)) / network.conductances
        ngspice.program(network.conductances)
        for circuit in (NewtonCircuit(network), ngspice):
            got = rule.direction(circuit, CLASSES)
            np.testing.assert_allclose(got, down, rtol=0, atol=1e-4 * np.abs(down).max())


def test_coupled_learning_takes_the_signal_for_the_error():
    """ġ = −Jᵀ R⁻¹ s of THEORY with s for e."""
    at, loss = jacobian(KITE, TASK), LogCosh()
    signal = loss.judge(at.outputs, TASK.targets)[0]
    expected = -at.matrix().T @ np.linalg.solve(at.resistance, signal.T).T.ravel() / len(TASK)
    got = CoupledLearning(0.1, symmetric=True, loss=loss).direction(ExactCircuit(KITE), TASK)
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_only_moments_of_the_squared_error_stand_for_its_samples():
    random = np.random.default_rng(1)
    task = Task(random.uniform(size=(200, 2)), random.uniform(size=(200, 2)))
    network = grid(3, 3, outputs=["n1_1", "n0_2"])
    circuit = ExactCircuit(network)
    for loss, samples in ((SquaredError(), 5), (LogCosh(), 200), (Renamed(), 200)):
        rule = EquilibriumPropagation(symmetric=True, loss=loss)
        assert len(rule.sufficient(circuit, task)) == samples
        trained = train(circuit, task, rule, steps=0, learning_rate=1.0).losses[0]
        flown = flow(circuit, task, rule, 1e-12).losses[0]
        plain = rule.read(Measured(circuit), task).loss
        assert (trained, flown) == (pytest.approx(plain, rel=1e-9), pytest.approx(plain, rel=1e-9))


def test_many_trainings_are_the_single_ones():
    random = np.random.default_rng(2)
    starts = random.uniform(0.5, 2, (3, 6))
    for loss in (LogCosh(), ClassMeans()):
        rule = EquilibriumPropagation(0.1, symmetric=True, loss=loss)
        many = train_many(KITE, TASK, rule, conductances=starts, steps=20, learning_rate=0.3)
        for start, end, losses in zip(starts, many.conductances, many.losses, strict=True):
            alone = train(ExactCircuit(KITE.with_conductances(start)), TASK, rule, steps=20, learning_rate=0.3)
            np.testing.assert_allclose(end, alone.conductances, rtol=1e-9)
            np.testing.assert_allclose(losses, alone.losses, rtol=1e-9)
    assert len(starts) < GROUP


def test_a_loss_of_another_unit_is_descended_and_says_its_units():
    rule = EquilibriumPropagation(1e-7, symmetric=True, loss=Renamed())
    assert (rule.loss_unit, rule.nudge_unit) == ("mV²", "A V/(mV²)")
    with ExactCircuit(KITE) as circuit:
        end = train(circuit, TASK, rule, steps=300, learning_rate=5e-7)
    assert end.losses[-1] < 0.1 * end.losses[0]
    assert repr(rule) == "EquilibriumPropagation(nudge=1e-07, symmetric=True, loss=Renamed())"
    assert repr(FullClamp()) == "FullClamp()"
    assert repr(FullClamp(loss=LogCosh())) == "FullClamp(loss=LogCosh())"


@pytest.mark.parametrize("kind", [AdjointCoupledLearning, DualCoupledLearning])
def test_rules_that_observe_currents_know_one_loss(kind):
    assert kind(loss=SquaredError()).loss_unit == "A²"
    with pytest.raises(HwlearnError, match=rf"{kind.name} .*½ ‖I‖².* no log-cosh; take .*ep, cl, clamp"):
        kind(loss=LogCosh())


def test_nonsense_is_refused():
    with pytest.raises(HwlearnError, match="give an object such as SquaredError"):
        EquilibriumPropagation(loss="squared-error")
    with pytest.raises(HwlearnError, match="no floor is predicted for the loss log-cosh"):
        Linearised.of(jacobian(KITE, TASK), EquilibriumPropagation(loss=LogCosh()))
    with pytest.raises(TypeError, match="Mine replaces judge of SquaredError"):
        type("Mine", (SquaredError,), {"judge": LogCosh.judge})


def test_the_registry_knows_losses_by_name_and_those_of_files(tmp_path):
    assert all(LOSSES.get(name)().name == name for name in LOSSES)
    assert "squared-error" in LOSSES
    (tmp_path / "mine.py").write_text(
        "from hwlearn import Loss\n\nclass Half(Loss):\n    name, unit = 'half', 'V²'\n"
        "    def judge(self, outputs, targets):\n        error = outputs - targets\n"
        "        return 0.5 * error, float(0.25 * (error**2).sum() / len(error))\n",
        encoding="utf-8",
    )
    loss = LOSSES.get("mine:Half", trust=True, beside=tmp_path)()
    half, whole = (EquilibriumPropagation(0.1, True, one).direction(ExactCircuit(KITE), TASK) for one in (loss, None))
    np.testing.assert_allclose(half, 0.5 * whole, rtol=1e-9)
