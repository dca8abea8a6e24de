"""What every answer of `NewtonCircuit` must fulfil: it is that of ngspice, and currents balance."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from hwlearn import Drive, Hold, Inject, Network, NewtonCircuit, NgspiceCircuit, Open, Source, Transistor
from hwlearn.arrays import Array
from hwlearn.circuits.measurement import Measurement
from hwlearn.network.edges import Element

VOLT = 1.38064852e-23 * 300.15 / 1.6021766208e-19
"""kT/q [V] of ngspice 39 at 27 °C."""
MODELS = (".model da d(is=1e-12 n=1.5)", ".model db d")


def agrees_with_ngspice(network: Network, inputs: Array, currents: Array, held: float) -> None:
    """Open, injected and held at `held` times the open voltages, except where sources drive more than an ampere."""
    with NewtonCircuit(network) as newton, NgspiceCircuit(network) as ngspice:
        free = newton.measure(Drive(inputs))
        for outputs in (Open(), Inject(currents), Hold(held * free.output_voltages)):
            one = newton.measure(Drive(inputs, outputs))
            if np.abs(one.input_currents).max() > 1:
                continue
            assert_alike(one, ngspice.measure(Drive(inputs, outputs)))


def assert_alike(one: Measurement, two: Measurement) -> None:
    """`one` is `two`, that of ngspice."""
    size = max(np.abs(two.node_voltages).max(), 0.1)
    np.testing.assert_allclose(one.node_voltages, two.node_voltages, rtol=0, atol=1e-9 * size)
    amperes = max(
        np.abs(two.input_currents).max(), np.abs(two.output_currents).max(), 1e-5
    )  # abstol is 1e-15 A for each element
    np.testing.assert_allclose(one.input_currents, two.input_currents, rtol=0, atol=1e-9 * amperes)
    np.testing.assert_allclose(one.output_currents, two.output_currents, rtol=0, atol=1e-9 * amperes)
    np.testing.assert_allclose(one.power, two.power, rtol=0, atol=1e-8 * amperes * size)


def assert_balanced(
    network: Network, at: dict[str, float], inputs: Sequence[float], flows: Iterable[tuple[str, str, float]]
) -> None:
    """Kirchhoff's current law where no voltage source is, for voltages `at` nodes and flows (from, to, A) of all elements."""
    flows = list(flows)
    for k, source in enumerate(network.sources):
        if source.kind == "current":
            flows.append((source.minus, source.plus, inputs[k] if k < len(network.inputs) else source.value))
    leaving = dict.fromkeys(at, 0.0)
    for plus, minus, current in flows:
        leaving[plus] += current
        leaving[minus] -= current
    tied = {node for source in network.sources if source.kind == "voltage" for node in (source.plus, source.minus)} | {"0"}
    size = max(abs(current) for *_, current in flows)
    rounding = 1e-15 + 1e-14 * max(map(abs, at.values())) * network.conductances.max()
    assert all(abs(leaving[node]) < 1e-9 * size + rounding for node in at if node not in tied)


def with_diodes(network: Network, seed: int = 0, count: int = 3) -> Network:
    """Diodes between nodes at random."""
    random = np.random.default_rng(seed)
    nodes = tuple(dict.fromkeys((*network.nodes, "0")))
    ends = [tuple(map(str, random.choice(nodes, 2, False))) for _ in range(count)]
    elements = tuple(
        Element(f"D{k}", f"d{k} {a.lower()} {b.lower()} {random.choice(['da', 'db'])}", (a, b), "here")
        for k, (a, b) in enumerate(ends)
    )
    return replace(network, nodes=nodes, elements=elements, directives=MODELS)


def drive_inputs(network: Network, seed: int, volts: float, count: int) -> np.ndarray:
    scale = np.array([volts if source.kind == "voltage" else 1e-4 for source in network.inputs])
    return np.random.default_rng(seed).uniform(-1, 1, (count, len(network.inputs))) * scale


def with_transistors(network: Network, seed: int = 0) -> Network:
    """Some edges become transistors, others stay, so that no node hangs on transistors that are off."""
    random = np.random.default_rng(seed)
    tree = len([node for node in network.nodes if node != "0"]) - 1
    chosen = [name for name in network.edge_names[tree:] if random.random() < 0.7]
    transistors = tuple(Transistor(name, 10 ** random.uniform(-4, -2.5), random.uniform(-1, 1)) for name in chosen)
    conductances = network.conductances.copy()
    for transistor in transistors:
        overdrive = 10 ** random.uniform(-2, 0.7)
        conductances[network.edge_names.index(transistor.edge)] = transistor.transconductance * overdrive
    nodes = tuple(dict.fromkeys((*network.nodes, "0")))
    return replace(network, nodes=nodes, conductances=conductances, devices=transistors)


def with_bulk(network: Network) -> Network:
    """All bulks at −5 V, as on a chip, so that no junction lies forward across sources."""
    bulk = Source("Vbulk", "voltage", "bulk", "0", -5.0)
    return replace(
        network,
        nodes=(*network.nodes, "bulk"),
        fixed_sources=(*network.fixed_sources, bulk),
        devices=tuple(replace(transistor, bulk="bulk") for transistor in network.devices),
    )
