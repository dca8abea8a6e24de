"""Learning in continuous time: the kite's reference numbers, conserved mass, events."""

import numpy as np
import pytest
from scipy.integrate import trapezoid
from test_train import START, TASK, coercivity

from hwlearn import (
    AdjointCoupledLearning,
    CoupledLearning,
    EquilibriumPropagation,
    ExactCircuit,
    NgspiceCircuit,
    Rule,
    Task,
    flow,
)
from hwlearn.errors import HwlearnError
from hwlearn.network.builders import grid, kite


@pytest.mark.parametrize(("delta", "constant"), [(0.1, 1.765135e-3), (0.05, 4.27246e-4)])
def test_kite_ends_at_the_published_coercivity_constant(delta: float, constant: float) -> None:
    task = Task([[1.0, 0.0]], [[0.5 + delta, 0.5, 0.5 - delta]])
    circuit = ExactCircuit(kite(START))
    result = flow(circuit, task, EquilibriumPropagation(1e-3, symmetric=True), 1e6, stop_loss=1e-24, rtol=1e-9)
    assert result.stopped_because == "loss"
    assert coercivity(circuit.network, result.conductances, task) == pytest.approx(constant, rel=3e-6)
    np.testing.assert_allclose((result.trajectory.conductances**2).sum(1), 9.83, rtol=1e-7)


@pytest.mark.parametrize("rule", [EquilibriumPropagation, CoupledLearning])
def test_mass_is_conserved_if_every_edge_learns(rule: type[Rule]) -> None:
    random = np.random.default_rng(5)
    for trainable, conserved in ((None, True), (["R1?"], False)):
        network = grid(3, 3, random.uniform(0.5, 2, 12), outputs=["n1_1", "n0_2,n2_0"], trainable=trainable)
        task = Task(random.uniform(-1, 1, (3, 2)), random.uniform(-1, 1, (3, 2)))
        result = flow(ExactCircuit(network), task, rule(symmetric=True), (0, 5), rtol=1e-10)
        mass = 0.5 * (result.trajectory.conductances[:, network.trainable] ** 2).sum(1)
        assert np.ptp(result.losses) > 1e-3 * result.losses[0]
        assert (np.ptp(mass) < 1e-8 * mass[0]) == conserved


def test_adjoint_mass_falls_by_twice_the_loss() -> None:
    circuit = ExactCircuit(kite(START))
    times = np.linspace(0, 5, 2001)
    result = flow(circuit, TASK, AdjointCoupledLearning(symmetric=True), (0, 5), rtol=1e-11, t_eval=times)
    mass = 0.5 * (result.trajectory.conductances**2).sum(1)
    lost = 2 * trapezoid(result.losses, times)
    assert mass[0] - mass[-1] == pytest.approx(lost, rel=1e-5)
    assert lost > 1e-2


def test_the_same_flow_in_ngspice() -> None:
    ends = []
    for backend in (ExactCircuit, NgspiceCircuit):
        with backend(kite(START)) as circuit:
            ends.append(flow(circuit, TASK, CoupledLearning(symmetric=True), 20, t_eval=[0, 10, 20]))
    np.testing.assert_allclose(ends[0].trajectory.conductances, ends[1].trajectory.conductances, rtol=1e-7)
    np.testing.assert_array_equal(ends[0].at, [0, 10, 20])


def test_events_see_all_conductances() -> None:
    network = kite(START, trainable=["R1", "R2", "R5"])

    def crossing(time: float, g: np.ndarray) -> float:
        return float(g[0] - 1.02)

    crossing.terminal = True  # type: ignore[attr-defined]
    result = flow(ExactCircuit(network), TASK, EquilibriumPropagation(symmetric=True), 100, events=crossing)
    assert result.stopped_because == "event"
    assert result.at[-1] == result.event_times[0][0] < 100
    assert result.conductances[0] == pytest.approx(1.02, rel=1e-9)
    np.testing.assert_array_equal(result.trajectory.conductances[:, 5], 1.7)


def test_bounds_stop_an_edge() -> None:
    network = kite(START, bounds=(0.9, 1.72))
    circuit = ExactCircuit(network)
    result = flow(circuit, TASK, EquilibriumPropagation(symmetric=True), 2000, rtol=1e-6, method="RK23")
    assert result.trajectory.conductances.min() >= 0.9
    assert result.trajectory.conductances.max() <= 1.72
    assert (np.isclose(result.conductances, 0.9) | np.isclose(result.conductances, 1.72)).any()
    assert result.losses[-1] < result.losses[0]
    np.testing.assert_array_equal(circuit.conductances, result.conductances)


def test_bad_spans_and_done_already() -> None:
    circuit = ExactCircuit(kite(START))
    for span in ((1, 1), -1.0, float("inf"), float("nan")):
        with pytest.raises(HwlearnError, match="forwards"):
            flow(circuit, TASK, EquilibriumPropagation(), span)
    result = flow(circuit, TASK, EquilibriumPropagation(), 10, stop_loss=1.0)
    assert (result.stopped_because, len(result.at)) == ("loss", 1)
