"""Training a circuit that computes in float32: what is kept in which precision, and that nothing is lost on the way."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from hwlearn import EquilibriumPropagation, Network, NewtonCircuit, Task, train
from hwlearn.learning.wanted import SingleWanted, Wanted, wanted_of
from hwlearn.network.builders import deep_resistive

RULE = EquilibriumPropagation(0.1, symmetric=True)


def small(**options: str) -> Network:
    return deep_resistive([3, 4, 2], gain=1.0, seed=2, **options)


def task(samples: int = 8) -> Task:
    random = np.random.default_rng(1)
    inputs = random.normal(size=(samples, 3))
    return Task(np.hstack((inputs, -inputs)), random.normal(size=(samples, 2)))


@pytest.mark.parametrize("biases", ["trainable", "none"])
def test_resistors_are_those_of_float32_and_between_their_bounds(biases: str) -> None:
    network = small(biases=biases)
    circuit = NewtonCircuit(network, dtype="float32")
    train(circuit, task(), RULE, steps=40, learning_rate=0.05, batch_size=2)
    found = np.array([g for k, g in enumerate(circuit.conductances) if k not in network.device_at])
    np.testing.assert_array_equal(found.astype(np.float32), found)
    assert (circuit.conductances >= network.lower).all()
    assert (circuit.conductances <= network.upper).all()
    assert (circuit.conductances == np.nextafter(np.float32(1e-6), 1)).any()  # 1e-6 itself is none, and the next one below it
    network.with_conductances(circuit.conductances)


def test_changes_of_biases_add_up_that_float32_would_lose() -> None:
    network = small()
    wanted = SingleWanted(NewtonCircuit(network, dtype="float32"))
    bias = next(iter(network.device_at))
    change = np.zeros(len(network.edges), dtype=np.float32)
    change[bias] = 1e-7  # of 100, whose neighbours in float32 are 8e-6 away
    for _ in range(50):
        wanted.move(change.copy(), counting=False)
    assert wanted.conductances[bias] - 100 == pytest.approx(5e-6, rel=1e-4)


def test_fixed_edges_keep_all_digits() -> None:
    network = small()
    fixed = np.arange(len(network.edges)) % 3 != 0
    network = replace(
        network, trainable=~fixed, conductances=np.where(fixed, 0.1 + network.conductances, network.conductances)
    )
    circuit = NewtonCircuit(network, dtype="float32")
    train(circuit, task(), RULE, steps=10, learning_rate=0.05)
    np.testing.assert_array_equal(circuit.conductances[fixed], network.conductances[fixed])
    assert (circuit.conductances[~fixed] != network.conductances[~fixed]).any()


def test_edges_whose_bounds_leave_no_number_of_float32_stay_where_they_are() -> None:
    network = small()
    pinned = np.arange(len(network.edges)) % 2 == 0
    lower, upper = np.where(pinned, network.conductances, network.lower), np.where(pinned, network.conductances, network.upper)
    bias = next(iter(network.device_at))
    lower[bias], upper[bias] = 100.0, 100.0 + 1e-6  # devices are kept in float64: these move
    network = replace(network, lower=lower, upper=upper, conductances=np.clip(network.conductances, lower, upper))
    circuit = NewtonCircuit(network, dtype="float32")
    wanted = SingleWanted(circuit)
    wanted.move(np.full(len(pinned), 1e-7), counting=True)
    assert 100 < wanted.conductances[bias] <= upper[bias]
    train(circuit, task(), RULE, steps=10, learning_rate=0.05)
    assert (circuit.conductances >= lower).all()
    assert (circuit.conductances <= upper).all()
    network.with_conductances(circuit.conductances)


def test_a_step_is_that_of_exact_arithmetic_rounded_once() -> None:
    network = small()
    circuit = NewtonCircuit(network, dtype="float32")
    wanted = SingleWanted(circuit)
    before, random = wanted.conductances.copy(), np.random.default_rng(0)
    change = random.uniform(0, 1, len(before)).astype(np.float32)
    wanted.move(change.copy(), counting=True)
    wanted.realise()
    for k, (g, more, found) in enumerate(zip(before, change, circuit.conductances, strict=True)):
        kind = np.float64 if k in network.device_at else np.float32
        assert found == float(kind(float(Fraction(float(g)) + Fraction(float(more)))))


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("optimizer", ["plain", "momentum", "adam"])
def test_a_training_goes_on_bit_for_bit(optimizer: str, fixed: bool) -> None:
    network, snapshots = deep_resistive([3, 4, 2], gain=1.0, seed=12), list[dict[str, np.ndarray]]()
    if fixed:  # resistors among them, which have digits beyond those of float32
        trainable = np.array([k in network.device_at or k % 3 == 0 for k in range(len(network.edges))])
        network = replace(network, trainable=trainable)
    options = {"learning_rate": 0.01, "batch_size": 2, "optimizer": optimizer}
    through = NewtonCircuit(network, dtype="float32")

    def keep(state: object) -> None:
        if state.step == 13:  # type: ignore[attr-defined]
            snapshots.append(state.snapshot())  # type: ignore[attr-defined]

    whole = train(through, task(), RULE, steps=30, callbacks=[keep], **options)
    again = NewtonCircuit(network, dtype="float32")
    rest = train(again, task(), RULE, steps=30, start=snapshots[0], **options)
    np.testing.assert_array_equal(again.conductances, through.conductances)
    np.testing.assert_array_equal(rest.losses, whole.losses[13:])


def test_what_was_measured_keeps_the_conductances_of_its_time() -> None:
    circuit = NewtonCircuit(small(), dtype="float32")
    states = list[tuple[np.ndarray, np.ndarray]]()
    train(
        circuit,
        task(),
        RULE,
        steps=5,
        learning_rate=0.05,
        callbacks=[lambda s: states.append((s.conductances, +s.conductances))],
    )
    for kept, copied in states:
        np.testing.assert_array_equal(kept, copied)
        assert not kept.flags.writeable
    assert not np.array_equal(states[0][0], states[-1][0])


def test_program_after_a_training_counts() -> None:
    network = small()
    circuit = NewtonCircuit(network, dtype="float32")
    train(circuit, task(), RULE, steps=5, learning_rate=0.05)
    circuit.program(network.conductances)
    np.testing.assert_array_equal(circuit.conductances, network.conductances)


def test_other_steps_than_those_of_conductances_are_in_float64() -> None:
    single, double = (NewtonCircuit(small(), dtype=kind) for kind in ("float32", "float64"))
    assert type(wanted_of(single, "conductance")) is SingleWanted
    assert type(wanted_of(single, "log-conductance")) is type(wanted_of(double, "conductance")) is Wanted
