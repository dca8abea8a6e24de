"""A term for power: its direction by finite differences, on paper and in ngspice, and what it costs in error."""

import numpy as np
import pytest

from hwlearn import (
    AdjointCoupledLearning,
    CoupledLearning,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    FullClamp,
    LowPower,
    NewtonCircuit,
    NgspiceCircuit,
    Source,
    Task,
    train,
)
from hwlearn.errors import HwlearnError
from hwlearn.experiments import load_experiment
from hwlearn.learning.losses import CrossEntropy
from hwlearn.network.builders import deep_resistive, grid, kite
from hwlearn.testing import RuleContract
from hwlearn.testing.measured import Measured
from hwlearn.testing.nodal import contract_networks

POWER = 0.02
TASK = Task([[1.0, 0.0], [0.3, -0.4]], [[0.6, 0.5, 0.4], [0.1, -0.1, 0.0]])
CIRCUITS = [ExactCircuit, NewtonCircuit, NgspiceCircuit, lambda network: Measured(ExactCircuit(network))]
TRAINABLE = ["R1", "R2", "R4", "R5"]


def descended(network, task, conductances, loss):
    """ℓ + λP by the exact model, P by the dissipation in the edges: the rule is not asked."""
    with ExactCircuit(network.with_conductances(conductances)) as circuit:
        free = circuit.measure(Drive(task.inputs))
        drops = free.node_voltages[:, network.tails] - free.node_voltages[:, network.heads]
        return loss.judge(free.output_voltages, task.targets)[1] + POWER * float((drops**2 @ conductances).mean())


def slopes(network, task, loss):
    """(E,) by central differences; zero at fixed edges."""
    g, found = network.conductances, np.zeros(len(network.edges))
    for k in np.flatnonzero(network.trainable):
        step = 1e-5 * np.eye(len(g))[k] * g[k]
        ahead, behind = (descended(network, task, g + side * step, loss) for side in (1, -1))
        found[k] = (ahead - behind) / (2e-5 * g[k])
    return found


@pytest.mark.parametrize(
    "make", [ExactCircuit, NewtonCircuit, NgspiceCircuit, lambda network: Measured(ExactCircuit(network))]
)
@pytest.mark.parametrize("loss", [None, CrossEntropy()], ids=["squared error", "cross-entropy"])
def test_ep_descends_loss_and_power_together(make, loss):
    network = kite([1, 1.5, 1.3, 1, 1, 1.7], trainable=TRAINABLE)
    task = TASK if loss is None else Task(TASK.inputs, np.eye(3)[[0, 2]])
    rule = LowPower(EquilibriumPropagation(1e-4, symmetric=True, loss=loss), POWER)
    with make(network) as circuit:
        found = rule.read(circuit, task)
    expected = -slopes(network, task, rule.loss)
    np.testing.assert_allclose(found.direction, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    assert (
        np.abs(
            found.direction - EquilibriumPropagation(1e-4, symmetric=True, loss=loss).read(circuit_of(network), task).direction
        ).max()
        > 0
    )


def circuit_of(network):
    return ExactCircuit(network)


def test_currents_alone_turn_the_sign():
    wired = grid(3, 3, np.linspace(1, 2, 12), outputs=["n1_1"])
    network = wired.with_ports(inputs=[Source("I1", "current", "n0_1", "0")])
    for fixed in network.fixed_sources:
        assert not fixed.value
    task = Task([[0.4]], [[0.1]])
    rule = LowPower(EquilibriumPropagation(1e-4, symmetric=True), POWER)
    expected = -slopes(network, task, rule.loss)
    np.testing.assert_allclose(rule.read(ExactCircuit(network), task).direction, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("one", [CoupledLearning(symmetric=True), FullClamp()], ids=["cl", "clamp"])
def test_coupled_learning_loses_the_squared_drops(one):
    """The published rule: the contrast less λ Δv² of the free phase."""
    network = kite([1, 1.5, 1.3, 1, 1, 1.7])
    circuit = ExactCircuit(network)
    volts = circuit.measure(Drive(TASK.inputs)).node_voltages
    drops = volts[:, network.tails] - volts[:, network.heads]
    two = LowPower(one, POWER)
    lost = one.read(circuit, TASK).direction - two.read(circuit, TASK).direction
    np.testing.assert_allclose(lost, POWER * (drops**2).mean(axis=0), rtol=1e-12)
    assert two.read(circuit, TASK).loss == one.read(circuit, TASK).loss


def test_less_power_costs_error_and_the_square_of_the_error_goes_like_the_square_of_the_weight():
    network = kite([1, 1.5, 1.3, 1, 1, 1.7], bounds=(1e-3, 10))
    task = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])
    ends = []
    for power in (0.0, 2e-6, 4e-6):
        circuit = ExactCircuit(network)
        result = train(circuit, task, LowPower(EquilibriumPropagation(symmetric=True), power), steps=4000, learning_rate=3.0)
        ends.append((result.losses[-1], float(circuit.measure(Drive(task.inputs)).power[0])))
    (none, most), (one, less), (two, least) = ends
    assert none < one < two
    assert most > less > least
    assert two / one == pytest.approx(4, rel=0.1)


ALONE = [name for name, network in contract_networks().items() if len({s.kind for s in network.sources}) == 1]


class TestLowPower(RuleContract):
    @pytest.fixture(
        params=[name for name, network in contract_networks().items() if len({s.kind for s in network.sources}) == 1]
    )
    def network(self, request):
        return contract_networks()[request.param]

    def make(self):
        return LowPower(EquilibriumPropagation(1e-4, symmetric=True), 1e-5)


def test_a_file_asks_for_it(tmp_path):
    (tmp_path / "e.toml").write_text(
        """
[circuit]
builder = "kite"
[task]
inputs = [[1.0, 0.0]]
targets = [[0.6, 0.5, 0.4]]
[rule]
name = "ep"
symmetric = true
[loss]
power = 1e-3
[train]
steps = 10
learning_rate = 1.0
"""
    )
    rule = load_experiment(tmp_path / "e.toml").rule
    assert repr(rule) == "LowPower(EquilibriumPropagation(nudge=None, symmetric=True), power=0.001)"
    with pytest.raises(HwlearnError, match="leaves the outputs open"):
        _ = load_experiment(tmp_path / "e.toml", {"rule.name": "al"}).rule


def test_what_no_edge_can_tell_is_refused():
    with pytest.raises(HwlearnError, match="leaves the outputs open"):
        LowPower(AdjointCoupledLearning(), 0.1)
    for power in (-1.0, np.nan, np.inf):
        with pytest.raises(HwlearnError, match="0 or more"):
            LowPower(EquilibriumPropagation(), power)
    mixed = kite().with_ports(inputs=[*kite().inputs, Source("I1", "current", "T", "0")])
    with pytest.raises(HwlearnError, match="of both, no edge can tell"):
        LowPower(EquilibriumPropagation(), 0.1).read(ExactCircuit(mixed), Task([[1.0, 0.0, 0.1]], [[0.6, 0.5, 0.4]]))
    nonlinear = deep_resistive([2, 3, 1], seed=0)
    task = Task([[0.1] * len(nonlinear.inputs)], [[0.1] * len(nonlinear.outputs)])
    with pytest.raises(HwlearnError, match="resistors alone"):
        LowPower(EquilibriumPropagation(), 0.1).read(NewtonCircuit(nonlinear), task)
