"""Conductances many decades apart: right to the stated error against exact fractions, or refused."""

from fractions import Fraction

import numpy as np
import pytest
from effort import tries
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hwlearn import (
    Circuit,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    Inject,
    Network,
    NewtonCircuit,
    NgspiceCircuit,
    Source,
    Task,
    train_many,
)
from hwlearn.circuits.newton.equations import LEAST
from hwlearn.circuits.trust import ACCURACY
from hwlearn.errors import NetworkError, SimulationError
from hwlearn.network.builders import grid

SETTINGS = settings(max_examples=tries(75), suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
"""Without shrinking, which takes minutes in fractions."""

Solution = tuple[np.ndarray, np.ndarray]


def kirchhoff(network: Network, inputs: np.ndarray, injected: np.ndarray) -> Solution:
    """Node voltages and input currents by modified nodal analysis in fractions, for one sample."""
    nodes, sources = len(network.nodes), network.sources
    values = [*inputs.tolist(), *(source.value for source in network.fixed_sources)]
    voltage = [k for k, source in enumerate(sources) if source.kind == "voltage"]
    size = nodes + len(voltage)
    system = [[Fraction(0)] * (size + 1) for _ in range(size)]
    grounded = network.node_index.get("0", -1)

    def ends(plus: str, minus: str) -> list[tuple[int, int]]:
        return [(network.node_index[node], sign) for node, sign in ((plus, 1), (minus, -1)) if node in network.node_index]

    for (tail, head, _), g in zip(network.edges, map(Fraction, network.conductances.tolist()), strict=True):
        for at, sign in ends(tail, head):
            for there, other in ends(tail, head):
                system[at][there] += sign * other * g
    for k, source in enumerate(sources):
        for at, sign in ends(source.plus, source.minus):
            if source.kind == "current":
                system[at][size] += sign * Fraction(values[k])
            else:
                row = nodes + voltage.index(k)
                system[row][at] += sign
                system[at][row] -= sign
    for k, row in zip(voltage, range(nodes, size), strict=True):
        system[row][size] = Fraction(values[k])
    for port, current in zip(network.outputs, map(Fraction, injected.tolist()), strict=True):
        for at, sign in ends(port.plus, port.minus):
            system[at][size] += sign * current
    if grounded >= 0:
        system[grounded] = [Fraction(int(column == grounded)) for column in range(size)] + [Fraction(0)]
    for column in range(size):
        pivot = next(row for row in range(column, size) if system[row][column])
        system[column], system[pivot] = system[pivot], system[column]
        for row in range(size):
            if row != column and (factor := system[row][column] / system[column][column]):
                system[row] = [one - factor * two for one, two in zip(system[row], system[column], strict=True)]
    solution = [system[row][size] / system[row][row] for row in range(size)]
    currents = [
        solution[nodes + voltage.index(k)] if source.kind == "voltage" else Fraction(values[k])
        for k, source in enumerate(network.inputs)
    ]
    return np.array([float(v) for v in solution[:nodes]]), np.array([float(i) for i in currents])


@st.composite
def spans(draw: st.DrawFn) -> tuple[Network, np.ndarray, np.ndarray]:
    """A connected network of up to 8 nodes, conductances over 0 to 20 decades; inputs, and currents into the outputs."""
    count = draw(st.integers(2, 8))
    nodes = ["0", *(f"n{k}" for k in range(1, count))]
    ends = [(nodes[draw(st.integers(0, k - 1))], nodes[k]) for k in range(1, count)]
    ends += draw(st.lists(st.tuples(*2 * [st.sampled_from(nodes)]).filter(lambda pair: pair[0] != pair[1]), max_size=count))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    decades = draw(st.floats(0, 20))
    exponents = random.choice([-0.5, 0.5], len(ends)) if draw(st.booleans()) else random.uniform(-0.5, 0.5, len(ends))
    conductances = 10 ** (decades * exponents + random.uniform(0, 0.3, len(ends)))
    pair = st.tuples(st.sampled_from(nodes), st.sampled_from(nodes)).filter(lambda pair: pair[0] != pair[1])
    sources = [
        Source(f"s{k}", draw(st.sampled_from(["voltage", "voltage", "current"])), *draw(pair))
        for k in range(draw(st.integers(1, 3)))
    ]
    port = draw(pair)
    try:
        network = Network.from_edges(
            ends,
            conductances,
            inputs=sources,
            outputs=[f"{port[0]},{port[1]}" if port[1] != "0" else port[0]],
            bounds=(1e-30, 1e30),
        )
    except NetworkError:
        network = Network.from_edges(
            ends, conductances, inputs=["n1"] if count > 2 else ["I(n1)"], outputs=[], bounds=(1e-30, 1e30)
        )
    scale = np.array([1.0 if source.kind == "voltage" else conductances.min() for source in network.inputs])
    return (
        network,
        random.uniform(-1, 1, len(network.inputs)) * scale,
        random.uniform(-1, 1, len(network.outputs)) * conductances.min(),
    )


def check(made: type[Circuit], network: Network, inputs: np.ndarray, injected: np.ndarray) -> None:
    for current in (np.zeros(len(injected)), injected):
        try:
            with made(network) as circuit:
                measured = circuit.measure(Drive([inputs], Inject([current])))
        except SimulationError as error:
            if not any(name in str(error) for name in network.edge_names):
                raise
            return
        volts, amperes = kirchhoff(network, inputs, current)
        np.testing.assert_allclose(measured.node_voltages[0], volts, rtol=0, atol=ACCURACY * np.abs(volts).max(initial=0.0))
        told = measured.input_currents[0]
        if made is NewtonCircuit and np.isnan(told).any():  # not told, as rounding drowns them
            return
        least = LEAST if made is NewtonCircuit else 0.0
        np.testing.assert_allclose(told, amperes, rtol=0, atol=1e-8 * np.abs(amperes).max(initial=0.0) + least)


@SETTINGS
@given(spans())
def test_exact(case: tuple[Network, np.ndarray, np.ndarray]) -> None:
    check(ExactCircuit, *case)


@SETTINGS
@given(spans())
def test_newton(case: tuple[Network, np.ndarray, np.ndarray]) -> None:
    check(NewtonCircuit, *case)


@SETTINGS
@given(spans())
def test_ngspice(case: tuple[Network, np.ndarray, np.ndarray]) -> None:
    check(NgspiceCircuit, *case)


CHAIN = [("a", "b"), ("b", "c"), ("c", "0")]


@pytest.mark.parametrize("middle", [1e3, 1e7, 1e11, 1e20])
def test_a_large_conductance_between_small_ones(middle: float) -> None:
    network = Network.from_edges(CHAIN, [1e-9, middle, 1e-9], inputs=["a"], outputs=["b", "c"], bounds=(1e-30, 1e30))
    measured = ExactCircuit(network).measure(Drive([[1.0]]))
    np.testing.assert_allclose(measured.output_voltages, [[0.5, 0.5]], rtol=1e-11)
    np.testing.assert_allclose(measured.input_currents, [[0.5e-9]], rtol=1e-11)


def test_newton_names_the_edges_where_rounding_keeps_it_from_an_end() -> None:
    ends = [
        ("0", "1"),
        ("1", "2"),
        ("0", "3"),
        ("3", "4"),
        ("4", "5"),
        ("5", "6"),
        ("2", "4"),
        ("5", "2"),
        ("2", "4"),
        ("2", "1"),
    ]
    large, small = 2e9, 1e-9
    conductances = [large, small, large, small, small, large, small, small, large, small]
    network = Network.from_edges(ends, conductances, inputs=["5,2"], outputs=["2,4"], bounds=(1e-30, 1e30))
    for seed in range(20):
        random = np.random.default_rng(seed)
        check(
            NewtonCircuit,
            network.with_conductances(conductances * random.uniform(0.5, 2, 10)),
            np.array([0.6]),
            -2e-10 * np.ones(1),
        )


def test_many_at_once() -> None:
    """The loss of members whose large conductances hang on small ones, to the last digits."""
    network = Network.from_edges(CHAIN, inputs=["a"], outputs=["b"], bounds=(1e-30, 1e30))
    conductances = [[1e-9, 1e3, 1e-9], [3e-9, 1e12, 1e-9]]
    task = Task([[1.0]], [[0.25]])
    found = train_many(network, task, EquilibriumPropagation(), conductances=conductances, steps=0, learning_rate=1.0)
    np.testing.assert_allclose(found.losses[:, 0], [0.5 * 0.25**2, 0.5 * 0.5**2], rtol=1e-11)


def test_a_large_system_is_refused_with_its_edges_named() -> None:
    conductances = np.full(60 * 59 * 2, 1.0)
    network = grid(60, 60, conductances, inputs=["n0_0"], outputs=["n30_30"], bounds=(1e-30, 1e30))
    far = np.flatnonzero((network.tails == network.node_index["n0_0"]) | (network.heads == network.node_index["n0_0"]))
    conductances[far] = 1e-17
    conductances[-1] = 2.0
    with pytest.raises(SimulationError, match=f"{network.edge_names[far[0]]} of 1e-17 S"):
        ExactCircuit(network.with_conductances(conductances)).measure(Drive([[1.0]]))


def test_ngspice_refuses_what_it_cannot_solve() -> None:
    network = Network.from_edges(CHAIN, [1e-9, 1e3, 1e-9], inputs=["a"], outputs=["b"])
    with NgspiceCircuit(network) as circuit, pytest.raises(SimulationError, match="R2 of 1e\\+03 S"):
        circuit.measure(Drive([[1.0]]))
