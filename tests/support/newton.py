"""What every answer of `NewtonCircuit` must fulfil: it is that of ngspice, and currents balance."""

from collections.abc import Iterable, Sequence

import numpy as np

from hwlearn import Drive, Hold, Inject, Network, NewtonCircuit, NgspiceCircuit, Open
from hwlearn.arrays import Array
from hwlearn.testing.circuits import CircuitContract

VOLT = 1.38064852e-23 * 300.15 / 1.6021766208e-19
"""kT/q [V] of ngspice 39 at 27 °C."""


class NonlinearContract(CircuitContract):
    """The contract without what only linear circuits do, or whose truth is a linear solve."""

    test_agrees_with_modified_nodal_analysis = None
    test_currents_balance = None
    test_power_balances = None
    test_superposition = None
    test_reciprocity = None
    test_scaling_conductances_scales_currents = None
    test_earlier_measurements_stay_as_they_were = None


def agrees_with_ngspice(network: Network, inputs: Array, currents: Array, held: float) -> None:
    """Open, injected and held at `held` times the open voltages, except where sources drive more than an ampere."""
    with NewtonCircuit(network) as newton, NgspiceCircuit(network) as ngspice:
        free = newton.measure(Drive(inputs))
        for outputs in (Open(), Inject(currents), Hold(held * free.output_voltages)):
            one = newton.measure(Drive(inputs, outputs))
            if np.abs(one.input_currents).max() > 1:
                continue
            two = ngspice.measure(Drive(inputs, outputs))
            size = max(np.abs(two.node_voltages).max(), 0.1)
            np.testing.assert_allclose(one.node_voltages, two.node_voltages, rtol=0, atol=1e-9 * size)
            amperes = max(np.abs(two.input_currents).max(), np.abs(two.output_currents).max(), 1e-6)
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
