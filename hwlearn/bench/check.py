"""`check_bench`: is this bench good enough to learn?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hwlearn.bench.circuit import BenchCircuit
from hwlearn.circuits.base import Array, Drive
from hwlearn.circuits.exact import ExactCircuit

SIGMAS = 5.0
"""A deviation of so many standard deviations counts."""
MODEL = 0.5
"""Part of a predicted change that must be seen: devices are not known better than that before they are calibrated."""


@dataclass(frozen=True)
class Finding:
    """One test of the self-test.

    Attributes:
        test: what was looked at. subject: channel, node, edge or output.
        value, limit: measured and accepted [unit]. passed: whether it is accepted.
        advice: what to do if not.
    """

    test: str
    subject: str
    value: float
    limit: float
    unit: str
    passed: bool
    advice: str = ""


def check_bench(circuit: BenchCircuit, nudge: float | None = None, scans: int = 16) -> list[Finding]:
    """Drive the bench through its self-test: noise and offset, settling, nodes, edges, smallest nudge.

    Args:
        circuit: connected, and left at the conductances it had.
        nudge: the current that learning will inject [A]; limits.i_nudge_max if not given.
        scans: readings per channel for the noise.
    """
    findings = _noise(circuit, scans)
    noise = math.sqrt(sum(f.value**2 for f in findings if f.test == "noise") / max(len(circuit.read_nodes), 1))
    findings += _settling(circuit, noise)
    findings += _nodes(circuit, noise)
    findings += _edges(circuit, noise)
    findings += _nudges(circuit, noise, nudge)
    return findings


def _rest(circuit: BenchCircuit) -> Drive:
    return Drive(np.zeros((1, len(circuit.network.inputs))))


def _probe(circuit: BenchCircuit) -> Drive:
    """Each input alone at full scale."""
    return Drive(np.eye(len(circuit.network.inputs)) * circuit.probe_volts)


def _noise(circuit: BenchCircuit, scans: int) -> list[Finding]:
    settings = circuit.station.settings.measure
    readings = np.array([circuit.measure(_rest(circuit)).node_voltages[0] for _ in range(scans)])
    spread = readings.std(0, ddof=1) * math.sqrt(settings.repeats)
    with ExactCircuit(circuit.network) as model:
        model.program(circuit.conductances)
        offsets = readings.mean(0) - model.measure(_rest(circuit)).node_voltages[0]
    findings = []
    for k in circuit.read_nodes:
        place = circuit.place(k)
        findings.append(
            Finding(
                "noise", place, float(spread[k]), settings.noise_max, "V", bool(spread[k] <= settings.noise_max), "shield it"
            )
        )
        fine = abs(offsets[k]) <= settings.offset_max
        advice = "run `hwlearn bench calibrate`"
        findings.append(Finding("offset", place, float(offsets[k]), settings.offset_max, "V", bool(fine), advice))
    return findings


def _settling(circuit: BenchCircuit, noise: float) -> list[Finding]:
    """The last state against the same read again after twice the time, for a full step of every input."""
    drive = _probe(circuit)
    once = circuit.measure(drive).node_voltages
    with circuit.settling(2.0):
        twice = circuit.measure(drive).node_voltages
    limit = SIGMAS * math.sqrt(2 / circuit.station.settings.measure.repeats) * noise
    change = np.abs(twice - once).max(0)
    return [
        Finding("settling", circuit.place(k), float(change[k]), limit, "V", bool(change[k] <= limit), "raise measure.settle_s")
        for k in circuit.read_nodes
    ]


def _nodes(circuit: BenchCircuit, noise: float) -> list[Finding]:
    """A node that the model moves must move: an open wire or a short to ground does not."""
    drive = _probe(circuit)
    with ExactCircuit(circuit.network) as model:
        model.program(circuit.conductances)
        expected = model.measure(drive).node_voltages
    seen = circuit.measure(drive).node_voltages
    findings = []
    for k in circuit.read_nodes:
        sample = int(np.abs(expected[:, k]).argmax())
        size = float(expected[sample, k])
        limit = MODEL * abs(size) + SIGMAS * noise
        off = abs(float(seen[sample, k]) - size)
        findings.append(Finding("node", circuit.place(k), off, limit, "V", off <= limit, "open or shorted: check its wires"))
    return findings


def _edges(circuit: BenchCircuit, noise: float) -> list[Finding]:
    """Each edge moved to the other end of its table must move the nodes as the model says, in half at least."""
    drive = _probe(circuit)
    network, before = circuit.network, circuit.conductances.copy()
    base = circuit.measure(drive).node_voltages
    sigma = noise * math.sqrt(2 / circuit.station.settings.measure.repeats)
    findings = []
    with ExactCircuit(network) as model:
        model.program(before)
        model_base = model.measure(drive).node_voltages
        for k, name in enumerate(network.edge_names):
            table = circuit.station.tables.get(name)
            if table is None:
                continue
            ends = (float(table.conductances.min()), float(table.conductances.max()))
            changed: Array = before.copy()
            changed[k] = max(ends, key=lambda g, k=k: abs(math.log(g / before[k])))  # type: ignore[misc]
            realised = circuit.program(changed)
            seen = circuit.measure(drive).node_voltages - base
            model.program(realised)
            expected = model.measure(drive).node_voltages - model_base
            size = float(np.linalg.norm(expected))
            if size < 2 * SIGMAS * sigma:
                findings.append(Finding("edge", name, size, 2 * SIGMAS * sigma, "V", True, "too small to be seen"))
                continue
            share = float(np.vdot(seen, expected)) / size**2
            findings.append(Finding("edge", name, share, MODEL, "1", share >= MODEL, "dead, open or wired elsewhere"))
    circuit.program(before)
    return findings


def _nudges(circuit: BenchCircuit, noise: float, nudge: float | None) -> list[Finding]:
    """I_min = 2 k s / (√N |T_e|), half of it with ±nudge, at the median edge of each output; T_e [Ω] from the model."""
    settings = circuit.station.settings
    asked = settings.limits.i_nudge_max if nudge is None else nudge
    with ExactCircuit(circuit.network) as model:
        model.program(circuit.conductances)
        transfer = np.abs(model.responses(_rest(circuit).inputs).port_drops)  # (E, n_out) Ω
    findings = []
    for a, name in enumerate(circuit.network.output_names):
        median = float(np.median(transfer[:, a]))
        smallest = 3 * noise / (math.sqrt(settings.measure.repeats) * median) if median else math.inf
        advice = "nudge more, or raise measure.repeats or nplc"
        findings.append(Finding("smallest nudge", name, smallest, asked, "A", smallest <= asked, advice))
    return findings
