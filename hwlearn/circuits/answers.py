"""`Answers`: a linear circuit, as far as its ports can tell, and the measurements made from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import lapack

from hwlearn.arrays import Array
from hwlearn.circuits.measurement import Measurement, contrast_of
from hwlearn.errors import DriveError, SimulationError


class Answers(ABC):
    """What a linear circuit answers, as it is programmed, to p unit drives: some source columns, then each output's current.

    A source column is what the inputs and the fixed sources do together: a sample, or one source alone. All samples are
    weighted sums of the columns. A unit current into an output leaves the sources at rest.

    Attributes:
        count: number of source columns; p = count + n_out.
        conductances: (E,) S at which these are the answers.
        outputs: (p, n_out) V.
        drops: (p, E) V.
    """

    count: int
    conductances: Array
    outputs: Array
    drops: Array

    @property
    @abstractmethod
    def input_currents(self) -> Array:
        """(n_in, p) A delivered by each input."""

    @abstractmethod
    def node_voltages(self) -> Array:
        """(N, p) V."""

    def complete(self) -> None:  # noqa: B027  # most have all from the start
        """Make sure that the answers to the currents are there too. Some solve for them when asked, which must be before the
        circuit is programmed again."""

    def whole(self, weights: Array) -> tuple[Answers, Array]:
        """The same answers, and weights (S, count) of them, from which a measurement can be expanded cheaply."""
        return self, weights

    def open_outputs(self, weights: Array) -> Array:
        """(S, n_out) V at the open outputs, for weights (S, count) of the source columns; not to be written to."""
        return weights.dot(self.outputs[: self.count])

    @property
    def resistance(self) -> Array:
        """R = C K⁻¹ Cᵀ (n_out, n_out) Ω."""
        return self.outputs[self.count :]

    @cached_property
    def _factor(self) -> Array:
        self.complete()
        return _factored(self.resistance)

    def currents_to_hold(self, change: Array, behind: float = 0.0) -> Array:
        """(S, n_out) A that flow where `change` (S, n_out) [V] is held above the open outputs: R⁻¹ change.

        Held `behind` a resistor [Ω], (R + behind)⁻¹ change.
        """
        if not change.shape[1]:
            return change
        if behind:
            self.complete()
            factor = _factored(self.resistance + behind * np.eye(len(self.resistance)))
        else:
            factor = self._factor
        return lapack.dpotrs(factor, change.T, lower=0)[0].T

    def product(self, one: Array, two: Array) -> Array:
        """(E,) V²: Σ_s (H x_s) ∘ (H y_s) for states x, y (S, p); H (E×p) are the drops per column. Never forms (S, E).

        More samples than the columns that x uses are summed first: diag H M Hᵀ, M = Σ_s x_s y_sᵀ (p×p).
        """
        used = np.flatnonzero(one.any(axis=0))
        if len(one) > len(used):
            return summed(self.drops[used], (one[:, used].T @ two).dot(self.drops))
        return summed(one.dot(self.drops), two.dot(self.drops))

    def contrast(self, weights: Array, change: Array, share: float, held: Array | None) -> Array:
        """(E,) V²: mean over samples of the drops by `change` times those by the sources, `held` and share × `change`.

        `change` and `held` are currents into the outputs, (S, n_out) A.
        """
        self.complete()
        sources, by_ports = self.drops[: self.count], self.drops[self.count :]
        samples, outputs = change.shape
        if samples > outputs:  # as in `product`
            moments = change.T.dot(weights if held is None else np.concatenate((weights, held), axis=1)) / samples
            drops = moments.dot(self.drops[: moments.shape[1]])
            if share:
                drops += (change.T.dot(change) * (share / samples)).dot(by_ports)
            return summed(by_ports, drops)
        by_change, drops = change.dot(by_ports), weights.dot(sources)
        if held is not None:
            drops += held.dot(by_ports)
        if share:
            drops += share * by_change
        return summed(by_change, drops) / samples

    @cached_property
    def power(self) -> Array:
        """(p, p) W: power in the edges as a quadratic form of the column weights."""
        return (self.drops * self.conductances) @ self.drops.T


def _factored(resistance: Array) -> Array:
    factor, info = lapack.dpotrf(resistance, lower=0)
    if info:
        raise SimulationError("the output resistance matrix is singular to working precision; outputs are nearly tied")
    return np.asarray(factor)


class LinearMeasurement(Measurement):
    """A measurement kept as weights of answers; nodes and edges are expanded only when asked for.

    Args:
        answers: with all p rows.
        weights: (S, count) of the source columns.
        currents: (S, n_out) A, weights of the unit currents; None if the outputs are open.
    """

    noise = 0.0

    def __init__(self, answers: Answers, weights: Array, currents: Array | None, provenance: str) -> None:
        self._answers, self._weights, self._currents, self.provenance = answers, weights, currents, provenance

    @property
    def output_voltages(self) -> Array:  # type: ignore[override]
        voltages = self._answers.open_outputs(self._weights)
        return voltages.copy() if self._currents is None else voltages + self._currents.dot(self._answers.resistance)

    @property
    def output_currents(self) -> Array:  # type: ignore[override]
        return np.zeros((len(self._weights), len(self._answers.resistance))) if self._currents is None else self._currents

    def _beside(self, sources: Array, currents: Array | None) -> Array:
        """(S, p): weights of the source columns and of the unit currents in one array."""
        states = np.zeros((len(sources), len(self._answers.drops)))
        states[:, : self._answers.count] = sources
        if currents is not None:
            states[:, self._answers.count :] = currents
        return states

    @property
    def _states(self) -> Array:
        """(S, p) weights of all columns."""
        return self._beside(self._weights, self._currents)

    @cached_property
    def input_currents(self) -> Array:  # type: ignore[override]
        return self._states @ self._answers.input_currents.T

    @cached_property
    def node_voltages(self) -> Array:
        return self._states @ self._answers.node_voltages().T

    @cached_property
    def power(self) -> Array:
        states = self._states
        return np.einsum("sp,pq,sq->s", states, self._answers.power, states)

    def edge_drops(self) -> Array:
        return self._states.dot(self._answers.drops)

    def mean_square_drops(self, weights: ArrayLike | None = None) -> Array:
        states = self._states
        weighted = states / len(states) if weights is None else states * np.asarray(weights, dtype=np.float64)[:, None]
        return self._answers.product(states, weighted)

    def contrast(self, reference: Measurement) -> Array:
        if not isinstance(reference, LinearMeasurement) or reference._answers is not self._answers:
            other = reference._answers.conductances if isinstance(reference, LinearMeasurement) else None
            if other is None or not np.array_equal(other, self._answers.conductances):
                raise DriveError("a contrast needs two measurements of the same circuit with the same conductances")
            return contrast_of(self.edge_drops(), reference.edge_drops())
        # a² − b² = (a − b)(a + b), and only the small difference of the weights enters the first factor.
        here, there = self._currents, reference._currents
        difference, total = here, here
        if there is not None:
            difference, total = (-there, there) if here is None else (here - there, here + there)
        same = self._weights is reference._weights
        sources = np.zeros_like(self._weights) if same else self._weights - reference._weights
        one = self._beside(sources, difference)
        return self._answers.product(one, self._beside(self._weights + reference._weights, total) / len(one))

    def __getitem__(self, chosen: slice) -> LinearMeasurement:
        currents = None if self._currents is None else self._currents[chosen]
        return LinearMeasurement(self._answers, self._weights[chosen], currents, self.provenance)


def summed(one: Array, two: Array) -> Array:
    """(E,): Σ_k one ∘ two, of rows (k, E)."""
    return np.einsum("ke,ke->e", one, two)
