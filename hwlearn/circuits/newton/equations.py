"""`Equations`: Kirchhoff's laws of a network whose laws have slopes, solved for all samples; and small changes of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.linalg import SparseMap
from hwlearn.circuits.newton.iteration import Iteration
from hwlearn.circuits.newton.laws import Devices
from hwlearn.circuits.newton.maps import Maps
from hwlearn.circuits.newton.small_signal import Known, SmallSignal
from hwlearn.network import Network, Source

DROWNED = 1e-8
"""Rounding of a delivered current, relative to the largest of all samples, above which it is not told."""

AT_ONCE = 2e6
"""Numbers of the samples that are solved for together, which bounds the memory."""

LEAST = 1e-15
"""Rounding of a delivered current, in A, that does not matter: the tolerance of currents in ngspice too (`deck`)."""

_ZERO = np.zeros((1, 1))
_quiet = np.errstate(over="ignore", invalid="ignore")  # a source across a junction may ask for more than there is


class Equations:
    """A network with further voltage sources, `held`; the values of the inputs and of these drive it.

    Args:
        loaded: whether a resistor more lies across each output (`Maps`).

    Attributes:
        solver: the name of the one in use.
        reciprocal: whether Newton's matrices are symmetric.
    """

    def __init__(self, network: Network, devices: Devices, held: Sequence[Source], *, loaded: bool = False) -> None:
        self._network = network
        self._maps = maps = Maps(network, devices, held, loaded=loaded)
        self._iteration = Iteration(network, maps)
        self.solver, self.reciprocal = maps.matrices.name, maps.reciprocal
        self._together = max(
            1, int(AT_ONCE / (maps.width + maps.seen_rows + len(devices.nodes) + maps.flows + maps.matrices.numbers))
        )

    def solve(self, conductances: Array, values: Array, injected: Array) -> tuple[Array, Array, Array]:
        """Voltages of all nodes (S, N) and of the outputs (S, n_out), V, and what each driven source delivers (S, …), A.

        NaN where the rounding of a drop over a large conductance at a source drowns what flows.
        For the driven sources' values (S, …), and `injected` (S, n_out) A into the outputs.
        """
        parts = [slice(first, first + self._together) for first in range(0, len(values), self._together)]
        found = [self._solve(conductances, values[part], injected[part], part.start) for part in parts]
        if len(found) == 1:
            return found[0]
        voltages, outputs, delivered = (np.concatenate(rows) for rows in zip(*found, strict=True))
        return voltages, outputs, delivered

    @_quiet
    def _solve(self, conductances: Array, values: Array, injected: Array, first: int) -> tuple[Array, Array, Array]:
        """`solve` for samples that are counted from `first`."""
        maps = self._maps
        u = maps.driven_by(values, injected)
        laws = self._iteration.at(conductances)
        x, seen = self._iteration.solve(conductances, laws, u, first)
        flows = self._iteration.flows(conductances, laws, seen)
        voltages = maps.nodes.of_columns(x, maps.lifts.of_columns(u, _ZERO))
        outputs = maps.outputs.of_columns(voltages, _ZERO)
        delivered = values.T.copy()
        delivered[maps.driven] = maps.delivered.of_columns(flows, maps.undelivered.of_columns(u, _ZERO))
        rounding = 1e-16 * conductances[maps.beside].max(initial=0.0) * np.abs(voltages).max(axis=0, initial=0.0)
        delivered[np.ix_(maps.driven, rounding > max(DROWNED * np.abs(delivered).max(initial=0.0), LEAST))] = np.nan
        return (
            np.ascontiguousarray(voltages[: len(self._network.nodes)].T),
            np.ascontiguousarray(outputs.T),
            np.ascontiguousarray(delivered.T),
        )

    @_quiet
    def small_signal(self, conductances: Array, values: Array) -> SmallSignal:
        """At the operating points of the driven sources' values (S, …)."""
        maps = self._maps
        samples, edges = len(values), maps.edges
        u = maps.driven_by(values, np.zeros((samples, maps.ports.shape[1])))
        laws = self._iteration.at(conductances)
        x, seen = self._iteration.solve(conductances, laws, u)
        slopes = maps.room(conductances, samples)
        self._iteration.flows(conductances, laws, seen, slopes)
        driving = seen[:edges].T.copy()
        for rows, given, _ in laws:
            first = rows.branches.edges >= 0
            if first.any():
                driving[:, rows.branches.edges[first]] = rows.law.driving(given, rows.volts(seen[edges:]))[first].T
        drops = seen[:edges].T
        contrasted = drops.copy()
        for k, device in self._network.device_at.items():
            contrasted[:, k] = device.contrasted(drops[:, k])
        forward, adjoint = (np.broadcast_to(right, (samples, *right.shape)) for right in (maps.ports, maps.tests))
        outputs = maps.outputs.of_columns(maps.nodes.of_columns(x, maps.lifts.of_columns(u, _ZERO)), _ZERO)
        return SmallSignal(
            np.ascontiguousarray(outputs.T),
            drops,
            driving,
            contrasted,
            Known(self._drops_of(maps.matrices.solve(slopes, forward), maps.seen)),
            Known(self._drops_of(maps.matrices.solve(slopes, adjoint, transposed=True), maps.tested)),
        )

    def _drops_of(self, potentials: Array, drops: SparseMap) -> Array:
        """(S, k, E) V, for free potentials (S, n, k), sources at rest."""
        samples, size, count = potentials.shape
        columns = np.ascontiguousarray(potentials.transpose(1, 0, 2)).reshape(size, samples * count)
        seen = drops.of_columns(columns, _ZERO)[: self._maps.edges]
        return seen.reshape(self._maps.edges, samples, count).transpose(1, 2, 0)
