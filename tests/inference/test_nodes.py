"""`NodeCircuit` against a dense solve, and its sensitivity against finite differences."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn import Drive, Inject
from hwlearn.inference.nodes import NodeCircuit
from hwlearn.network.builders import grid
from hwlearn.testing.nodal import modified_nodal

NETWORK = grid(3, 3, inputs=["n0_0", "n0_2,n2_0", "I(n1_1)"], outputs=["n2_2", "n0_1,n1_2"])
INPUTS, OUTPUTS = len(NETWORK.inputs), len(NETWORK.outputs)


def dense(conductances, inputs, currents):
    return modified_nodal(NETWORK, conductances, Drive(inputs, Inject(currents)))


def random_conductances(seed):
    return 10 ** np.random.default_rng(seed).uniform(-4, -2, len(NETWORK.edges))


@given(seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_units_samples_and_resistances_are_those_of_a_dense_solve(seed):
    random, g = np.random.default_rng(seed), random_conductances(seed)
    inputs, currents = random.uniform(-1, 1, (4, INPUTS)), random.uniform(-1e-3, 1e-3, (4, OUTPUTS))
    with NodeCircuit(NETWORK) as model:
        answer = model.ask(g, Drive(inputs, Inject(currents)))
    sources = np.eye(INPUTS + OUTPUTS)
    units = dense(g, sources[:, :INPUTS], sources[:, INPUTS:])
    size = np.abs(units.node_voltages).max()
    np.testing.assert_allclose(answer.units, units.node_voltages, atol=1e-9 * size)
    np.testing.assert_allclose(answer.unit_drops, units.node_voltages @ NETWORK.incidence.T.toarray(), atol=1e-9 * size)
    np.testing.assert_allclose(answer.nodes, dense(g, inputs, currents).node_voltages, atol=1e-9 * size)
    ends = NETWORK.port_incidence.toarray()
    np.testing.assert_allclose(ends @ answer.resistance, units.node_voltages[INPUTS:], atol=1e-9 * size)
    np.testing.assert_allclose(answer.resistance, answer.resistance.T, atol=1e-9 * size)
    np.testing.assert_allclose(answer.across, NETWORK.incidence @ answer.resistance, atol=1e-9 * size)


@given(seed=st.integers(0, 2**32), edge=st.integers(0, len(NETWORK.edges) - 1))
@settings(max_examples=25, deadline=None)
def test_the_sensitivity_is_a_finite_difference(seed, edge):
    g, step = random_conductances(seed), 1e-5
    inputs, currents = np.array([[1.0, -0.5, 1e-3]]), np.array([[1e-3, -1e-3]])
    with NodeCircuit(NETWORK) as model:
        answer = model.ask(g, Drive(inputs, Inject(currents)))
    moved = np.exp(step * (np.arange(len(g)) == edge))
    both = [dense(g * factor, inputs, currents).node_voltages for factor in (moved, 1 / moved)]
    slope = (both[0] - both[1]) / (2 * step)
    size = np.abs(both[0]).max()
    np.testing.assert_allclose(answer.sensitivity(g, answer.drops)[..., edge], slope, atol=1e-6 * size)
