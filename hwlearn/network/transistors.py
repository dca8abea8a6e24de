"""`Transistor`: what makes an edge the channel of a transistor, with a gate that learns; `Channels`: their law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.errors import NetworkError
from hwlearn.text import GROUND


class Transistor(NamedTuple):
    """An edge that is the channel of an n-type transistor, from drain (tail) to source (head); both ends are alike.

    It conducts as S (V_G − V_T − mean of its ends' voltages), as long as both ends are below V_G − V_T; see `Channels`. The
    edge's conductance g is that at ends of 0 V, `g = S (V_G − V_T)`: to program it is to set the gate.

    Attributes:
        edge: name of the edge.
        transconductance: S [S/V].
        threshold: V_T [V].
        bulk: node from which a junction leads to each end, as of a diode with IS = `saturation` [A], N = 1.
        gate: name of the voltage source from the gate to ground, in netlists.
    """

    edge: str
    transconductance: float
    threshold: float
    bulk: str = GROUND
    saturation: float = 1e-14
    gate: str = ""

    def conductance(self, gate_voltage: float) -> float:
        """g [S] of the edge for V_G [V]."""
        return self.transconductance * (gate_voltage - self.threshold)

    def gate_voltage(self, conductance: float) -> float:
        """V_G [V] for g [S] of the edge."""
        return self.threshold + conductance / self.transconductance


class Channels:
    """The channels of a network's transistors: i = S/2 [max(V_G − V_T − v₋, 0)² − max(V_G − V_T − v₊, 0)²].

    That is S (V_G − V_T − mean v) Δv with both ends below V_G − V_T, no current with both above, and the same as at pinch-off
    with one above (the square law of Shichman and Hodges 1968): i never falls with Δv. In siemens, with g = S (V_G − V_T) and
    u = max(g − S v, 0), the slopes ∂i/∂v are u₊ and −u₋. They differ, so no reciprocity holds.

    Attributes:
        edges: (C,) positions among the network's edges.
        transconductance: S (C,) S/V.
        tails, heads: (C,) node indices.
    """

    def __init__(
        self, transistors: Sequence[Transistor], place: Mapping[str, int], tails: NDArray[np.intp], heads: NDArray[np.intp]
    ) -> None:
        self.edges = np.array([place[transistor.edge] for transistor in transistors], dtype=np.intp)
        self.transconductance = np.array([transistor.transconductance for transistor in transistors])
        self.tails, self.heads = tails[self.edges], heads[self.edges]

    def law(self, given: Array, plus: Array, minus: Array) -> tuple[Array, Array, Array]:
        """Currents from tail to head [A] and u₊, u₋ [S], (C, S) each, for g (C,) S and the voltages of both ends (C, S) V."""
        steep, given = self.transconductance[:, None], given[:, None]
        pinched = given / steep
        upper, lower = np.maximum(given - steep * plus, 0.0), np.maximum(given - steep * minus, 0.0)
        return (upper + lower) / 2 * (np.minimum(plus, pinched) - np.minimum(minus, pinched)), upper, lower

    def currents(self, conductances: Array, voltages: Array) -> Array:
        """(S, C) A from tail to head, for conductances (E,) [S] and node voltages (S, N) [V]."""
        return self.law(conductances[self.edges], voltages.T[self.tails], voltages.T[self.heads])[0].T


def check_transistors(transistors: Sequence[Transistor], edges: Sequence[str], nodes: Mapping[str, int]) -> None:
    """Refuse transistors that are on no edge, or whose numbers make no sense.

    Raises:
        NetworkError: names the edge.
    """
    known, seen = set(edges if transistors else ()), set[str]()
    for transistor in transistors:
        name = transistor.edge
        if name not in known or name in seen:
            raise NetworkError(f"transistor {name!r}: " + ("given twice" if name in seen else "no edge has this name"))
        seen.add(name)
        if transistor.bulk not in nodes:
            raise NetworkError(f"transistor {name!r}: no node {transistor.bulk!r} for its bulk")
        for what in ("transconductance", "saturation"):
            value = getattr(transistor, what)
            if not 0 < value < np.inf:
                raise NetworkError(f"transistor {name!r}: {what} is {value}; it must be positive and finite")
        if not np.isfinite(transistor.threshold):
            raise NetworkError(f"transistor {name!r}: threshold is {transistor.threshold}; it must be finite")
