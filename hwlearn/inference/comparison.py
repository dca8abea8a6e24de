"""`compare_circuits`: the same phases on several circuits, and whether they agree."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Inject
from hwlearn.circuits.measurement import Measurement
from hwlearn.display import shown
from hwlearn.errors import HwlearnError
from hwlearn.inference.faults import Accuracy, Diagnosis, Probe, find_faults
from hwlearn.inference.identify import Identified, identify
from hwlearn.inference.verdict import reversed_ports, verdict
from hwlearn.learning.rule import Rule, typical_conductance
from hwlearn.learning.task import Task
from hwlearn.network import Network

ROUNDING = 1e-7
"""Simulators without noise are compared to this part of the largest voltage."""
SIGMAS = 5.0
"""A difference of this many standard deviations counts."""
SAMPLES = 16
"""Samples of the task that are compared."""


@dataclass(frozen=True, eq=False)
class Compared:
    """One circuit beside the reference.

    Attributes:
        name: of its backend. provenance: what measured.
        node_residuals: (N,) V, largest difference of each node over the phases, with its sign.
        node_noise: standard deviation of such a difference [V].
        current_residuals: (n_out,) A, largest difference of each output's current, with its sign.
        cosine: between the rule's directions; NaN if either is zero.
        edge_scores: (E,) difference of the directions in standard deviations of the noise.
        drift: (N,) V, last free phase minus first.
        identified: conductances fitted to the probing phases, offsets and swaps taken back; None without noise.
        diagnosis: faults that explain the differences. Both rest on linear algebra: None if the network is not linear.
        reasons: why the circuit does not agree, most dangerous first; empty if it does.
        look_first: which part of the bench to look at first; empty if the circuit agrees.
    """

    name: str
    provenance: str
    node_residuals: Array
    node_noise: float
    current_residuals: Array
    cosine: float
    edge_scores: Array
    drift: Array
    identified: Identified | None
    diagnosis: Diagnosis | None
    reasons: tuple[str, ...]
    look_first: str

    def __repr__(self) -> str:
        return f"<{self.name}: {'agrees' if self.agrees else f'DIFFERS, {self.reasons[0]}'}>"

    @property
    def agrees(self) -> bool:
        """Whether all differences are noise and accepted tolerance."""
        return not self.reasons


@dataclass(frozen=True, eq=False)
class Comparison:
    """Each circuit beside the `reference`, as `compare_circuits` measured them.

    Attributes:
        network: of all circuits. rule: name of the rule whose phases were made. reference: name of the circuit that counts.
        compared: the others.
    """

    network: Network
    rule: str
    reference: str
    compared: tuple[Compared, ...]

    def __repr__(self) -> str:
        return f"<Comparison with {self.reference}, {self.rule}: {', '.join(map(repr, self.compared))}>"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return shown(self, "comparison_html")

    @property
    def agrees(self) -> bool:
        """Whether all circuits agree with the reference."""
        return all(one.agrees for one in self.compared)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: volts, amperes, siemens; None where there is no number, and for what is not told of nonlinear networks."""
        nodes, edges, outputs = self.network.nodes, self.network.edge_names, self.network.output_names
        return {
            "reference": self.reference,
            "rule": self.rule,
            "agrees": self.agrees,
            "backends": [
                {
                    "name": one.name,
                    "provenance": one.provenance,
                    "agrees": one.agrees,
                    "reasons": list(one.reasons),
                    "look_first": one.look_first,
                    **_told(one.diagnosis),
                    "node_residuals": dict(zip(nodes, one.node_residuals.tolist(), strict=True)),
                    "node_noise": one.node_noise,
                    "current_residuals": dict(zip(outputs, one.current_residuals.tolist(), strict=True)),
                    "drift": dict(zip(nodes, one.drift.tolist(), strict=True)),
                    "cosine": _number(one.cosine),
                    "edge_scores": dict(zip(edges, map(_number, one.edge_scores.tolist()), strict=True)),
                    "identified": None if one.identified is None else _fit(one.identified),
                }
                for one in self.compared
            ],
        }


@dataclass(frozen=True, eq=False)
class _Run:
    """What one circuit answered to all phases."""

    free: Measurement
    nudged: Measurement
    probes: list[Measurement]
    uneven: list[Measurement]
    last: Measurement
    direction: Array


def compare_circuits(task: Task, rule: Rule, circuits: Mapping[str, Circuit], accuracy: Accuracy | None = None) -> Comparison:
    """Drive all circuits through the same phases: free, nudged, probing, free again.

    The conductances are those that the last circuit realises, so put the one with devices last. The nudged phase is computed
    once, from the reference's free phase. Probing phases: nothing driven, each input alone both ways, a current into each
    output both ways; then the same at uneven conductances, for symmetry hides edges, and back.

    In a linear network, few faults must explain what differs by more than noise and accepted tolerance. In others, no voltage
    may differ by more: a tolerance of the conductances counts as that part of the largest voltage.

    Args:
        task: its first samples are compared. rule: whose nudge and direction are.
        circuits: by name; the first is the reference and must be a noiseless model.
        accuracy: what is accepted; its noise is replaced by the measured one, if that is larger. If not given, nothing but
            noise is accepted of nonlinear networks.

    Raises:
        HwlearnError: fewer than two circuits.
        MeasurementError: a circuit did not answer.
    """
    if len(circuits) < 2:
        raise HwlearnError("a comparison needs two circuits or more")
    names = list(circuits)
    network = circuits[names[-1]].network
    task = task.batch(np.arange(min(len(task), SAMPLES)))
    task.check(network)
    realised = circuits[names[-1]].program(network.conductances)
    for name in names[:-1]:
        circuits[name].program(realised)
    free = Drive(task.inputs, rule.free(task.targets))
    nudge = rule.amplitude(network)
    start = circuits[names[0]].measure(free)
    nudged = Drive(task.inputs, rule.nudged(start, task.targets, nudge))
    probes = probing_phases(network, task)
    last = circuits[names[-1]]
    uneven = last.program(_uneven(network, realised))
    last.program(realised)
    runs = {name: _run(circuit, task, rule, free, nudged, probes, realised, uneven) for name, circuit in circuits.items()}
    reference = runs[names[0]]
    given = accuracy or (Accuracy(0.0) if network.linear else Accuracy(0.0, 0.0, 0.0, 0.0))
    compared = tuple(
        _beside(name, network, realised, uneven, rule, nudge, probes, reference, runs[name], given) for name in names[1:]
    )
    return Comparison(network, rule.name, names[0], compared)


def probing_phases(network: Network, task: Task) -> list[Drive]:
    """At rest, each input alone both ways, and a current into each output both ways: open and injected phases."""
    size = np.abs(task.inputs).max(axis=0)
    size[size == 0] = float(np.abs(task.inputs).max()) or 1.0
    alone = np.diag(size)
    rest = np.zeros((1, len(network.inputs)))
    phases = [Drive(np.concatenate((rest, alone, -alone)))]
    count = len(network.outputs)
    current = np.eye(count) * 0.1 * float(size.max(initial=1.0)) * typical_conductance(network)
    phases.append(Drive(np.zeros((2 * count, len(network.inputs))), Inject(np.concatenate((current, -current)))))
    return phases


def _uneven(network: Network, conductances: Array) -> Array:
    """The trainable conductances, each up to three times more or less, within their bounds."""
    factor = 3 ** np.random.default_rng(0).uniform(-1, 1, len(conductances))
    changed = np.clip(conductances * factor, network.lower, network.upper)
    return np.where(network.trainable, changed, conductances)


def _run(
    circuit: Circuit,
    task: Task,
    rule: Rule,
    free: Drive,
    nudged: Drive,
    probes: list[Drive],
    realised: Array,
    uneven: Array,
) -> _Run:
    first = circuit.measure(free)
    pulled = circuit.measure(nudged)
    probed = [circuit.measure(probe) for probe in probes]
    direction = rule.read(circuit, task).direction
    circuit.program(uneven)
    changed = [circuit.measure(probe) for probe in probes]
    circuit.program(realised)
    return _Run(first, pulled, probed, changed, circuit.measure(free), direction)


def _beside(
    name: str,
    network: Network,
    realised: Array,
    uneven: Array,
    rule: Rule,
    nudge: float,
    probes: list[Drive],
    reference: _Run,
    run: _Run,
    accuracy: Accuracy,
) -> Compared:
    """One circuit beside the reference. In one piece: the verdict weighs every number that is found on the way."""
    pairs = [(run.free, reference.free), (run.nudged, reference.nudged), (run.last, reference.last)]
    pairs += list(zip(run.probes + run.uneven, reference.probes + reference.uneven, strict=True))
    differences = np.concatenate([one.node_voltages - two.node_voltages for one, two in pairs])
    currents = np.concatenate([one.output_currents - two.output_currents for one, two in pairs[:3]])
    volts = max(float(np.abs(two.node_voltages).max(initial=0.0)) for _, two in pairs)
    measured = [one.noise for one, _ in pairs if math.isfinite(one.noise)]
    noise = max([accuracy.noise, ROUNDING * volts, *measured])
    accuracy = replace(accuracy, noise=noise)
    probed = [Probe(realised, drive, one.node_voltages) for drive, one in zip(probes, run.probes, strict=True)]
    probed += [Probe(uneven, drive, one.node_voltages) for drive, one in zip(probes, run.uneven, strict=True)]
    diagnosis = find_faults(network, probed, accuracy) if network.linear else None
    largest = _largest(differences)
    scores = _scores(rule, nudge, run, reference, noise)
    drift = _largest(run.last.node_voltages - run.free.node_voltages)
    lengths = float(np.linalg.norm(run.direction) * np.linalg.norm(reference.direction))
    cosine = float(run.direction @ reference.direction) / lengths if lengths else math.nan
    others = []
    accepted = SIGMAS * math.hypot(noise, accuracy.source, accuracy.conductance * volts)
    if diagnosis is None and np.abs(largest).max(initial=0.0) > accepted:
        node = network.nodes[int(np.abs(largest).argmax())]
        others.append(f"node {node} differs by {_at(largest):.3g} V, more than the {accepted:.2g} V of noise and tolerance")
    if np.abs(drift).max(initial=0.0) > SIGMAS * math.sqrt(2) * noise + ROUNDING * volts:
        node = network.nodes[int(np.abs(drift).argmax())]
        others.append(f"node {node} drifted by {_at(drift):.3g} V between the first and the last phase")
    wanted = 2 * (accuracy.conductance + accuracy.current) + SIGMAS * float(
        np.linalg.norm(_spread(rule, nudge, run, noise))
    ) / (float(np.linalg.norm(reference.direction)) or math.inf)
    if not (diagnosis and diagnosis.faults) and cosine < 1 - 0.5 * wanted**2 - 1e-9 and (cosine >= 0 or wanted >= 1):
        others.append(f"the rule's directions have a cosine of {cosine:.6g} only")
    turned = reversed_ports(network, run.probes, reference.probes, noise)
    reasons, look_first = verdict(diagnosis, cosine, wanted, turned, others)
    fitted = None
    if diagnosis and measured and max(measured) > 0:
        both = Drive(
            np.concatenate([probe.inputs for probe in probes]),
            Inject(np.concatenate([_injected(probe, len(network.outputs)) for probe in probes])),
        )
        fitted = identify(network, realised, both, diagnosis.voltages[: both.count], noise, realised * diagnosis.factors)
    return Compared(
        name,
        run.free.provenance,
        largest,
        noise,
        _largest(currents),
        cosine,
        scores,
        drift,
        fitted,
        diagnosis,
        reasons,
        look_first,
    )


def _told(diagnosis: Diagnosis | None) -> dict[str, Any]:
    """A diagnosis, for JSON."""
    if diagnosis is None:
        return {"faults": None, "chi_square": None, "unseen_edges": None}
    faults = [{"kind": f.kind, "names": list(f.names), "size": f.size, "chi_square_gain": f.gain} for f in diagnosis.faults]
    return {"faults": faults, "chi_square": list(diagnosis.chi_square), "unseen_edges": list(diagnosis.unseen)}


def _injected(drive: Drive, outputs: int) -> Array:
    return drive.outputs.current if isinstance(drive.outputs, Inject) else np.zeros((drive.count, outputs))


def _largest(differences: Array) -> Array:
    """Of each column (S, n), the entry that is largest in size."""
    return differences[np.abs(differences).argmax(0), np.arange(differences.shape[1])]


def _at(values: Array) -> float:
    return float(values[np.abs(values).argmax()])


def _spread(rule: Rule, nudge: float, run: _Run, noise: float) -> Array:
    """(E,) standard deviation of the direction from independent noise of the node voltages.

    ġ = (Δv₊² − Δv₋²) / (4 nudge) or (Δv_n² − Δv_f²) / (2 nudge), averaged over S samples; a drop has √2 of the noise.
    """
    drops = run.free.edge_drops()
    size = np.sqrt((drops**2).mean(0) / len(drops))
    return size * 2 * noise / (abs(nudge) * (1 if rule.symmetric else 0.5))


def _scores(rule: Rule, nudge: float, run: _Run, reference: _Run, noise: float) -> Array:
    spread = _spread(rule, nudge, run, noise)
    difference = run.direction - reference.direction
    return np.divide(difference, spread, out=np.zeros_like(difference), where=spread > 0)


def _fit(found: Identified) -> dict[str, Any]:
    names = found.network.edge_names
    return {
        "programmed": dict(zip(names, found.nominal.tolist(), strict=True)),
        "conductances": dict(zip(names, found.conductances.tolist(), strict=True)),
        "relative_error": dict(zip(names, map(_number, found.relative_error.tolist()), strict=True)),
        "scale_is_seen": found.scale_is_seen,
        "unseen_directions": found.unseen.shape[1],
        "chi_square": found.chi_square,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
