"""`read_devices`: what calibration needs to know from a bench, the network in place."""

from __future__ import annotations

import math

import numpy as np

from hwlearn.inference.calibration import DeviceReadings
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.bench.probing import Prober, Progress

SCANS = 64
"""Readings per channel for the offsets."""
FEWEST = 12
"""Settings of the codes, at least."""


def read_devices(circuit: BenchCircuit, settings: int | None = None, progress: Progress | None = None) -> DeviceReadings:
    """Read all channels with every source at zero, then each source alone at random settings of the codes.

    A source's own error at zero counts as an offset of the nodes that it reaches.

    Args:
        circuit: connected, and left at the conductances it had.
        settings: how many; by default three readings and more for each unknown.

    Raises:
        ModelError: the network is not linear.
        InstrumentError: the circuit is closed and safe.
    """
    network, repeats = circuit.network, circuit.repeats
    before, (lower, upper) = circuit.conductances.copy(), circuit.bounds
    prober = Prober.at(circuit, lower)
    at_rest = circuit.read_at_rest(SCANS)
    known = [circuit.station.offsets.get(channel, 0.0) for channel in circuit.channels]
    offsets = dict(zip(circuit.channels, (at_rest.mean(0) + known).tolist(), strict=True))
    spread = float(np.sqrt(at_rest.var(0, ddof=1).mean()))
    at_nodes = circuit.reads.voltages(at_rest)[:, : len(circuit.read_nodes)]
    count = settings or max(FEWEST, math.ceil(6 * len(network.edges) / max(len(prober.names) * len(circuit.read_nodes), 1)))
    random, codes, probed = np.random.default_rng(0), [], []
    for done in range(count):
        circuit.program(lower * (upper / lower) ** random.beta(0.5, 0.5, len(lower)))  # ends say most
        codes.append(circuit.codes)
        probed.append(prober.measure())
        if progress is not None:
            progress(done + 1, count)
    circuit.program(before)
    return DeviceReadings(
        np.array(codes),
        circuit.read_nodes,
        np.array([one.voltages for one in probed]),
        np.array([one.driven for one in probed]),
        (circuit.noise if repeats > 1 else float(np.sqrt(at_nodes.var(0, ddof=1).mean()))) / math.sqrt(2 * repeats),
        None if circuit.external_supplies else offsets,
        spread / math.sqrt(SCANS),
        len(prober.names) > len(network.inputs),
    )
