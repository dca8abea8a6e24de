"""Resistors and diodes by damped Newton: the contract, Kirchhoff's laws, and the answers of ngspice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import networks
from newton import VOLT, agrees_with_ngspice, assert_balanced, drive_inputs, with_diodes
from scipy.sparse import csr_array

from hwlearn import Circuit, Drive, Hold, Network, NewtonCircuit, Open
from hwlearn.circuits.newton.matrices import PivotedMatrices
from hwlearn.errors import ModelError, SimulationError
from hwlearn.network.edges import Element
from hwlearn.testing.circuits import CircuitContract
from hwlearn.testing.resistors import ResistorContract


class TestLinear(ResistorContract):
    def make(self, network: Network) -> Circuit:
        return NewtonCircuit(network)


class TestDiodes(CircuitContract):
    def make(self, network: Network) -> Circuit:
        return NewtonCircuit(with_diodes(network))


def spice_exponential(x: float) -> float:
    """exp(x) − 1, and SPICE3's tail at reverse voltages."""
    return np.expm1(x) if x > -3 else -1 - (3 / (np.e * x)) ** 3


@settings(max_examples=30, deadline=None)
@given(network=networks(), seed=st.integers(0, 2**32 - 1), volts=st.sampled_from([0.5, 5.0]))
def test_ngspice_agrees(network: Network, seed: int, volts: float) -> None:
    """Where junctions carry no more than the resistors can: currents of 1e9 A between two sources are no circuit."""
    network = with_diodes(network, seed, count=4)
    inputs = drive_inputs(network, seed, volts, 3)
    currents = np.random.default_rng(seed).uniform(-1e-4, 1e-4, (3, len(network.outputs)))
    agrees_with_ngspice(network, inputs, currents, 1.0)


@settings(max_examples=40, deadline=None)
@given(network=networks(), seed=st.integers(0, 2**32 - 1))
def test_currents_balance_at_nodes_without_sources(network: Network, seed: int) -> None:
    network = with_diodes(network, seed)
    inputs = drive_inputs(network, seed, 1.0, 1)
    got = NewtonCircuit(network).measure(Drive(inputs))
    at = dict(zip(network.nodes, got.node_voltages[0].tolist(), strict=True))
    flows = [(e.tail, e.head, g * (at[e.tail] - at[e.head])) for e, g in zip(network.edges, network.conductances, strict=True)]
    for element in network.elements:
        saturation, n = (1e-12, 1.5) if element.card.endswith("da") else (1e-14, 1.0)
        drop = at[element.nodes[0]] - at[element.nodes[1]]
        flows.append((*element.nodes, saturation * spice_exponential(drop / (n * VOLT)) + 1e-12 * drop))
    assert_balanced(network, at, inputs[0].tolist(), flows)


@settings(max_examples=20, deadline=None)
@given(network=networks(), seed=st.integers(0, 2**32 - 1))
def test_no_measurement_hangs_on_the_one_before(network: Network, seed: int) -> None:
    """To the last bit, so that a resumed training goes on as it would have; nor on one that was refused."""
    network = with_diodes(network, seed)
    inputs = drive_inputs(network, seed, 1.0, 3)
    with NewtonCircuit(network) as used, NewtonCircuit(network) as fresh:
        answer(used, Drive(5 * inputs[::-1]))
        used.program(2 * network.conductances)
        held = np.full((3, len(network.outputs)), 0.1)
        answer(used, Drive(inputs, Hold(0.5 * held)))
        used.program(network.conductances)
        for outputs in (Open(), Hold(held)):
            one, two = (answer(circuit, Drive(inputs, outputs)) for circuit in (used, fresh))
            assert one == two


def answer(circuit: NewtonCircuit, drive: Drive) -> str | tuple[bytes, bytes]:
    """The bits of a measurement, or why it was refused."""
    try:
        measured = circuit.measure(drive)
    except SimulationError as error:
        return str(error)
    return measured.node_voltages.tobytes(), measured.output_currents.tobytes()


@pytest.mark.parametrize(
    ("card", "model", "named"),
    [
        ("d1 m 0 da", ".model da d(is=1e-12 isr=3)", "file:3.* has isr"),
        ("d1 m 0 da", ".model da d(rs=-3)", "file:3.* resistance is -3"),
        ("d1 m 0 da 2 3", ".model da d", "file:3: d1 m 0 da 2 3"),
        ("q1 m 0 k qa", ".model qa npn", "file:3: q1 m 0 k qa"),
        ("d1 m 0 da", ".options temp=warm", "temp is 'warm'"),
        ("d1 m 0 da", ".model da d(n=0)", "n is '0'"),
    ],
)
def test_other_elements_and_parameters_are_refused_by_name(card: str, model: str, named: str) -> None:
    network = Network.from_edges(
        [("a", "m"), ("m", "0"), ("m", "k")],
        1e-3,
        inputs=["a"],
        outputs=["m"],
        elements=[Element(card.split(maxsplit=1)[0].upper(), card, ("m", "0"), "file:3")],
        directives=[model] if model.startswith(".model") else [model, ".model da d"],
    )
    with pytest.raises(ModelError, match=named):
        NewtonCircuit(network)


@pytest.mark.parametrize("transposed", [False, True])
def test_matrices_without_dominant_diagonals_are_solved(transposed: bool) -> None:
    """Such as those of controlled sources; a zero on the diagonal would end an elimination in order."""
    random = np.random.default_rng(3)
    size, count = 120, 480
    left, right = (csr_array(random.standard_normal((count, size)) * (random.random((count, size)) < 0.02)) for _ in range(2))
    slopes, rhs = random.standard_normal((count, 2)), random.standard_normal((2, size, 3))
    found = PivotedMatrices(left, right).solve(slopes, rhs, transposed)
    for k in range(2):
        dense = left.T.toarray() @ (slopes[:, k, None] * right.toarray())
        expected = np.linalg.solve(dense.T if transposed else dense, rhs[k])
        np.testing.assert_allclose(found[k], expected, rtol=0, atol=1e-8 * np.abs(expected).max())
