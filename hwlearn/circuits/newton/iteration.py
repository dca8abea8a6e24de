"""`Iteration`: Newton's method on the free potentials of a network, all samples at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.newton.laws import AtConductances, at_conductances
from hwlearn.circuits.newton.maps import Maps
from hwlearn.circuits.trust import decades_apart
from hwlearn.errors import SimulationError
from hwlearn.network import Network

ITERATIONS = 200
CONVERGED = 1e-7
"""Last step of every control, in units of its law's `scale`; it leaves the order of its square."""

SETTLED = 1e-6
"""Last step of a potential, relative to the largest, where rounding matters."""

LARGEST_WALK = 1e8
"""Steps of the walk (`Trust`) up to which potentials are right to 1e-9: the sums of currents lose 1e-16 of each step."""

_ZERO = np.zeros((1, 1))


class Iteration:
    """Where Kirchhoff's sums vanish, for the laws of the devices. Samples are columns, and u is that of `Maps`."""

    def __init__(self, network: Network, maps: Maps) -> None:
        self._network, self._maps = network, maps
        self._known, self._laws = np.empty(0), list[AtConductances]()
        scales = [np.broadcast_to(rows.law.scale, rows.shape).reshape(-1, 1) for rows in maps.rows]
        self._tolerance = CONVERGED * np.vstack((np.ones((0, 1)), *scales))

    def solve(self, conductances: Array, laws: Sequence[AtConductances], u: Array, first: int = 0) -> tuple[Array, Array]:
        """The free potentials (n, S) V, and what is seen at them; samples are counted from `first`."""
        limiters = [(rows, limit) for rows, _, limit in laws if limit is not None]
        rest, entering = self._maps.seen_lifts.of_columns(u, _ZERO), self._maps.entering.of_columns(u, _ZERO)
        x, seen, points = np.zeros(entering.shape), rest, rest[self._maps.edges :].copy()
        for rows, _ in limiters:
            points[rows.seen] = 0.0
        slopes = self._maps.room(conductances, u.shape[1])
        every, left = (np.zeros(x.shape), np.zeros(seen.shape)), np.arange(u.shape[1])
        for _ in range(ITERATIONS):
            flows = self.flows(conductances, laws, seen, slopes, points)
            right = np.stack((self._maps.leaving.of_columns(flows, entering), self._maps.matrices.diagonals(slopes)))
            try:
                step, walk = self._maps.matrices.solve(slopes, right.transpose(2, 1, 0)).transpose(2, 1, 0)
            except SimulationError as error:
                raise SimulationError(f"{error}; {decades_apart(self._network, conductances)}") from None
            x += step
            seen = self._maps.seen.of_columns(x, rest)
            there = (np.abs(seen[self._maps.edges :] - points) <= self._tolerance).all(axis=0)
            # Each step corrects what rounding left of the one before, to 1e-16 of the walk (`Trust`); it must have had one.
            size = np.maximum(np.abs(x).max(axis=0, initial=0.0), np.abs(seen).max(axis=0, initial=0.0))
            there &= np.abs(step).max(axis=0, initial=0.0) <= SETTLED * size
            upward = (walk > 0).all(axis=0) | (not self._maps.local)
            drowned = ~(upward & (np.abs(walk).max(axis=0, initial=0.0) <= LARGEST_WALK))
            if (lost := there & drowned).any():
                raise SimulationError(f"exact: sample {first + left[lost][0]}: {decades_apart(self._network, conductances)}")
            if there.any():
                done, going = np.flatnonzero(there), np.flatnonzero(~there)
                for whole, part in zip(every, (x, seen), strict=True):
                    whole[:, left[done]] = part.take(done, axis=1)
                left = left[going]
                if not len(left):
                    return every
                x, seen, points, slopes, rest, entering = (
                    part.take(going, axis=1) for part in (x, seen, points, slopes, rest, entering)
                )
            before, points = points, seen[self._maps.edges :].copy()
            for rows, limit in limiters:
                limit(rows.volts(before), rows.volts(points))
        why = f"; {decades_apart(self._network, conductances)}" if drowned[~there].any() else ""
        raise SimulationError(
            f"exact: Newton's method did not converge for sample {first + left[0]} in {ITERATIONS} iterations{why}"
        )

    def flows(
        self,
        conductances: Array,
        laws: Sequence[AtConductances],
        seen: Array,
        slopes: Array | None = None,
        points: Array | None = None,
    ) -> Array:
        """Flows (F, S) A; by the laws' tangents at the controls `points` (C, S) V if given. Slopes are written to `slopes`."""
        flows = np.empty((self._maps.flows, seen.shape[1]))
        np.multiply(conductances[:, None], seen[: self._maps.edges], out=flows[: self._maps.edges])
        controls = seen[self._maps.edges :]
        for rows, given, limit in laws:
            volts = rows.volts(controls if points is None else points)
            currents, steep = rows.law.currents(given, volts)
            if slopes is not None:
                for at, slope in zip(rows.slopes, steep, strict=True):
                    slopes[at] = slope
            if limit is not None and points is not None:  # the points of other laws are where the controls are
                for slope, away in zip(steep, rows.volts(controls) - volts, strict=True):
                    currents = currents + slope * away
            flows[rows.flows] = currents
        return flows

    def at(self, conductances: Array) -> list[AtConductances]:
        """The laws for conductances (E,) S, a circuit's own array, which never changes."""
        if conductances is not self._known:
            self._known, self._laws = conductances, at_conductances(self._maps.rows, conductances)
        return self._laws
