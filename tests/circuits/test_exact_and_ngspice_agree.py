"""The exact model, ngspice and a dense modified nodal analysis give one answer on random networks."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from networks import problems, rounding

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
    NgspiceCircuit,
    Open,
    Rule,
    Task,
    train,
)
from hwlearn.testing.nodal import modified_nodal

RULES: list[Rule] = [
    FullClamp(),
    *(
        rule(symmetric=symmetric)
        for rule in (EquilibriumPropagation, CoupledLearning, AdjointCoupledLearning, DualCoupledLearning)
        for symmetric in (False, True)
    ),
]


@settings(max_examples=50)
@given(problems(fixed_edges=True))
def test_voltages_currents_and_directions(problem: tuple[Network, Task]) -> None:
    network, task = problem
    with ExactCircuit(network) as exact, NgspiceCircuit(network) as ngspice:
        for outputs in (Open(), Inject(1e-4 * task.targets), Hold(task.targets)):
            drive = Drive(task.inputs, outputs)
            one, two = exact.measure(drive), ngspice.measure(drive)
            true = modified_nodal(network, network.conductances, drive)
            volts = np.abs(true.node_voltages).max()
            amperes = max(
                np.abs(true.input_currents).max(), np.abs(true.output_currents).max(), volts * network.conductances.min()
            )
            for got in (one, two):
                np.testing.assert_allclose(got.node_voltages, true.node_voltages, rtol=0, atol=1e-12 * volts)
                np.testing.assert_allclose(got.output_currents, true.output_currents, rtol=0, atol=1e-11 * amperes)
                np.testing.assert_allclose(got.input_currents, true.input_currents, rtol=0, atol=1e-11 * amperes)
        for rule in RULES:
            one, two = rule.direction(exact, task), rule.direction(ngspice, task)
            atol = 1e-9 * np.abs(one).max() + rounding(rule, network, task)
            np.testing.assert_allclose(one, two, rtol=0, atol=atol, err_msg=repr(rule))


@pytest.mark.parametrize("rule", [EquilibriumPropagation, CoupledLearning, AdjointCoupledLearning])
@settings(max_examples=3)
@given(problem=problems())
def test_a_training_of_200_steps(rule: type[Rule], problem: tuple[Network, Task]) -> None:
    network, task = problem
    chosen = rule(symmetric=True)
    first = chosen.direction(ExactCircuit(network), task)
    noise = rounding(chosen, network, task)
    assume(np.abs(first).max() > noise)
    rate = 0.02 * network.conductances.min() / np.abs(first).max()
    ends = []
    for backend in (ExactCircuit, NgspiceCircuit):
        with backend(network) as circuit:
            ends.append(train(circuit, task, chosen, steps=200, learning_rate=rate).conductances)
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-9, atol=200 * rate * noise)
