"""`FoldedMeasurement`: the voltages of driven and of free nodes; edges are expanded only when asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.measurement import Measurement, contrast_of
from hwlearn.errors import DriveError

if TYPE_CHECKING:
    from hwlearn.circuits.newton.folded import Folded
    from hwlearn.circuits.newton.programmed import Programmed


class FoldedMeasurement(Measurement):
    """What a `Folded` network answers.

    Args:
        programmed: what it was programmed to.
        driven: (S, driven) V, ground last. free: (S, n) V.
        voltages, currents: (S, n_out) at the outputs, V and A.
    """

    noise = 0.0
    provenance = "exact (complementarity, LAPACK)"

    def __init__(
        self,
        folded: Folded,
        programmed: Programmed,
        driven: NDArray[Any],
        free: NDArray[Any],
        voltages: Array,
        currents: Array,
    ) -> None:
        self._folded, self._programmed, self.driven, self.free = folded, programmed, driven, free
        self.output_voltages, self.output_currents = voltages, currents

    @cached_property
    def node_voltages(self) -> Array:
        network = self._folded.network
        voltages = np.zeros((len(self.free), len(network.nodes)))
        voltages[:, self._folded.driven] = self.driven[:, :-1]
        voltages[:, self._folded.free] = self.free
        return voltages

    @property
    def input_currents(self) -> Array:  # type: ignore[override]
        """Not told: NaN."""
        return np.full((len(self.free), len(self._folded.network.inputs)), np.nan)

    def edge_drops(self) -> Array:
        network = self._folded.network
        return self.node_voltages[:, network.tails] - self.node_voltages[:, network.heads]

    @property
    def power(self) -> Array:
        currents = self._folded.network.edge_currents(self._programmed.conductances, self.node_voltages)
        return np.einsum("se,se->s", currents, self.edge_drops())

    def mean_square_drops(self, weights: ArrayLike | None = None) -> Array:
        drops = self.edge_drops()
        share = np.full(len(drops), 1.0 / len(drops)) if weights is None else np.asarray(weights, dtype=np.float64)
        return share @ drops**2

    def contrast(self, reference: Measurement) -> Array:
        if not isinstance(reference, FoldedMeasurement) or reference._folded is not self._folded:
            raise DriveError("a contrast needs two measurements of the same circuit with the same conductances")
        if np.array_equal(self.driven, reference.driven):
            return self._contrast(reference)
        here, there = self.edge_drops(), reference.edge_drops()
        contrast = contrast_of(here, there)
        for k, device in self._folded.network.device_at.items():
            contrast[k] = device.contrast(here[:, k], there[:, k])
        return contrast

    def _contrast(self, reference: FoldedMeasurement) -> Array:
        """With the same driven nodes: by products of the two phases' node voltages, never forming (S, E)."""
        folded, kind = self._folded, self._folded.dtype
        difference, total = (self.free - reference.free) / kind.type(len(self.free)), self.free + reference.free
        own, mean = np.add.reduce(difference * total), np.zeros(folded.size + 1, dtype=kind)
        np.add.reduce(difference, out=mean[:-1])
        edges = len(folded.network.edges)
        found = np.empty(edges, dtype=kind) if folded.covered else np.zeros(edges, dtype=kind)
        # (a − w)² − (b − w)² = (a − b)(a + b) − 2 w (a − b): a product, and a row of ones for what has no w.
        feeding, near = folded.feeding(self.driven), folded.beside
        ends = np.ones((len(feeding) + 1, feeding.shape[1]), dtype=kind)
        ends[1:] = feeding
        others = np.empty((len(ends), len(near)), dtype=kind)
        others[0] = own[near]
        np.multiply(difference[:, near], -2, out=others[1:])
        folded.to_driven.write_product(ends.T, others, found)
        # (a − c)² − (b − d)² for two free nodes, of which b and d are the reference's.
        mixed, (one, two) = (difference.T @ total).reshape(-1), folded.ends
        found[folded.between] = own[one] + own[two] - mixed[folded.pairs[0]] - mixed[folded.pairs[1]]
        found[folded.biases] = -2 * (mean[folded.bias_ends[0]] - mean[folded.bias_ends[1]])
        return found

    def __getitem__(self, chosen: slice) -> FoldedMeasurement:
        parts = (self.driven[chosen], self.free[chosen], self.output_voltages[chosen], self.output_currents[chosen])
        return FoldedMeasurement(self._folded, self._programmed, *parts)
