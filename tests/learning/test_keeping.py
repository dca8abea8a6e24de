"""Which state of a noisy training is kept: the best that was confirmed, against the true conductances inside."""

import numpy as np
import pytest

from hwlearn import EquilibriumPropagation, ExactCircuit, ImperfectCircuit, Task, train
from hwlearn.circuits.imperfect import Effect, Noise, Quantised, UpdateBias
from hwlearn.errors import HwlearnError
from hwlearn.learning.train import task_loss
from hwlearn.network.builders import kite

NETWORK = kite((1.0, 1.5, 1.3, 1.0, 1.0, 1.7))
TASK = Task([[1.0, 0.0]], [[0.55, 0.5, 0.45]])
RULE = EquilibriumPropagation(1.0, symmetric=True)
NOISE = 1e-3


def hopping(seed, *more):
    """A circuit whose training does not come to rest: few levels, and noise."""
    return ImperfectCircuit(ExactCircuit(NETWORK), Quantised(64, 0.2, 3.0), Noise(NOISE), *more, seed=seed)


def true(circuit):
    return task_loss(circuit.inside, TASK)[0]


def trained(circuit, keep=None, steps=150, **options):
    passed = {}

    def note(state):
        passed[state.step] = (true(circuit), circuit.conductances.copy())

    options["callbacks"] = [*options.get("callbacks", []), note]
    return train(circuit, TASK, RULE, steps=steps, learning_rate=30.0, keep=keep, **options), passed


def test_the_best_state_is_kept_in_the_median_and_the_worst_of_many_seeds():
    kept, last, least = [], [], []
    for seed in range(8):
        with hopping(seed) as circuit:
            result, passed = trained(circuit)
            kept.append(true(circuit))
            last.append(passed[150][0])
            least.append(min(loss for loss, _ in passed.values()))
            np.testing.assert_array_equal(circuit.conductances, passed[result.kept][1])
            np.testing.assert_array_equal(result.conductances, passed[result.kept][1])
            assert result.steps == 150
    assert np.median(kept) < np.median(last) / 3
    assert np.max(kept) < np.max(last) / 3
    assert np.median(kept) < 2 * np.median(least) + NOISE**2 / 10  # not told apart by 34 phases


class Lucky(Effect):
    """The free phase of one step reads as if the targets were met."""

    remembered = ("calls",)

    def __init__(self, call):
        self.call, self.calls = call, 0

    def begin(self, network, bounds, random):
        self.places = [network.node_index[port.plus] for port in network.outputs]

    def read(self, voltages, random):
        self.calls += 1
        if self.calls == self.call:
            voltages = voltages.copy()
            voltages[:, self.places] = TASK.targets
        return voltages


@pytest.mark.parametrize("call", [21, 61, 101])
def test_one_lucky_reading_is_no_result(call):
    with hopping(3, Lucky(call)) as circuit:
        result, passed = trained(circuit)
        lucky = int(np.argmin(result.losses))
        assert result.losses[lucky] < 1e-30
        assert result.kept != lucky
        assert true(circuit) < passed[lucky][0]


def test_without_noise_the_last_state_is_kept_and_nothing_more_is_measured(monkeypatch):
    counted = []
    monkeypatch.setattr(ExactCircuit, "_answers", counting(ExactCircuit._answers, counted))
    found = []
    for keep in (None, "last"):
        with ExactCircuit(NETWORK) as circuit:
            found.append(train(circuit, TASK, RULE, steps=20, learning_rate=3.0, keep=keep))
            assert found[-1].kept == 20
            assert len(counted) == 21  # once for all phases of a step
        counted.clear()
    np.testing.assert_array_equal(found[0].losses, found[1].losses)


def counting(method, calls):
    def counted(self, *arguments):
        calls.append(arguments)
        return method(self, *arguments)

    return counted


def test_best_can_be_asked_for_without_noise_too():
    """Momentum swings through the solution, and out again."""
    with ExactCircuit(NETWORK) as circuit:
        result = train(circuit, TASK, RULE, steps=60, learning_rate=100.0, optimizer="momentum", keep="best")
        assert result.losses[result.kept] < result.losses[-1] / 1.5
        assert task_loss(circuit, TASK)[0] == pytest.approx(result.losses[result.kept], rel=1e-9)


def test_last_can_be_asked_for_with_noise_too():
    with hopping(1) as circuit:
        result, passed = trained(circuit, keep="last")
        assert result.kept == 150
        np.testing.assert_array_equal(circuit.conductances, passed[150][1])


def test_confirming_takes_no_more_phases_than_the_steps():
    """A step has a free phase and two nudged ones; at its end the training reads two states anew."""
    rows = []
    with hopping(2) as circuit:
        measure = circuit._measure
        circuit._measure = lambda inputs, *others: (rows.append(len(inputs)), measure(inputs, *others))[1]
        trained(circuit)
    enough = 34  # phases of three outputs: a hundred readings
    assert sum(rows) <= 151 * 3 + 151 + enough + 2 * enough


def test_a_training_that_goes_on_keeps_the_same_state():
    kept = {}
    with hopping(5) as circuit:
        whole, _ = trained(circuit, callbacks=[lambda state: kept.setdefault(state.step, state.snapshot()) and None])
    for step in (2, 40, 90, 150):
        with hopping(5) as circuit:
            rest, _ = trained(circuit, start=kept[step])
            assert rest.kept == whole.kept
            np.testing.assert_array_equal(rest.conductances, whole.conductances)


def test_devices_that_have_drifted_away_are_not_gone_back_to():
    with ImperfectCircuit(ExactCircuit(NETWORK), UpdateBias(np.full(6, 5e-3)), Noise(NOISE), seed=1) as circuit:
        result, passed = trained(circuit, steps=120)
        assert true(circuit) <= 1.5 * passed[120][0]
        assert result.kept in (120, *passed)


def test_nonsense_is_refused():
    with ExactCircuit(NETWORK) as circuit, pytest.raises(HwlearnError, match="'best' or 'last'"):
        train(circuit, TASK, RULE, learning_rate=1.0, keep="first")
