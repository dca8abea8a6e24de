"""Nudging by a resistor to the target (Kendall et al. 2020): what it learns, on every model, beside current injection."""

import tomllib

import numpy as np
import pytest
from hypothesis import given, settings
from networks import problems, rounding
from newton import with_diodes
from test_rules import gradient, outputs_of, port_resistance

from hwlearn import (
    CoupledLearning,
    CrossEntropy,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    Network,
    NewtonCircuit,
    NgspiceCircuit,
    Overclamped,
    Pull,
    Source,
    Task,
    train,
    train_many,
)
from hwlearn.errors import DriveError, HwlearnError, ModelError
from hwlearn.experiments import load_experiment
from hwlearn.learning.rates.error_dynamics import error_dynamics
from hwlearn.learning.rates.modes import modes
from hwlearn.learning.train import task_loss
from hwlearn.network.builders import deep_resistive, kite
from hwlearn.testing.measured import Measured

KITE = kite([1, 1.5, 1.3, 1, 1, 1.7])
TASK = Task([[1, 0], [0.3, 1]], [[0.6, 0.5, 0.4], [0.5, 0.4, 0.2]])


def by_resistor(nudge=None, symmetric=False, **options):
    return EquilibriumPropagation(nudge, symmetric, by="resistor", **options)


@settings(max_examples=20)
@given(problems(fixed_edges=True))
def test_symmetric_direction_is_ep_of_what_flows_through_the_resistor(problem: tuple[Network, Task]) -> None:
    """ġ = −Jᵀ (1 + βR)⁻¹ e, J by finite differences of a dense solve, for a resistor as large as the circuit's."""
    network, task = problem
    g, beta = network.conductances, 2.0 * network.typical_conductance
    error = outputs_of(network, g, task) - task.targets
    flowing = np.linalg.solve(np.eye(error.shape[1]) + beta * port_resistance(network, g), error.T).T
    jacobian = gradient(lambda h: outputs_of(network, h, task), g)
    true = -np.einsum("soe,so->e", jacobian, flowing) / len(task)
    rule = by_resistor(beta, symmetric=True)
    got = rule.direction(ExactCircuit(network), task)
    atol = 2e-7 * np.abs(true).max() + 1e4 * rounding(rule, network, task)
    np.testing.assert_allclose(got[network.trainable], true[network.trainable], rtol=0, atol=atol)
    assert not got[~network.trainable].any()


@settings(max_examples=20)
@given(problems())
@pytest.mark.parametrize("symmetric", [False, True])
def test_answers_tell_what_phases_would(symmetric: bool, problem: tuple[Network, Task]) -> None:
    network, task = problem
    rule = by_resistor(0.7 * network.typical_conductance, symmetric)
    quick, plain = rule.read(ExactCircuit(network), task), rule.read(Measured(ExactCircuit(network)), task)
    np.testing.assert_allclose(quick.direction, plain.direction, rtol=0, atol=1e5 * rounding(rule, network, task))
    assert quick.loss == pytest.approx(plain.loss, rel=1e-9)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("loss", [None, CrossEntropy(scale=0.2)], ids=["squared", "cross-entropy"])
def test_it_equals_current_to_first_order(symmetric, loss) -> None:
    circuit = ExactCircuit(KITE)
    true = EquilibriumPropagation(1.0, symmetric=True, loss=loss).direction(circuit, TASK)
    errors = [np.abs(by_resistor(beta, symmetric, loss=loss).direction(circuit, TASK) - true).max() for beta in (2e-3, 1e-3)]
    assert errors[0] < 1e-2 * np.abs(true).max()
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("symmetric", [False, True])
def test_one_sided_pulls_to_the_target_and_the_other_side_as_far_away(symmetric) -> None:
    seen = []

    class Watched(Measured):
        def _measure(self, inputs, outputs, imposed):
            seen.append(outputs)
            return super()._measure(inputs, outputs, imposed)

    by_resistor(0.3, symmetric).read(Watched(ExactCircuit(KITE)), TASK)
    pull = seen[-1]
    assert isinstance(pull, Pull)
    assert pull.conductance == 0.3
    outputs = outputs_of(KITE, KITE.conductances, TASK)
    there = [TASK.targets[0], 2 * outputs[0] - TASK.targets[0], TASK.targets[1], 2 * outputs[1] - TASK.targets[1]]
    np.testing.assert_allclose(pull.voltage, there if symmetric else TASK.targets, atol=1e-14)


def with_resistors(network: Network, conductance: float) -> Network:
    """The same network, each output wired to a further source by a true resistor."""
    names = [f"far{k}" for k in range(len(network.outputs))]
    ends = [(edge.tail, edge.head) for edge in network.edges] + [
        (port.plus, name) for port, name in zip(network.outputs, names, strict=True)
    ]
    return Network.from_edges(
        ends,
        np.append(network.conductances, np.full(len(names), conductance)),
        names=[*network.edge_names, *(f"R{name}" for name in names)],
        inputs=[*network.inputs, *(Source(name, "voltage", name) for name in names)],
        outputs=[port.plus for port in network.outputs],
        devices=network.devices,
        elements=network.elements,
        directives=network.directives,
        laws=network.laws,
    )


RECTIFIED = deep_resistive([2, 4, 3], twin_inputs=False, seed=1)
RECTIFIED = RECTIFIED.with_conductances(
    np.where(RECTIFIED.conductances < 5, 0.5 + RECTIFIED.conductances, RECTIFIED.conductances)
)
GROUNDED = kite([1e-3, 1.5e-3, 1.3e-3, 1e-3, 1e-3, 1.7e-3])
MODELS = {
    "exact": (ExactCircuit, GROUNDED),
    "diodes": (NewtonCircuit, with_diodes(GROUNDED, seed=3)),
    "ideal diodes": (NewtonCircuit, RECTIFIED),
    "ngspice": (NgspiceCircuit, GROUNDED),
    "diodes in ngspice": (NgspiceCircuit, with_diodes(GROUNDED, seed=3)),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("part", [0.01, 3.0])
def test_a_pull_is_a_resistor_of_the_netlist(name, part) -> None:
    """All voltages and currents, beside the same network with true resistors and sources at their far ends."""
    kind, network = MODELS[name]
    random = np.random.default_rng(4)
    inputs, towards = random.uniform(-1, 1, (5, 2)), random.uniform(-1, 1, (5, 3))
    beta = part * network.typical_conductance
    with kind(network) as circuit, kind(with_resistors(network, beta)) as wired:
        got = circuit.measure(Drive(inputs, Pull(towards, beta)))
        true = wired.measure(Drive(np.hstack((inputs, towards))))
        np.testing.assert_allclose(got.output_voltages, true.output_voltages, rtol=0, atol=1e-9)
        np.testing.assert_allclose(got.edge_drops(), true.edge_drops()[:, : len(network.edges)], rtol=0, atol=1e-9)
        current = beta * (towards - true.output_voltages)
        np.testing.assert_allclose(got.output_currents, current, rtol=0, atol=1e-9 * beta)
        circuit.measure(Drive(inputs))
        again = circuit.measure(Drive(inputs, Pull(towards[:1], beta)))  # one row for all, after another phase
        np.testing.assert_allclose(again.output_voltages[0], got.output_voltages[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["diodes", "ideal diodes", "diodes in ngspice"])
@pytest.mark.parametrize("symmetric", [False, True])
def test_direction_is_the_gradient_in_nonlinear_circuits(name, symmetric) -> None:
    """Against finite differences of the loss. 2 ġ(β/2) − ġ(β) leaves the second order of β."""
    kind, network = MODELS[name]
    task = Task([[0.9, -0.4], [0.3, 0.8]], [[0.2, 0.1, 0.4], [0.5, -0.1, 0.2]])
    with kind(network) as circuit:
        start = network.conductances

        def loss(g) -> float:
            circuit.program(g)
            return task_loss(circuit, task)[0]

        slopes = []
        for k, step in enumerate(1e-3 * start):
            up, down = start.copy(), start.copy()
            up[k] += step
            down[k] -= step
            slopes.append((loss(up) - loss(down)) / (2 * step))
        circuit.program(start)
        beta = 1e-2 * network.typical_conductance
        full, half = (by_resistor(nudge, symmetric).direction(circuit, task) for nudge in (beta, beta / 2))
    true = -np.array(slopes)
    assert np.abs(full - true).max() > 2 * np.abs(2 * half - full - true).max()
    np.testing.assert_allclose(2 * half - full, true, rtol=0, atol=1e-3 * np.abs(true).max())


def test_large_resistors_clamp() -> None:
    """β → ∞: the outputs are held at the targets, and β ġ is that of coupled learning."""
    circuit = ExactCircuit(KITE)
    clamped = CoupledLearning(symmetric=True).direction(circuit, TASK)
    stiff = 1e6 * by_resistor(1e6, symmetric=True).direction(circuit, TASK)
    np.testing.assert_allclose(stiff, clamped, rtol=0, atol=1e-4 * np.abs(clamped).max())


@pytest.mark.parametrize("symmetric", [False, True])
def test_it_learns_alone_and_with_many(symmetric) -> None:
    rule, task = by_resistor(0.5, symmetric), Task([[1.0, 0.0]], [[0.62, 0.5, 0.42]])
    circuit = ExactCircuit(KITE)
    result = train(circuit, task, rule, steps=300, learning_rate="auto")
    assert result.losses[-1] < 1e-6 * result.losses[0]
    alone = train(ExactCircuit(KITE), task, rule, steps=20, learning_rate=2.0)
    starts = np.stack((KITE.conductances, 2 * KITE.conductances))
    many = train_many(KITE, task, rule, conductances=starts, steps=20, learning_rate=2.0)
    np.testing.assert_allclose(many.losses[0], alone.losses, rtol=1e-9)
    np.testing.assert_allclose(many.conductances[0], alone.conductances, rtol=1e-9)
    assert not np.allclose(many.losses[0], many.losses[1])


def test_the_rules_own_rate_is_that_of_its_dynamics() -> None:
    """Largest eigenvalue of J Jᵀ (1 + βR)⁻¹/S."""
    task, beta = Task([[1.0, 0.0]], [[0.62, 0.5, 0.42]]), 0.5
    jacobian = gradient(lambda h: outputs_of(KITE, h, task), KITE.conductances)[0]
    flowing = np.linalg.inv(np.eye(3) + beta * port_resistance(KITE, KITE.conductances))
    largest = np.linalg.eigvals(jacobian @ jacobian.T @ flowing).real.max()
    dynamics = error_dynamics(ExactCircuit(KITE), task, by_resistor(beta))
    found = modes(dynamics.here(), np.arange(1.0, len(KITE.edges) + 1)).fastest
    assert found == pytest.approx(largest, rel=5e-3)


def test_overclamping_pushes_what_pulls() -> None:
    rule = Overclamped(by_resistor(0.3), push=0.1, rest=0.0)
    pull = rule.nudged(ExactCircuit(KITE).measure(Drive(TASK.inputs)), TASK.targets, 0.3)
    assert isinstance(pull, Pull)
    signs = np.sign(outputs_of(KITE, KITE.conductances, TASK) - TASK.targets)
    np.testing.assert_allclose(pull.voltage, TASK.targets - 0.1 * signs, atol=1e-14)


def test_what_makes_no_sense_is_refused() -> None:
    for arguments, said in (
        ({"by": "wire"}, "'current' or 'resistor'"),
        ({"by": "resistor", "nudge": -0.1}, "positive conductance"),
    ):
        with pytest.raises(HwlearnError, match=said):
            EquilibriumPropagation(**arguments)
    with pytest.raises(DriveError, match="positive"):
        Pull([[1.0]], 0.0)
    floating = deep_resistive([2, 4, 2], twin_inputs=False).with_ports(outputs=["o0,o1"])
    with pytest.raises(ModelError, match="pulled by resistors"):
        by_resistor(0.1).read(NewtonCircuit(floating), Task([[1.0, 0.5]], [[0.1]]))


FILE = """
[circuit]
builder = "kite"
conductances = [1.0, 1.5, 1.3, 1.0, 1.0, 1.7]
[task]
inputs = [[1.0, 0.0]]
targets = [[0.62, 0.5, 0.42]]
[rule]
name = "ep"
nudge = 0.5
by = "resistor"
[train]
steps = 5
learning_rate = 0.2
"""


def test_files_name_it(tmp_path) -> None:
    path = tmp_path / "kite.toml"
    path.write_text(FILE, encoding="utf-8")
    rule = load_experiment(path).rule
    assert repr(rule) == "EquilibriumPropagation(nudge=0.5, symmetric=False, by='resistor')"
    assert tomllib.loads(FILE)["rule"]["by"] == rule.by
    path.write_text(FILE.replace('"ep"', '"cl"'), encoding="utf-8")
    with pytest.raises(HwlearnError, match="by"):
        load_experiment(path)
    path.write_text(FILE.replace('"resistor"', '"wire"'), encoding="utf-8")
    with pytest.raises(HwlearnError, match="'current' or 'resistor'"):
        load_experiment(path)
