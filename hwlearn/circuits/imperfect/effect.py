"""`Effect`: one way in which hardware differs from what it was told."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Outputs
from hwlearn.circuits.remembering import Remembering
from hwlearn.errors import HwlearnError
from hwlearn.network import Network
from hwlearn.registry import Registry


class Effect(Remembering):
    """One imperfection. A subclass overrides the methods that it needs; the others change nothing.

    An `ImperfectCircuit` keeps a copy of its own.
    """

    def begin(self, network: Network, bounds: tuple[Array, Array], random: np.random.Generator) -> None:
        """Draw what one specimen keeps for good. `bounds`: lower and upper, (E,) S each, that the devices can realise."""

    def built(self, network: Network) -> Network:
        """What is truly there of `network`: the same nodes, ports and names of edges, of which some may be missing."""
        return network

    def within(self, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        """(lower, upper), (E,) S each, that devices which can realise `bounds` may be asked for, as the circuit knows."""
        return bounds

    def believed(self, wanted: Array) -> Array:
        """(E,) S that the circuit says it has when told `wanted` (E,) [S]."""
        return wanted

    def real(self, conductances: Array, wanted: Array) -> Array:
        """(E,) S that it has, from what the effects before this one made of `wanted`; called once per programming."""
        return conductances

    def imposed(self, values: Array, outputs: Outputs) -> Array:
        """(S, n_out): what truly comes out of the sources at the outputs."""
        return values

    def read(self, voltages: Array, random: np.random.Generator) -> Array:
        """(S, N) V as read, from what the effects before this one made of them."""
        return voltages

    def read_currents(self, currents: Array, random: np.random.Generator) -> Array:
        """(S, n_out) A as read, where outputs are held."""
        return currents

    @property
    def noise(self) -> float:
        """Standard deviation of a voltage reading [V] that this effect alone makes."""
        return 0.0


IMPERFECTIONS: Registry[Effect] = Registry("imperfection", Effect)
"""The imperfections by the names of `[imperfect]` in an experiment file."""


def not_negative(what: str, value: float) -> float:
    """`value` as a float.

    Raises:
        HwlearnError: negative or not finite.
    """
    if not (np.isfinite(value) and value >= 0):
        raise HwlearnError(f"{what} is {value}; it must be 0 or more")
    return float(value)


def edges_named(network: Network, names: tuple[str, ...]) -> Array:
    """Indices of the edges of these names.

    Raises:
        HwlearnError: names the edge that does not exist.
    """
    index = {name: k for k, name in enumerate(network.edge_names)}
    for name in names:
        if name not in index:
            raise HwlearnError(f"no edge {name!r}; there are {', '.join(list(index)[:12])}{' …' if len(index) > 12 else ''}")
    return np.array([index[name] for name in names], dtype=np.intp)
