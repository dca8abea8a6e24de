"""`Measurement`: what a circuit answers to a drive."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.arrays import Array
from hwlearn.network import Network

AT_ONCE = 2**22
"""Drops, or other numbers of samples, that are looked at together."""


class Measurement(ABC):
    """What a circuit answered to a drive of S samples. NaN means: not measured.

    Attributes:
        output_voltages: (S, n_out) V.
        output_currents: (S, n_out) A, positive from the source into the circuit; zero at open ports.
        input_currents: (S, n_in) A, positive from the input's plus terminal into the circuit.
        noise: standard deviation of a voltage [V]; of the mean, where readings are averaged.
        provenance: which backend and solver made it.
    """

    output_voltages: Array
    output_currents: Array
    input_currents: Array
    noise: float
    provenance: str

    @property
    @abstractmethod
    def node_voltages(self) -> Array:
        """(S, N) V, against ground."""

    @property
    @abstractmethod
    def power(self) -> Array:
        """(S,) W dissipated in the edges: Σ_e i_e Δv_e, which is Σ_e g_e Δv_e² in resistors."""

    @abstractmethod
    def edge_drops(self) -> Array:
        """(S, E) V, Δv = B v."""

    @abstractmethod
    def mean_square_drops(self, weights: ArrayLike | None = None) -> Array:
        """(E,) V², the mean of Δv_e² over the samples, or Σ_s w_s Δv_e² with weights (S,)."""

    @abstractmethod
    def contrast(self, reference: Measurement) -> Array:
        """(E,) V²: mean over samples of Δv_e² here minus Δv_e² in `reference`, without the cancellation of two means.

        Both measurements must come from the same circuit with the same conductances and have the same number of samples.
        """

    @abstractmethod
    def __getitem__(self, chosen: slice) -> Measurement:
        """The measurement of some of the samples."""

    def __repr__(self) -> str:
        count, outputs = self.output_voltages.shape
        return f"<{type(self).__name__}: {count} samples, {outputs} outputs, by {self.provenance or 'unknown'}>"


@dataclass(frozen=True, eq=False, repr=False)
class SampledMeasurement(Measurement):
    """A measurement stored sample by sample, as simulators and instruments give it.

    Attributes:
        network, conductances: that were measured. voltages: (S, N) V of its nodes. output_voltages, output_currents,
        input_currents, noise, provenance: see `Measurement`.
    """

    network: Network
    conductances: Array
    voltages: Array
    output_voltages: Array
    output_currents: Array
    input_currents: Array
    noise: float = 0.0
    provenance: str = ""

    by_sample: ClassVar[tuple[str, ...]] = ("voltages", "output_voltages", "output_currents", "input_currents")
    """Fields with a row or a part for each sample."""

    @classmethod
    def joined(cls, parts: Sequence[SampledMeasurement]) -> SampledMeasurement:
        """The samples of all parts, one after the other. They are of one circuit with the same conductances."""
        first = parts[0]
        return cls(
            first.network,
            first.conductances,
            np.concatenate([part.voltages for part in parts]),
            np.concatenate([part.output_voltages for part in parts]),
            np.concatenate([part.output_currents for part in parts]),
            np.concatenate([part.input_currents for part in parts]),
            first.noise,
            first.provenance,
        )

    @property
    def node_voltages(self) -> Array:
        return self.voltages

    @cached_property
    def _drops(self) -> Array:
        return self.voltages[:, self.network.tails] - self.voltages[:, self.network.heads]

    def _parts(self) -> Iterator[tuple[slice, Self]]:
        """The samples in parts, which bounds the memory of their drops; all of them as they are where these are few."""
        for part in parts(len(self.voltages), len(self.network.edges)):
            yield part, self[part]

    @property
    def power(self) -> Array:
        network, found = self.network, np.empty(len(self.voltages))
        for part, own in self._parts():
            if not network.devices:
                found[part] = own._drops**2 @ self.conductances
            else:
                found[part] = np.einsum("se,se->s", network.edge_currents(self.conductances, own.voltages), own._drops)
        return found

    def edge_drops(self) -> Array:
        return self._drops

    def mean_square_drops(self, weights: ArrayLike | None = None) -> Array:
        count = len(self.voltages)
        share = np.full(count, 1.0 / count) if weights is None else np.asarray(weights, dtype=np.float64)
        return sum_of(share[part] @ own._drops**2 for part, own in self._parts())

    def contrast(self, reference: Measurement) -> Array:
        count = len(self.voltages)
        return sum_of(own._contrast(reference[part]) * (len(own.voltages) / count) for part, own in self._parts())

    def _contrast(self, reference: Measurement) -> Array:
        here, there = self.edge_drops(), reference.edge_drops()
        contrast = contrast_of(here, there)
        for k, device in self.network.device_at.items():
            contrast[k] = device.contrast(here[:, k], there[:, k])
        return contrast

    def __getitem__(self, chosen: slice) -> Self:
        if chosen == slice(0, len(self.voltages)):
            return self
        return replace(self, **{name: getattr(self, name)[chosen] for name in self.by_sample})


def parts(samples: int, numbers: int) -> Iterator[slice]:
    """Samples that are looked at together: with `numbers` of each at most `AT_ONCE`, which bounds the memory."""
    together = max(1, AT_ONCE // max(1, numbers))
    for first in range(0, samples, together):
        yield slice(first, min(first + together, samples))


def sum_of(parts: Iterable[Array]) -> Array:
    """Their sum, which is the one itself where there is one."""
    return reduce(np.add, parts)


def contrast_of(here: Array, there: Array) -> Array:
    """(E,) V²: the mean over samples of here² − there², for drops (S, E) V of two phases."""
    return np.einsum("se,se->e", here - there, here + there) / len(here)
