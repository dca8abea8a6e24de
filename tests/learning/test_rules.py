"""The rules descend what THEORY says they descend: against finite differences of losses from a dense solve."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from networks import problems, rounding
from numpy.typing import NDArray

from hwlearn import (
    AdjointCoupledLearning,
    CoupledLearning,
    Drive,
    DualCoupledLearning,
    EquilibriumPropagation,
    ExactCircuit,
    FullClamp,
    Hold,
    Inject,
    Network,
    Rule,
    Task,
)
from hwlearn.errors import HwlearnError, TaskError
from hwlearn.network.builders import kite
from hwlearn.testing.nodal import modified_nodal

Array = NDArray[np.float64]


def outputs_of(network: Network, g: Array, task: Task) -> Array:
    return modified_nodal(network, g, Drive(task.inputs)).output_voltages


def held_currents(network: Network, g: Array, task: Task) -> Array:
    return modified_nodal(network, g, Drive(task.inputs, Hold(task.targets))).output_currents


def port_resistance(network: Network, g: Array) -> Array:
    """R (n_out, n_out) Ω: voltages of unit currents, the sources at rest."""
    count = len(network.outputs)
    rest = np.zeros((count, len(network.inputs)))
    base = modified_nodal(network, g, Drive(rest, Inject(np.zeros((count, count))))).output_voltages
    return modified_nodal(network, g, Drive(rest, Inject(np.eye(count)))).output_voltages.T - base.T


def gradient(loss: Callable[[Array], float | Array], g: Array) -> Array:
    """Central differences with Richardson extrapolation; the last axis is the edge."""
    columns = []
    for e in range(len(g)):

        def slope(step: float, e: int = e) -> float | Array:
            up, down = g.copy(), g.copy()
            up[e] += step
            down[e] -= step
            return (np.asarray(loss(up)) - np.asarray(loss(down))) / (2 * step)

        coarse, fine = slope(2e-3 * g[e]), slope(1e-3 * g[e])
        columns.append((4 * np.asarray(fine) - np.asarray(coarse)) / 3)
    return np.stack(columns, axis=-1)


def expected(rule: Rule, network: Network, task: Task) -> Array:
    """ġ of THEORY.md for an infinitesimal nudge, all edges."""
    g, samples = network.conductances, len(task)
    error = outputs_of(network, g, task) - task.targets
    resistance = port_resistance(network, g)
    if isinstance(rule, EquilibriumPropagation):
        return -gradient(lambda h: 0.5 * ((outputs_of(network, h, task) - task.targets) ** 2).sum() / samples, g)
    if isinstance(rule, AdjointCoupledLearning):
        return -gradient(lambda h: 0.5 * (held_currents(network, h, task) ** 2).sum() / samples, g)
    if isinstance(rule, FullClamp):

        def excess(h: Array) -> float:
            e = outputs_of(network, h, task) - task.targets
            return 0.5 * float((e * np.linalg.solve(port_resistance(network, h), e.T).T).sum()) / samples

        return -gradient(excess, g)
    if isinstance(rule, DualCoupledLearning):  # Jᵀ I, J at fixed currents in the held state
        currents = held_currents(network, g, task)
        jacobian = gradient(lambda h: modified_nodal(network, h, Drive(task.inputs, Inject(currents))).output_voltages, g)
        return np.einsum("soe,so->e", jacobian, currents) / samples
    jacobian = gradient(lambda h: outputs_of(network, h, task), g)
    return -np.einsum("soe,so->e", jacobian, np.linalg.solve(resistance, error.T).T) / samples


@settings(max_examples=20)
@given(problems(fixed_edges=True))
@pytest.mark.parametrize(
    "rule",
    [
        EquilibriumPropagation(2e-4, symmetric=True),
        CoupledLearning(0.3, symmetric=True),
        AdjointCoupledLearning(50.0, symmetric=True),
        FullClamp(),
        DualCoupledLearning(0.3, symmetric=True),
    ],
    ids=lambda rule: rule.name,
)
def test_direction_is_that_of_theory(rule: Rule, problem: tuple[Network, Task]) -> None:
    network, task = problem
    got, true = rule.direction(ExactCircuit(network), task), expected(rule, network, task)
    natural = FullClamp() if isinstance(rule, FullClamp) else type(rule)(rule.natural_nudge(network))
    atol = 2e-7 * np.abs(true).max() + 1e4 * rounding(natural, network, task)  # what differencing a loss leaves
    np.testing.assert_allclose(got[network.trainable], true[network.trainable], rtol=0, atol=atol)
    assert not got[~network.trainable].any()


@settings(max_examples=20)
@given(problems())
@pytest.mark.parametrize("rule", [EquilibriumPropagation, CoupledLearning, AdjointCoupledLearning, DualCoupledLearning])
def test_symmetric_nudging_is_exact_at_any_amplitude(rule: type[Rule], problem: tuple[Network, Task]) -> None:
    network, task = problem
    circuit = ExactCircuit(network)
    natural = rule().natural_nudge(network)
    small, large = (rule(a * natural, symmetric=True).direction(circuit, task) for a in (1e-3, 10.0))
    atol = 1e-9 * np.abs(small).max() + rounding(rule(1e-3 * natural), network, task)
    np.testing.assert_allclose(small, large, rtol=0, atol=atol)


@pytest.mark.parametrize("rule", [EquilibriumPropagation, CoupledLearning, AdjointCoupledLearning, DualCoupledLearning])
def test_one_sided_nudging_is_first_order(rule: type[Rule]) -> None:
    circuit, task = ExactCircuit(kite([1, 1.5, 1.3, 1, 1, 1.7])), Task([[1, 0], [0.3, 1]], [[0.6, 0.5, 0.4], [0.5, 0.4, 0.2]])
    true = rule(1.0, symmetric=True).direction(circuit, task)
    nudges = np.array([1e-1, 1e-2, 1e-3])
    errors = [np.abs(rule(nudge).direction(circuit, task) - true).max() for nudge in nudges]
    assert np.polyfit(np.log(nudges), np.log(errors), 1)[0] == pytest.approx(1, abs=0.02)
    other = [np.abs(rule(-nudge).direction(circuit, task) - true).max() for nudge in nudges]
    np.testing.assert_allclose(other, errors, rtol=1e-6)  # the other side errs as much, the other way


def test_losses_are_what_the_rules_observe() -> None:
    network, task = kite(), Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])
    circuit = ExactCircuit(network)
    error, current = (f(network, network.conductances, task) for f in (outputs_of, held_currents))
    for rule in (EquilibriumPropagation(), CoupledLearning(), FullClamp()):
        assert rule.read(circuit, task).loss == pytest.approx(0.5 * ((error - task.targets) ** 2).sum(), rel=1e-12)
    for other in (AdjointCoupledLearning(), DualCoupledLearning()):
        assert other.read(circuit, task).loss == pytest.approx(0.5 * (current**2).sum(), rel=1e-12)


def test_bad_rules_and_tasks() -> None:
    for nudge in (0.0, np.nan, np.inf):
        with pytest.raises(HwlearnError, match="nudge"):
            EquilibriumPropagation(nudge)
    circuit = ExactCircuit(kite())
    with pytest.raises(TaskError, match="2 target values per sample for 3 outputs"):
        EquilibriumPropagation().direction(circuit, Task([[1, 0]], [[0.5, 0.5]]))
    with pytest.raises(TaskError, match="1 input values"):
        EquilibriumPropagation().direction(circuit, Task([[1]], [[0.5, 0.5, 0.5]]))
