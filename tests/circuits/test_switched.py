"""Small changes of networks with ideal diodes: the slopes of what is solved, off the kinks of all diodes; kinks are named."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_coupled_diodes import random_network as coupled
from test_ideal_diodes import least_power
from test_ideal_diodes import random_network as bounded

from hwlearn import Drive, EquilibriumPropagation, Network, NewtonCircuit, Task
from hwlearn.circuits.newton.small_signal import SmallSignal
from hwlearn.errors import HwlearnWarning
from hwlearn.network.builders import deep_resistive
from hwlearn.network.devices import IdealDiode
from hwlearn.network.devices.ideal_diode import steepest
from hwlearn.network.edges import Element

STEP = 1e-5


def deep(seed: int) -> Network:
    """Two hidden layers, with biases that are not zero."""
    random = np.random.default_rng(seed)
    network = deep_resistive([3, 4, 4, 2], twin_inputs=False, seed=seed)
    values = np.maximum(network.conductances, random.uniform(0.05, 0.5, len(network.edges)))
    values[-10:] = 100 + random.normal(size=10)
    return network.with_conductances(values)


def differences(network: Network, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(S, n_out, E) V/S each: slopes of the outputs above and below the conductances, from the solver in float64."""
    sides = []
    with NewtonCircuit(network) as circuit:
        here = circuit.measure(Drive(inputs)).output_voltages
        for side in (STEP, -STEP):
            columns = []
            for k in range(len(network.edges)):
                changed = network.conductances.copy()
                changed[k] += side
                circuit.program(changed)
                columns.append((circuit.measure(Drive(inputs)).output_voltages - here) / side)
            sides.append(np.stack(columns, axis=2))
    return sides[0], sides[1]


def small_signal(circuit: NewtonCircuit, inputs: np.ndarray) -> SmallSignal:
    """Warnings of kinks aside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HwlearnWarning)
        return circuit.small_signal(inputs)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), kind=st.sampled_from([bounded, coupled, deep]))
def test_the_jacobian_is_that_of_finite_differences(seed: int, kind) -> None:
    network = kind(seed)
    inputs = np.random.default_rng(seed + 1).normal(size=(4, len(network.inputs)))
    with NewtonCircuit(network) as circuit:
        found = small_signal(circuit, inputs)
        measured = circuit.measure(Drive(inputs))
    np.testing.assert_array_equal(found.outputs, measured.output_voltages)
    above, below = differences(network, inputs)
    size = max(np.abs(above).max(), np.abs(below).max(), 1e-3)
    smooth = np.abs(above - below).max(axis=(1, 2)) < 1e-2 * size  # none conducts or blocks on the way
    for name, sample in found.kinks:  # beside a node whose one resistor never carries a current
        assert kind is not deep
        at = dict(zip(network.nodes, measured.node_voltages[sample], strict=True))
        ends = [at.get(end, 0.0) for element in network.elements if element.name == name for end in element.nodes]
        assert ends[0] == pytest.approx(ends[1], abs=1e-9)
        smooth[sample] = False
    np.testing.assert_allclose(found.jacobian[smooth], (above + below)[smooth] / 2, rtol=0, atol=1e-5 * size)
    np.testing.assert_array_equal(found.jacobian, found.contrast)


@pytest.mark.parametrize("seed", range(4))
def test_the_jacobian_is_that_of_scipys_least_power(seed: int) -> None:
    network, inputs = bounded(seed), np.array([[0.7, -0.4]])
    found = NewtonCircuit(network).small_signal(inputs).jacobian[0]
    places = [network.node_index[name] for name in ("n3", "n5")]
    for k in range(len(network.edges)):
        sides = []
        for side in (1e-4, -1e-4):
            changed = network.conductances.copy()
            changed[k] += side
            sides.append(least_power(network.with_conductances(changed), inputs[0], np.zeros(2))[places])
        np.testing.assert_allclose(found[:, k], (sides[0] - sides[1]) / 2e-4, atol=1e-4 * max(np.abs(found).max(), 1e-3))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), kind=st.sampled_from([bounded, coupled, deep]))
def test_ep_goes_down_the_jacobian(seed: int, kind) -> None:
    """For small nudges: ġ = −Jᵀ e, mean over the samples, of resistors and of biases."""
    network, random = kind(seed), np.random.default_rng(seed + 1)
    inputs = random.normal(size=(3, len(network.inputs)))
    with NewtonCircuit(network) as circuit:
        small = small_signal(circuit, inputs)
        assume(not small.kinks)
        error = random.uniform(-0.3, 0.3, small.outputs.shape)
        direction = EquilibriumPropagation(1e-7, symmetric=True).direction(circuit, Task(inputs, small.outputs - error))
    expected = -np.einsum("sa,sae->e", error, small.jacobian) / 3
    np.testing.assert_allclose(direction, expected, rtol=0, atol=1e-5 * max(np.abs(expected).max(), 1e-2))


def test_diodes_back_to_back_are_a_short_also_without_a_current() -> None:
    """b hangs on nothing but the two diodes and an edge to ground, and no current flows at 0 V."""
    cards = [("D1", ("a", "b")), ("D2", ("b", "a"))]
    network = Network.from_edges(
        [("in", "a"), ("b", "0")], [1.0, 1.0], inputs=["in"], outputs=["a", "b"],
        elements=[Element(name, f"{name} {' '.join(ends)} ideal", ends, "test") for name, ends in cards],
        directives=[steepest("ideal")], laws=[IdealDiode],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = NewtonCircuit(network).small_signal(np.array([[0.0], [1.0]]))
    np.testing.assert_allclose(found.forward[:, :, 1], 0.5)  # V/A: two resistors of 1 Ω side by side
    np.testing.assert_allclose(found.jacobian[1], [[0.25, -0.25]] * 2)


def test_diodes_on_their_kinks_are_named_and_taken_as_open() -> None:
    """An input of 0 V without biases: no voltage and no current anywhere."""
    network = deep_resistive([2, 4, 1], twin_inputs=False, seed=1, biases="none")
    with pytest.warns(HwlearnWarning, match=r"D1 in sample 1, D2 in sample 1, D3 in sample 1, D4 in sample 1\. The outputs"):
        found = NewtonCircuit(network).small_signal(np.array([[2.0, -1.0], [0.0, 0.0]]))
    open_network = deep_resistive([2, 4, 1], twin_inputs=False, seed=1, biases="none", diodes="none")
    linear = NewtonCircuit(open_network).small_signal(np.zeros((1, 2)))
    np.testing.assert_allclose(found.forward[1], linear.forward[0], rtol=1e-9, atol=1e-12)
    assert {kink.diode for kink in found.kinks} == {"D1", "D2", "D3", "D4"}
