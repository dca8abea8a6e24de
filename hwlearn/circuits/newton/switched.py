"""Ideal diodes for small changes: switches, closed where they conduct. What is left is a linear network in each sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from hwlearn.arrays import Array, Indices
from hwlearn.circuits.drive import Open
from hwlearn.circuits.newton.folded import Folded
from hwlearn.circuits.newton.programmed import Programmed
from hwlearn.circuits.newton.small_signal import Kink, SmallSignal

ROUNDING = 1e4
"""Rounding errors of what flows at a node, and of the largest voltage, that count as no current and as no voltage."""

TOLD = 5
"""Kinks that a warning names."""


class Switched:
    """`Response` of networks in which the same diodes conduct in many samples.

    Args:
        potentials: (patterns, n + 1, n_out) V/A of free nodes, and of one that is driven.
        of: (S,) pattern of each sample. tails, heads: (E,) ends among the nodes, −1 if driven.
    """

    def __init__(self, potentials: Array, of: Indices, tails: Indices, heads: Indices) -> None:
        self._potentials, self._of, self._tails, self._heads = potentials, of, tails, heads

    def at(self, edges: Indices | slice) -> Array:
        found = self._potentials[:, self._tails[edges]] - self._potentials[:, self._heads[edges]]
        return np.ascontiguousarray(found.swapaxes(1, 2))[self._of]


def small_signal(folded: Folded, at: Programmed, inputs: Array) -> SmallSignal:
    """At the operating points of `inputs` (S, n_in): where no diode is on its kink, the derivative of the solution."""
    measured = folded.measure(at, inputs, Open(), None)
    touching, conducting = _states(folded, at, inputs, measured.driven, measured.free)
    patterns, of = np.unique(np.hstack((touching, conducting)), axis=0, return_inverse=True)
    potentials = np.zeros((len(patterns), folded.size + 1, len(folded.outputs)))  # of the last node, a driven one: 0 V
    kinked = np.zeros((len(patterns), len(folded.diodes)), dtype=bool)
    for k, pattern in enumerate(patterns):
        closed, carrying = np.split(pattern, 2)
        groups = _joined(folded, closed, carrying)
        potentials[k, :-1] = at.bounded.joined(groups[:-1], folded.outputs.T)
        one, two = groups[np.minimum(folded.diodes, folded.size)].T
        kinked[k] = closed & (one != two)
    of = of.reshape(-1)
    response = Switched(potentials, of, *folded.edge_ends)
    drops = measured.edge_drops()
    driving = drops.copy()
    for k, device in folded.network.device_at.items():
        driving[:, k] = device.contrasted(drops[:, k])
    kinks = tuple(Kink(folded.labels[diode], int(sample)) for sample, diode in np.argwhere(kinked[of]))
    return SmallSignal(measured.output_voltages, drops, driving, driving, response, response, kinks)


def _states(
    folded: Folded, at: Programmed, inputs: Array, driven: NDArray[Any], x: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which diodes (S, D) have no voltage, and which of these a current."""
    _, right, lower, upper = folded.at_rest(at, inputs)
    part = ROUNDING * float(np.finfo(folded.dtype).eps)
    volts, (anodes, cathodes) = np.hstack((x, driven)), folded.diodes.T
    touching = volts[:, cathodes] - volts[:, anodes] <= part * np.abs(volts).max(axis=1, initial=0.0, keepdims=True)
    pushes, around = at.bounded.pushes(x, right, lower, upper), at.bounded.around(x, right)
    between = (anodes < folded.size) & (cathodes < folded.size)
    ends = np.minimum(folded.diodes, folded.size).min(axis=1)  # the free one; of two, the lower in number
    flows = np.where(cathodes < folded.size, pushes.up[:, ends], pushes.down[:, ends])
    flows[:, between] = pushes.across
    return touching, touching & (flows > part * around[:, ends])


def _joined(folded: Folded, touching: NDArray[np.bool_], conducting: NDArray[np.bool_]) -> Indices:
    """Groups (n + 1,) of free nodes that have one voltage whatever changes a little; −1 with the last one, a driven one.

    A diode without a voltage keeps its anode below its cathode, one that conducts keeps it above as well. Nodes are equal that
    are below each other, also in loops of diodes, where it is not known how much each conducts.
    """
    one, two = np.minimum(folded.diodes, folded.size).T
    below = np.concatenate((one[touching], two[conducting])), np.concatenate((two[touching], one[conducting]))
    size = folded.size + 1
    graph = csr_array((np.ones(len(below[0])), below), shape=(size, size))
    _, labels = connected_components(graph, directed=True, connection="strong")
    free = np.unique(labels[labels != labels[-1]])
    return np.where(labels == labels[-1], -1, np.searchsorted(free, labels))


def told(kinks: tuple[Kink, ...]) -> str:
    """In words, and what to do."""
    named = ", ".join(f"{kink.diode} in sample {kink.sample}" for kink in kinks[:TOLD])
    more = f" and {len(kinks) - TOLD} more" if len(kinks) > TOLD else ""
    return (
        f"ideal diodes on their kinks, with no voltage and no current: {named}{more}. The outputs have another slope on each "
        "side of them; what is told holds where they block. Move an input, a bias or a conductance a little"
    )
