"""Imperfect circuits keep the contract, and each effect does what it says and nothing else."""

import numpy as np
import pytest

from hwlearn import (
    Circuit,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    Hold,
    ImperfectCircuit,
    Inject,
    Network,
    NgspiceCircuit,
    Task,
    train,
)
from hwlearn.circuits.imperfect import (
    DeadEdges,
    Drift,
    Effect,
    Noise,
    NudgeGain,
    Offset,
    Quantised,
    StuckEdges,
    Tolerance,
    UpdateBias,
)
from hwlearn.errors import HwlearnError
from hwlearn.network.builders import grid, kite
from hwlearn.testing.nodal import modified_nodal
from hwlearn.testing.resistors import ResistorContract

KITE = (1.0, 1.5, 1.3, 1.0, 1.0, 1.7)
DRIVE = Drive([[1.0, 0.0], [0.3, -0.2]])


def slight() -> list[Effect]:
    """A little of everything that is there all the time."""
    return [
        Quantised(2**18, 1e-5, 0.1),
        Tolerance(1e-5),
        UpdateBias(1e-9),
        NudgeGain(1e-5),
        Drift(1e-7),
        Offset(1e-7),
        Noise(1e-7, lsb=1e-7, amperes=1e-10),
    ]


class TestImperfectExactCircuit(ResistorContract):
    tolerance = 1e-3
    realised = 1e-3

    def make(self, network: Network) -> Circuit:
        return ImperfectCircuit(ExactCircuit(network), *slight(), seed=1)


class TestImperfectNgspiceCircuit(ResistorContract):
    tolerance = 1e-3
    realised = 1e-3

    def make(self, network: Network) -> Circuit:
        return ImperfectCircuit(NgspiceCircuit(network), *slight(), seed=1)


class TestNothingWrong(ResistorContract):
    def make(self, network: Network) -> Circuit:
        return ImperfectCircuit(ExactCircuit(network))


def made(*effects: Effect, seed: int = 0) -> ImperfectCircuit:
    return ImperfectCircuit(ExactCircuit(kite(KITE)), *effects, seed=seed)


def test_equal_seeds_give_equal_circuits() -> None:
    effects = [Tolerance(0.1), Offset(1e-3), Noise(1e-3)]
    one, two, other = made(*effects, seed=3), made(*effects, seed=3), made(*effects, seed=4)
    for _ in range(2):
        read = [circuit.measure(DRIVE).node_voltages for circuit in (one, two, other)]
        np.testing.assert_array_equal(read[0], read[1])
        assert np.abs(read[0] - read[2]).max() > 1e-4


def test_noise_has_its_deviation_and_averages_out() -> None:
    volts, lsb = 1e-3, 2e-3
    circuit = made(Noise(volts, lsb=lsb))
    many = Drive(np.repeat([[1.0, 0.0]], 4000, axis=0))
    got = circuit.measure(many)
    true = modified_nodal(circuit.network, np.array(KITE), Drive([[1.0, 0.0]])).node_voltages
    error = got.node_voltages - true
    assert error.std() == pytest.approx(np.sqrt(volts**2 + lsb**2 / 12), rel=0.02)
    assert got.noise == pytest.approx(np.sqrt(volts**2 + lsb**2 / 12))
    assert np.abs(error.mean(0)).max() < 5 * got.noise / np.sqrt(4000)
    np.testing.assert_allclose(got.node_voltages / lsb, np.rint(got.node_voltages / lsb), atol=1e-9)
    index = [circuit.network.node_index[name] for name in "TMW"]
    np.testing.assert_allclose(got.output_voltages, got.node_voltages[:, index], atol=1e-15)  # the same channels


def test_held_currents_are_noisy_and_injected_ones_are_known() -> None:
    circuit = made(Noise(amperes=1e-3))
    true = modified_nodal(circuit.network, np.array(KITE), Drive([[1.0, 0.0]], Hold([[0.6, 0.5, 0.4]])))
    rows = Drive(np.repeat([[1.0, 0.0]], 4000, axis=0), Hold([[0.6, 0.5, 0.4]]))
    error = circuit.measure(rows).output_currents - true.output_currents
    assert error.std() == pytest.approx(1e-3, rel=0.03)
    injected = circuit.measure(Drive([[1.0, 0.0]], Inject([[0.1, 0.0, 0.2]]))).output_currents
    np.testing.assert_array_equal(injected, [[0.1, 0.0, 0.2]])


def test_offsets_stay_and_do_not_enter_a_contrast_to_first_order() -> None:
    circuit = made(Offset(1e-3), seed=2)
    true = modified_nodal(circuit.network, np.array(KITE), DRIVE).node_voltages
    error = [circuit.measure(DRIVE).node_voltages - true for _ in range(2)]
    np.testing.assert_array_equal(error[0], error[1])
    np.testing.assert_allclose(error[0][0], error[0][1], atol=1e-15)
    assert 1e-4 < np.abs(error[0]).max() < 5e-3


def test_drift_between_readings_is_bounded_and_cancels_over_a_period() -> None:
    circuit = made(Drift(1e-3, period=40))
    still = Drive(np.repeat([[1.0, 0.0]], 40, axis=0))
    read = circuit.measure(still).node_voltages
    steps = np.abs(np.diff(read, axis=0))
    assert 0 < steps.max() <= 2 * np.pi * 1e-3 / 40
    np.testing.assert_allclose(circuit.measure(still).node_voltages, read, atol=1e-12)  # one period later
    true = modified_nodal(circuit.network, np.array(KITE), Drive([[1.0, 0.0]])).node_voltages[0]
    np.testing.assert_allclose(read.mean(0), true, atol=1e-12)


def test_nudges_are_off_by_their_gain_and_free_phases_are_not() -> None:
    circuit = made(NudgeGain(0.1), seed=5)
    network, g = circuit.network, np.array(KITE)
    free, wanted = modified_nodal(network, g, DRIVE), np.array([[0.02, -0.01, 0.03]])
    np.testing.assert_allclose(circuit.measure(DRIVE).node_voltages, free.node_voltages, atol=1e-12)
    nudged = circuit.measure(Drive(DRIVE.inputs, Inject(wanted)))
    unit = modified_nodal(network, g, Drive(np.zeros((3, 2)), Inject(np.eye(3)))).output_voltages
    gains = np.linalg.solve(unit.T, (nudged.output_voltages - free.output_voltages)[0]) / wanted[0]
    assert 0.01 < np.abs(gains - 1).max() < 0.4
    np.testing.assert_array_equal(nudged.output_currents, np.repeat(wanted, 2, axis=0))
    held = circuit.measure(Drive(DRIVE.inputs, Hold([[0.6, 0.5, 0.4]]))).output_voltages
    np.testing.assert_allclose(held[0], gains * [0.6, 0.5, 0.4], rtol=1e-9)


def test_tolerance_is_hidden_and_fixed() -> None:
    circuit = made(Tolerance(0.1), seed=1)
    for scale in (1.0, 2.0):
        believed = circuit.program(scale * np.array(KITE))
        np.testing.assert_array_equal(believed, scale * np.array(KITE))
        factors = circuit.inside.conductances / believed
        assert 0.01 < np.abs(factors - 1).max() <= 0.1
        if scale == 1.0:
            first = factors
    np.testing.assert_allclose(factors, first)


def test_quantised_levels() -> None:
    circuit = made(Quantised(11, 1.0, 2.0))
    np.testing.assert_allclose(circuit.program([0.5, 1.04, 1.06, 1.5, 1.96, 7.0]), [1.0, 1.0, 1.1, 1.5, 2.0, 2.0])
    np.testing.assert_array_equal(circuit.inside.conductances, circuit.conductances)
    odd = made(Quantised(11, 1.0, 2.0, disorder=1.0), seed=2)
    ladder = np.array([(odd.program(np.full(6, g)), odd.inside.conductances) for g in np.linspace(1, 2, 11)])
    assert (np.diff(ladder[:, 0], axis=0) > 0).all()  # as it believes
    assert (np.diff(ladder[:, 1], axis=0) < 0).any()  # as it is
    assert np.abs(ladder[:, 1] - ladder[:, 0]).max() <= 0.1 + 1e-12


def test_stuck_and_dead_edges() -> None:
    network = kite(KITE)
    names = network.edge_names
    circuit = made(StuckEdges([names[0]]), DeadEdges([names[5]]))
    circuit.program(3 * np.array(KITE))
    np.testing.assert_allclose(circuit.real, [1.0, 4.5, 3.9, 3.0, 3.0, 0.0])
    with pytest.raises(HwlearnError, match="no edge 'R99'"):
        made(StuckEdges(["R99"]))


def test_update_bias_adds_up_while_edges_are_told_to_move_and_rests_with_them() -> None:
    bias = np.array([1e-3, -1e-3, 0, 0, 2e-3, 0])
    circuit = made(UpdateBias(bias))
    np.testing.assert_array_equal(circuit.inside.conductances, KITE)
    wanted = np.array(KITE)
    for k in range(1, 4):
        wanted = wanted + 1e-2
        np.testing.assert_array_equal(circuit.program(wanted), wanted)
        np.testing.assert_allclose(circuit.inside.conductances, wanted + k * bias)
    circuit.program(wanted)
    np.testing.assert_allclose(circuit.inside.conductances, wanted + 3 * bias)
    only_first = wanted + 1e-2 * np.eye(6)[0]
    circuit.program(only_first)
    np.testing.assert_allclose(circuit.inside.conductances, only_first + 3 * bias + bias * np.eye(6)[0])


def test_update_bias_stays_within_bounds() -> None:
    network = kite(KITE, bounds=(0.5, 2.0))
    circuit = ImperfectCircuit(ExactCircuit(network), UpdateBias(np.full(6, -0.3)))
    for k in range(10):
        circuit.program(np.array(KITE) * (1 + 1e-3 * k))
        assert circuit.inside.conductances.min() >= 0.5
    circuit.program(np.array(KITE) + 0.9)
    assert circuit.inside.conductances.max() > 0.5 + 0.5  # no debt was run up at the bound


def test_a_training_goes_on_from_a_snapshot() -> None:
    network = grid(3, 3, 1.0, outputs=["n1_1"])
    task = Task([[1.0, 0.0]], [[0.4]])
    kept = []

    def run(circuit: ImperfectCircuit, **options: object) -> np.ndarray:
        rule = EquilibriumPropagation(symmetric=True)
        train(circuit, task, rule, steps=40, learning_rate=0.5, **options)  # type: ignore[arg-type]
        return circuit.inside.conductances

    def make() -> ImperfectCircuit:
        return ImperfectCircuit(ExactCircuit(network), UpdateBias(1e-4), Tolerance(0.01), seed=1)

    whole = run(make(), callbacks=[lambda state: kept.append(state.snapshot()) if state.step == 15 else None])
    np.testing.assert_array_equal(run(make(), start=kept[0]), whole)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Noise(-1.0),
        lambda: Tolerance(1.5),
        lambda: Drift(1e-3, period=1),
        lambda: Quantised(1, 1.0, 2.0),
        lambda: UpdateBias([[1.0]]),
        lambda: made(UpdateBias([1e-3])),
    ],
)
def test_nonsense_is_refused(wrong: object) -> None:
    with pytest.raises(HwlearnError):
        wrong()  # type: ignore[operator]
