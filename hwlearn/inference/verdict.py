"""What a comparison comes to: why a circuit does not agree, and what to look at first."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.measurement import Measurement
from hwlearn.inference.faults import Diagnosis
from hwlearn.network import Network

CHECK = "`hwlearn bench check` names the channel of a bench"


CLEAR = 5.0
"""Standard deviations of the noise by which an answer must stand out for its sign to be told."""


def reversed_ports(
    network: Network, probes: Sequence[Measurement], reference: Sequence[Measurement], noise: float
) -> list[str]:
    """Inputs and outputs whose sources make the opposite of what they are told: the nodes answer with the other sign.

    Args:
        probes, reference: the answers to `probing_phases`: at rest, each input alone, both ways; a current into each output,
            both ways.
        noise: standard deviation of a node voltage [V].
    """
    least = CLEAR * noise * math.sqrt(2 * len(network.nodes))
    rest, injected = ([one.node_voltages for one in pair] for pair in zip(probes, reference, strict=True))
    inputs, outputs = len(network.inputs), len(network.outputs)
    found = [
        f"input {name}" for name, turned in zip(network.input_names, _turned(rest, 1, inputs, least), strict=True) if turned
    ]
    return found + [
        f"output {name}"
        for name, turned in zip(network.output_names, _turned(injected, 0, outputs, least), strict=True)
        if turned
    ]


def _turned(both: Sequence[Array], first: int, count: int, least: float) -> list[bool]:
    """Of `count` sources, driven one way in the rows from `first` on and then the other: whether the answers point apart.

    Answers shorter than `least` [V] say nothing.
    """
    one, two = (rows[first : first + count] - rows[first + count :] for rows in both)
    lengths, expected = np.linalg.norm(one, axis=1), np.linalg.norm(two, axis=1)
    turned: Array = (one * two).sum(1) < -0.5 * lengths * expected
    return (turned & (lengths > least)).tolist()


def verdict(
    diagnosis: Diagnosis | None, cosine: float, unsure: float, turned: Sequence[str], others: Sequence[str]
) -> tuple[tuple[str, ...], str]:
    """Why a circuit does not agree, most dangerous first, and what to look at first: empty if there is nothing.

    What explains only a part is no explanation. So faults of single edges and channels are named as such only if they explain
    everything, and if no source is turned.

    Args:
        cosine: of the rule's directions; NaN if there is none. unsure: what noise and tolerance may take of a direction,
            relative to its length.
        turned: see `reversed_ports`.
        others: further reasons.
    """
    against = bool(cosine < 0) and unsure < 1
    explained = diagnosis is None or diagnosis.explained
    faults = [str(fault) for fault in diagnosis.faults] if diagnosis else []
    reasons = [f"{', '.join(turned)}: driven the other way round"] if turned else []
    if against:
        reasons.append(f"the rule's directions point against each other, cosine {cosine:.3g}: training would climb the loss")
    if diagnosis and not explained:
        reasons.append(f"chi² per reading is {diagnosis.chi_square[1]:.3g}: more differs than a few faults explain")
    if turned or against or not explained:
        faults = [f"not to be relied on, as it explains a part only: {fault}" for fault in faults]
    reasons += [*faults, *others]
    if turned:
        return tuple(reasons), f"the leads of {', '.join(turned)}: exchange them, and compare again; {CHECK}"
    if against:
        return tuple(reasons), f"the signs of all sources and meters, before any edge; {CHECK}"
    if not explained:
        return tuple(reasons), (
            f"the wiring: {CHECK}; if it passes, the devices: `hwlearn bench calibrate`. Nothing that was fitted here is "
            "to be believed before"
        )
    if faults:
        return tuple(reasons), f"{faults[0]}: mend it, and compare again"
    if others:
        return tuple(reasons), others[0]
    if diagnosis and diagnosis.unseen:
        what = "them" if diagnosis.unseen[1:] else "it"
        return (), f"{', '.join(diagnosis.unseen)}: no phase sees {what}, so this says nothing of {what}"
    return (), ""
