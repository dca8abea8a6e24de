"""The table of rules is one formula; phases of one's own are obeyed on every circuit."""

import numpy as np
import pytest

from hwlearn import (
    AdjointCoupledLearning,
    Circuit,
    CoupledLearning,
    Drive,
    DualCoupledLearning,
    EquilibriumPropagation,
    ExactCircuit,
    FullClamp,
    Hold,
    Inject,
    Network,
    NgspiceCircuit,
    Open,
    Rule,
    Task,
    train,
    train_many,
)
from hwlearn.errors import HwlearnError
from hwlearn.learning.rates.own_rate import OwnRate
from hwlearn.learning.remedies import Overclamped, Thresholded
from hwlearn.learning.rules import RULES
from hwlearn.learning.table import TableRule
from hwlearn.network.builders import kite
from hwlearn.testing.measured import Measured
from hwlearn.testing.nodal import modified_nodal
from hwlearn.testing.rules import RuleContract

KITE = kite([1, 1.5, 1.3, 1, 1, 1.7])
TASK = Task([[1.0, 0.0], [0.2, 0.9]], [[0.6, 0.5, 0.4], [0.4, 0.5, 0.6]])


def of_theory(name: str, free, targets, nudge):
    """What the nudged phase imposes, rule by rule as THEORY says it; `free` is a dense solve."""
    error, currents = free.output_voltages - targets, free.output_currents
    return {
        "ep": lambda: Inject(-nudge * error),
        "cl": lambda: Hold(free.output_voltages - nudge * error),
        "al": lambda: Hold(targets - nudge * currents),
        "clamp": lambda: Hold(targets),
        "dual-cl": lambda: Inject((1 - nudge) * currents),
    }[name]()


@pytest.mark.parametrize("kind", [ExactCircuit, NgspiceCircuit])
@pytest.mark.parametrize("name", ["ep", "cl", "al", "clamp", "dual-cl"])
def test_nudged_phases_are_those_of_theory(name: str, kind: type[Circuit]) -> None:
    rule = RULES.get(name)() if name == "clamp" else RULES.get(name)(0.3)
    nudge, held = rule.amplitude(KITE), name in ("al", "dual-cl")
    outputs = Hold(TASK.targets) if held else Open()
    assert type(rule.free(TASK.targets)) is type(outputs)
    expected = of_theory(name, modified_nodal(KITE, KITE.conductances, Drive(TASK.inputs, outputs)), TASK.targets, nudge)
    with kind(KITE) as circuit:
        free = circuit.measure(Drive(TASK.inputs, rule.free(TASK.targets)))
        got = rule.nudged(free, TASK.targets, nudge)
    assert type(got) is type(expected)
    np.testing.assert_allclose(got.imposed, expected.imposed, rtol=0, atol=1e-10)


def test_the_registry_knows_the_rules_by_their_names() -> None:
    kinds = (EquilibriumPropagation, CoupledLearning, AdjointCoupledLearning, FullClamp, DualCoupledLearning)
    assert {name: RULES.get(name) for name in RULES} == {kind.name: kind for kind in kinds}


class Loud:
    """Twice the nudge, and the scale is not told."""

    def nudged(self, free, targets, nudge):
        return super().nudged(free, targets, 2 * nudge)


class Deaf:
    """Errors below 120 mV (400 mA) are none."""

    def observed(self, free, targets):
        seen = super().observed(free, targets)
        return np.where(np.abs(seen) > (0.12 if self.observes == "voltage" else 0.4), seen, 0.0)


class Shifted:
    """Wants 20 mV more of each output."""

    def free(self, targets):
        return super().free(targets + 0.02)

    def seen_loss(self, free, targets):
        return 7.0


class Satisfied:
    def settled(self, free, targets):
        return True


class OfOneSample:
    """Learns the first sample only."""

    def read(self, circuit, task):
        return super().read(circuit, task.batch(np.array([0])))


@pytest.mark.parametrize("row", [name for name in RULES if issubclass(RULES.get(name), TableRule)])
@pytest.mark.parametrize("mixin", [Loud, Deaf, Shifted, Satisfied, OfOneSample])
def test_phases_of_a_mixin_are_obeyed_on_every_circuit(mixin: type, row: str) -> None:
    kind = RULES.get(row)
    rule = type("Own", (mixin, kind), {})()
    exact = rule.read(ExactCircuit(KITE), TASK)
    many = TASK.batch(np.tile([0, 1], 10))
    assert rule.sufficient(ExactCircuit(KITE), many) is many
    with NgspiceCircuit(KITE) as ngspice:
        for circuit in (ngspice, Measured(ExactCircuit(KITE))):
            got = rule.read(circuit, TASK)
            near = 1e-9 * np.abs(kind().direction(ExactCircuit(KITE), TASK)).max() + 1e-11 / abs(rule.amplitude(KITE))
            np.testing.assert_allclose(got.direction, exact.direction, rtol=0, atol=near)
            assert got.loss == pytest.approx(exact.loss, rel=1e-9)
    plain = kind().read(ExactCircuit(KITE), TASK)
    assert exact.loss != plain.loss or np.abs(exact.direction - plain.direction).max() > 0.01 * np.abs(plain.direction).max()
    with pytest.raises(HwlearnError, match="Own has phases or a loss of its own"):
        train_many(KITE, TASK, rule, learning_rate=0.1)


def test_the_case_that_was_found() -> None:
    """EP with a mixin's nudge: 0.0279 in ngspice, and the 0.0140 of plain EP on the exact model."""
    loud = type("LoudPropagation", (Loud, EquilibriumPropagation), {})(1e-3)
    plain = EquilibriumPropagation(1e-3).direction(ExactCircuit(KITE), TASK)
    with NgspiceCircuit(KITE) as ngspice:
        for circuit in (ExactCircuit(KITE), ngspice):
            np.testing.assert_allclose(loud.direction(circuit, TASK), 2 * plain, rtol=0.01, atol=1e-4)


def test_a_phase_that_is_replaced_later_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    rule, circuit = EquilibriumPropagation(1e-3), ExactCircuit(KITE)
    plain, nudged = rule.direction(circuit, TASK), TableRule.nudged
    for cls in (EquilibriumPropagation, TableRule):
        with monkeypatch.context() as patched:
            patched.setattr(cls, "nudged", lambda self, free, targets, nudge: nudged(self, free, targets, 2 * nudge))
            np.testing.assert_allclose(rule.direction(circuit, TASK), 2 * plain, rtol=0.01, atol=1e-4)


class Pattern(Rule):
    """A rule with phases of its own: it injects one pattern p of currents, by how far the outputs are off along p."""

    name, nudge_unit, loss_unit, sign = "pattern", "S", "V²", -1

    def free(self, targets):
        return Open()

    def observed(self, free, targets):
        return free.output_voltages - targets

    def nudged(self, free, targets, nudge):
        pattern = np.array([[1.0, -1.0, 0.5][: targets.shape[1]]])
        weight = self.observed(free, targets) @ pattern.T
        return Inject(-nudge * weight * pattern)


class TestPattern(RuleContract):
    def make(self) -> Rule:
        return Pattern(0.01, symmetric=True)

    def test_small_steps_reduce_the_error(self) -> None:
        """Along one pattern only: the error along it falls."""
        self.falls(lambda circuit, rule: 1e-3 / np.abs(rule.direction(circuit, TASK)).max())

    def test_learning_rate_auto_finds_a_rate(self) -> None:
        def own(circuit, rule):
            rate = OwnRate(1.0, circuit, TASK, rule)
            rate.look(0, rule.read(circuit, TASK), circuit.conductances, None)
            return rate.rate

        self.falls(own)

    def falls(self, rate) -> None:
        circuit, rule = ExactCircuit(KITE), self.make()
        circuit.program(circuit.conductances + rate(circuit, rule) * rule.direction(circuit, TASK))
        pattern = np.array([1.0, -1.0, 0.5])
        old, new = (
            ((modified_nodal(KITE, g, Drive(TASK.inputs)).output_voltages - TASK.targets) @ pattern) ** 2
            for g in (KITE.conductances, circuit.conductances)
        )
        assert new.sum() < old.sum()


class TestEquilibriumPropagation(RuleContract):
    def make(self) -> Rule:
        return EquilibriumPropagation(0.1, symmetric=True)


class TestCoupledLearning(RuleContract):
    def make(self) -> Rule:
        return CoupledLearning(0.1)


class TestAdjointCoupledLearning(RuleContract):
    def make(self) -> Rule:
        return AdjointCoupledLearning(0.1, symmetric=True)


class TestFullClamp(RuleContract):
    def make(self) -> Rule:
        return FullClamp()


class TestDualCoupledLearning(RuleContract):
    def make(self) -> Rule:
        return DualCoupledLearning(0.2)


class TestRemedies(RuleContract):
    def make(self) -> Rule:
        return Thresholded(Overclamped(EquilibriumPropagation(0.1, symmetric=True), 0.01, 1e-6), 1e-12)

    def test_learning_rate_auto_finds_a_rate(self) -> None:
        """With a rest that is more than what a step moves: else outputs jump across their targets, at any rate."""
        rule, circuit = Overclamped(EquilibriumPropagation(0.1, symmetric=True), 0.01, 0.01), ExactCircuit(KITE)
        task = Task(TASK.inputs[:1], TASK.targets[:1])
        train(circuit, task, rule, steps=300)
        outputs = modified_nodal(KITE, circuit.conductances, Drive(task.inputs)).output_voltages
        assert np.abs(outputs - task.targets).max() < 0.012


def test_overclamping_is_quick_in_a_linear_circuit_and_as_measured() -> None:
    """Its signal is another loss's, so that the answers are enough."""
    rule = Overclamped(CoupledLearning(0.1), 0.05, 0.01)

    class Mute(ExactCircuit):
        def _made_by(self) -> str:
            raise AssertionError("a phase was measured")

    quick, plain = rule.read(Mute(KITE), TASK), rule.read(Measured(ExactCircuit(KITE)), TASK)
    np.testing.assert_allclose(quick.direction, plain.direction, rtol=1e-9)
    assert quick.loss == pytest.approx(plain.loss)
    with pytest.raises(HwlearnError, match="write it as a Loss"):
        Overclamped(type("Own", (Deaf, EquilibriumPropagation), {})(), 0.1, 0.0)


def test_a_loss_that_is_not_finite_ends_the_phases() -> None:
    """Nothing that is made of NaN is imposed on a circuit; training stops at its last good conductances."""

    class Blind(Measured):
        def _measure(self, inputs, outputs, imposed):
            measured = super()._measure(inputs, outputs, imposed)
            vars(measured)["output_voltages"][:] = np.nan
            vars(measured)["output_currents"][:] = np.nan
            return measured

        def measure(self, drive: Drive):
            return self._measure(*drive.fitted(self.network)[:1], drive.outputs, drive.outputs.imposed)

    network: Network = KITE
    for name in RULES:
        reading = RULES.get(name)().read(Blind(ExactCircuit(network)), TASK)
        assert np.isnan(reading.loss)
        assert not reading.direction.any()
