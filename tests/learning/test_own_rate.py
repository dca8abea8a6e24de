"""learning_rate = "auto": every rule, loss, circuit and parameter, without a number from anyone."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn import (
    AdjointCoupledLearning,
    CoupledLearning,
    CrossEntropy,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    Hinge,
    Inject,
    NgspiceCircuit,
    SquaredError,
    Task,
    train,
)
from hwlearn.analysis.coercivity import coercivity
from hwlearn.analysis.jacobian import jacobian
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.imperfect.circuit import ImperfectCircuit
from hwlearn.circuits.imperfect.readings import Noise
from hwlearn.circuits.newton.circuit import NewtonCircuit
from hwlearn.errors import HwlearnError, ModelError, SimulationError
from hwlearn.experiments import load_experiment
from hwlearn.learning.rates.error_dynamics import error_dynamics
from hwlearn.learning.rates.modes import modes
from hwlearn.learning.rates.own_rate import CAREFUL, LONGEST, MOST, OwnRate
from hwlearn.learning.remedies import Thresholded
from hwlearn.learning.rule import Reading, Rule
from hwlearn.learning.rules import RULES
from hwlearn.network import Network
from hwlearn.network.builders import crossbar, gate_pair, kite

KITE = kite([1, 1.5, 1.3, 1, 1, 1.7])
TASK = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])
TWO = Task([[1.0, 0.0], [0.3, 0.8]], [[0.6, 0.5, 0.4], [0.4, 0.5, 0.6]])


def found(circuit, task, rule):
    """Modes of a rule, of all edges."""
    start = np.random.default_rng(3).uniform(0.5, 1.5, len(circuit.network.edges))
    return modes(error_dynamics(circuit, task, rule).here(), start)


class TestModes:
    @settings(max_examples=60, deadline=None)
    @given(st.integers(1, 8), st.integers(0, 2**32 - 1), st.booleans())
    def test_all_modes_of_a_small_matrix(self, size, seed, symmetric):
        """Against numpy on the dense matrix; a positive definite one, or one similar to it."""
        random = np.random.default_rng(seed)
        rates = np.sort(random.uniform(0.5, 20.0, size))
        basis, _ = np.linalg.qr(random.normal(size=(size, size)))
        matrix = basis @ np.diag(rates) @ basis.T
        if not symmetric:
            matrix = np.diag(np.linspace(1, 2, size)) @ matrix @ np.diag(1 / np.linspace(1, 2, size))
        true = np.linalg.eigvals(matrix)
        got = modes(lambda v: matrix @ v, random.uniform(0.5, 1.5, size))
        assert 0.9 * np.abs(true).max() <= got.fastest <= (1 + 1e-6 if symmetric else 1.05) * np.abs(true).max()
        assert got.slowest >= true.real.min() * (1 - (1e-6 if symmetric else 0.05))

    def test_the_fastest_of_many(self):
        """A spectrum without a gap: 200 rates, the fastest found to a few per cent, far within what MOST leaves."""
        rates = np.linspace(0.01, 1.0, 200)
        got = modes(lambda v: rates * v, np.random.default_rng(1).uniform(0.5, 1.5, 200))
        assert 0.95 <= got.fastest <= 1 + 1e-9

    def test_what_does_not_move_is_no_mode(self):
        got = modes(lambda v: np.array([2.0, 0, 0]) * v, np.ones(3))
        assert (got.fastest, got.slowest) == pytest.approx((2.0, 2.0))
        assert got.fraction(MOST) == pytest.approx(0.5)
        assert modes(np.zeros_like, np.ones(3)).fastest == 0


class TestDynamics:
    @pytest.mark.parametrize("kind", [EquilibriumPropagation, CoupledLearning, AdjointCoupledLearning])
    def test_limit_is_that_of_coercivity(self, kind):
        limit = coercivity(jacobian(KITE, TWO)).spectra[kind.name].max_step
        assert 2 / found(ExactCircuit(KITE), TWO, kind(symmetric=True)).fastest == pytest.approx(limit, rel=1e-2)

    @pytest.mark.parametrize("loss", [SquaredError(), CrossEntropy(0.2), Hinge(0.5)], ids=repr)
    def test_follows_the_loss(self, loss):
        """Against J H Jᵀ by differences of the signal on a dense J."""
        task = Task(TWO.inputs, np.eye(3)[[0, 2]])
        at = jacobian(KITE, task)
        matrix, outputs = at.matrix(), at.outputs
        steps = 1e-6 * np.eye(outputs.size).reshape(-1, *outputs.shape)
        slopes = [loss.judge(outputs + s, task.targets)[0] - loss.judge(outputs - s, task.targets)[0] for s in steps]
        curvature = np.array([each.ravel() for each in slopes]).T / 2e-6
        rates = np.linalg.eigvals(matrix @ matrix.T @ curvature).real / len(task)
        assert found(ExactCircuit(KITE), task, EquilibriumPropagation(loss=loss)).fastest == pytest.approx(
            rates.max(), rel=1e-2
        )

    def test_of_a_circuit_that_is_not_linear(self):
        """Transistors that learn, at a solution: against J Jᵀ of outputs by central differences."""
        network = gate_pair()
        inputs = np.linspace(0.1, 0.4, 3)[:, None] * np.ones((1, len(network.inputs)))
        circuit = NewtonCircuit(network)

        def outputs(g):
            circuit.program(g)
            return circuit.measure(Drive(inputs)).output_voltages.ravel()

        g = network.conductances
        task = Task(inputs, outputs(g).reshape(3, -1))
        columns = [
            (outputs(g + h) - outputs(g - h)) / (2 * h.sum()) * network.trainable[k] for k, h in enumerate(np.diag(1e-5 * g))
        ]
        rates = np.linalg.svd(np.array(columns).T, compute_uv=False) ** 2 / 3
        circuit.program(g)
        got = found(circuit, task, EquilibriumPropagation(1e-6, symmetric=True))
        assert got.fastest == pytest.approx(rates.max(), rel=0.05)

    def test_remedies_are_seen_through(self):
        rule = CoupledLearning(symmetric=True)
        plain, around = (found(ExactCircuit(KITE), TWO, one) for one in (rule, Thresholded(rule, 0.1)))
        assert around == plain


class Silent(Circuit):
    """A thing on a bench whose element no model knows."""

    name = "thing"

    def _program(self, conductances):
        return conductances

    def _measure(self, inputs, outputs, imposed):
        raise AssertionError("measured")

    def _close(self):
        pass


class TestTraining:
    @pytest.mark.parametrize("symmetric", [True, False])
    @pytest.mark.parametrize("name", list(RULES))
    def test_is_the_default_and_every_rule_converges(self, name, symmetric):
        rule = RULES.get(name)(**({"symmetric": symmetric} if name != "clamp" else {}))
        circuit = ExactCircuit(KITE)
        result = train(circuit, TASK, rule, steps=600)
        assert result.losses[-1] < 1e-6 * result.losses[0]
        assert (np.diff(result.losses) <= 1e-6 * result.losses[0]).all()

    @pytest.mark.parametrize("parameter", ["conductance", "log-conductance"])
    @pytest.mark.parametrize("optimizer", ["plain", "momentum", "adam"])
    def test_every_way_to_step(self, optimizer, parameter):
        for scale in (1e-6, 1.0, 1e4):  # microsiemens and more, without a number from anyone
            network = kite(scale * np.array([1, 1.5, 1.3, 1, 1, 1.7]), bounds=(1e-3 * scale, 1e2 * scale))
            options = {"optimizer": optimizer, "parameter": parameter, "steps": 400}
            result = train(ExactCircuit(network), TASK, EquilibriumPropagation(symmetric=True), **options)
            assert result.losses[-1] < 1e-4 * result.losses[0], (scale, result)

    def test_rate_does_not_hang_on_units(self):
        """Conductances in another unit: the same steps, and the same losses."""
        ends = []
        for scale in (1.0, 1e-5):
            network = kite(scale * np.array([1, 1.5, 1.3, 1, 1, 1.7]), bounds=(1e-3 * scale, 1e2 * scale))
            ends.append(train(ExactCircuit(network), TASK, CoupledLearning(symmetric=True), steps=60).losses)
        np.testing.assert_allclose(ends[1], ends[0], rtol=1e-6)

    @pytest.mark.parametrize("loss", [CrossEntropy(0.2), Hinge(0.2)], ids=repr)
    @pytest.mark.parametrize("batch_size", [None, 3])
    def test_losses_and_minibatches(self, loss, batch_size):
        random = np.random.default_rng(0)
        labels = np.arange(12) % 2
        task = Task.classification(labels[:, None] + 0.1 * random.normal(size=(12, 2)), labels)
        circuit = ExactCircuit(crossbar(2, 2, rails=(0.0, 1.0), seed=0))
        rule = EquilibriumPropagation(loss=loss, symmetric=True)
        result = train(circuit, task, rule, epochs=80, batch_size=batch_size)
        assert result.train_losses[-1] < 0.5 * result.train_losses[0]

    def test_ngspice_takes_the_same_rates(self):
        ends = [
            train(kind(KITE), TASK, AdjointCoupledLearning(symmetric=True), steps=40).conductances
            for kind in (ExactCircuit, NgspiceCircuit)
        ]
        np.testing.assert_allclose(ends[1], ends[0], rtol=1e-6)

    def test_the_circuit_itself_is_not_read_for_it(self):
        """A bench is only read by the rule: as often as with a number."""

        class Counted(NgspiceCircuit):
            reads = 0

            def measure(self, drive):
                self.reads += 1
                return super().measure(drive)

        counts = []
        for rate in (0.1, "auto"):
            circuit = Counted(KITE)
            train(circuit, TASK, CoupledLearning(symmetric=True), steps=30, learning_rate=rate)
            counts.append(circuit.reads)
        assert counts[0] == counts[1]

    def test_noise_makes_it_careful(self):
        """With noise, the part of the limit is CAREFUL; without, MOST, where modes differ."""
        parts = []
        for effects in ([], [Noise(1e-6)]):
            circuit = ImperfectCircuit(ExactCircuit(KITE), *effects, seed=0) if effects else ExactCircuit(KITE)
            rule = EquilibriumPropagation(symmetric=True)
            rate = OwnRate(1.0, circuit, TASK, rule)
            rate.look(0, rule.read(circuit, TASK), circuit.conductances, None)
            parts.append(rate.part)
        assert parts == [MOST, CAREFUL]

    def test_edges_that_a_bound_holds_count_as_fixed(self):
        """Its limit is that of the network whose held edges are fixed, and so is the rate."""
        bounds = (np.full(6, 1e-3), np.array([1.0, 1e2, 1e2, 1e2, 1e2, 1e2]))
        rule = EquilibriumPropagation(symmetric=True)
        network = kite([1, 1.5, 1.3, 1, 1, 1.7], bounds=bounds)
        direction = rule.read(ExactCircuit(network), TASK).direction
        assert direction[0] > 0  # at its upper bound, and pushed out
        free = kite([1, 1.5, 1.3, 1, 1, 1.7], trainable=[f"R{k}" for k in range(2, 7)])
        rates = []
        for one in (network, free):
            circuit = ExactCircuit(one)
            rate = OwnRate(1.0, circuit, TASK, rule)
            rate.look(0, rule.read(circuit, TASK), circuit.conductances, None)
            rates.append(rate.rate)
        assert rates[0] == pytest.approx(rates[1], rel=1e-2)

    def test_it_is_taken_anew_ever_more_seldom(self, monkeypatch):
        taken = []
        take = OwnRate._take
        monkeypatch.setattr(OwnRate, "_take", lambda self, *given: (taken.append(0), take(self, *given))[1])
        train(ExactCircuit(KITE), TASK, EquilibriumPropagation(symmetric=True), steps=1000)
        assert len(taken) <= 10 + 1000 / LONGEST

    def test_a_loss_that_grew_makes_it_look_at_once(self):
        rule, circuit = EquilibriumPropagation(symmetric=True), ExactCircuit(KITE)
        rate = OwnRate(1.0, circuit, TASK, rule)
        reading = rule.read(circuit, TASK)
        for step in range(40):
            rate.look(step, reading, circuit.conductances, None)
        circuit.program(10 * circuit.conductances)
        before = rate.rate
        rate.look(40, Reading(reading.direction, reading.loss, 0.0), circuit.conductances, None)
        assert rate.rate == before  # not due
        rate.look(41, Reading(reading.direction, 1.1 * reading.loss, 0.0), circuit.conductances, None)
        assert rate.rate > 10 * before

    @pytest.mark.parametrize("optimizer", ["plain", "momentum", "adam"])
    def test_goes_on_as_if_never_cut_off(self, optimizer):
        for cut in (0, 1, 3, 17, 33):
            kept = {}
            rule, options = CoupledLearning(symmetric=True), {"steps": 60, "optimizer": optimizer}

            def keep(state, cut=cut, kept=kept):
                if state.step == cut:
                    kept.update(state.snapshot())

            whole = train(ExactCircuit(KITE), TASK, rule, **options, callbacks=[keep])
            rest = train(ExactCircuit(KITE), TASK, rule, **options, start=kept)
            np.testing.assert_array_equal(rest.conductances, whole.conductances)

    def test_a_rule_of_ones_own(self):
        """No row of the table: half a loss of its own, and a rate for it."""

        class Twice(Rule):
            name, nudge_unit, loss_unit, sign = "twice", "S", "V²", -1

            def free(self, targets):
                return EquilibriumPropagation().free(targets)

            def observed(self, free, targets):
                return 2 * (free.output_voltages - targets)

            def nudged(self, free, targets, nudge):
                return Inject(-nudge * self.observed(free, targets))

        result = train(ExactCircuit(KITE), TASK, Twice(1e-3, symmetric=True), steps=400)
        assert result.losses[-1] < 1e-6 * result.losses[0]

    def test_without_a_model_it_says_what_to_do(self, monkeypatch):
        def refuse(network):
            raise ModelError("kite.cir:4: no law for Q1")

        monkeypatch.setattr("hwlearn.learning.rates.error_dynamics.NewtonCircuit", refuse)
        monkeypatch.setattr(Network, "linear", property(lambda self: False))
        with pytest.raises(HwlearnError, match=r"no law for Q1\); give a number, or optimizer = \"adam\""):
            train(Silent(KITE), TASK, EquilibriumPropagation(), steps=1)

    def test_where_the_model_fails_once_the_rate_is_kept(self, monkeypatch):
        rule, circuit = EquilibriumPropagation(symmetric=True), ExactCircuit(KITE)
        rate, reading = OwnRate(1.0, circuit, TASK, rule), rule.read(circuit, TASK)
        rate.look(0, reading, circuit.conductances, None)
        before = rate.rate

        def fail(*_):
            raise SimulationError("no solution")

        monkeypatch.setattr(OwnRate, "_take", fail)
        rate.look(1, reading, circuit.conductances, None)
        assert rate.rate == before
        with pytest.raises(SimulationError):
            OwnRate(1.0, circuit, TASK, rule).look(0, reading, circuit.conductances, None)


@pytest.mark.parametrize("seed", [1, 4])
def test_noise_at_the_bounds_throws_no_circuit_far(seed):
    """Of a single output all directions turn round with its error: what pressed edges against their bounds pushes them off."""
    experiment = load_experiment(Path(__file__).parents[2] / "netlists" / "allostery-bench.toml")
    with ImperfectCircuit(ExactCircuit(experiment.network), Noise(2e-5), seed=seed) as circuit:
        losses = train(circuit, experiment.task, experiment.rule, steps=50, keep="last").losses
    at_bound = circuit.conductances <= experiment.network.lower * (1 + 1e-9)
    assert at_bound.any()
    assert losses[0] > 1e-2
    assert losses[12:].max() < 1e-7  # noise of 20 µV in two readings, and what a strong nudge makes of it
