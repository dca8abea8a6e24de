"""`inspect_wiring`: is everything where the station file says?

What one source, or one changed resistor, does to the node voltages is what a current between its two ends does, and that is
largest at one end and smallest at the other, whatever the resistors are (the maximum principle of resistor networks). And what
a changed resistor does under several drives is as the drops that these make across it. So the readings tell between which
nodes a thing is, without any model. The model only says how large an effect should be: what does nothing can then be told from
what nobody can see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.inference.nodes import Answers, NodeCircuit
from hwlearn.network import Network, Port, Source
from hwlearn.text import GROUND

SIGMAS = 5.0
"""A deviation of this many standard deviations counts."""
SEEN = 20.0
"""An effect is judged if it is, or should be, so many standard deviations large."""
TIE = 0.01
"""Differences below this part of the largest are not relied on."""


@dataclass(frozen=True, eq=False)
class Survey:
    """What was read: K settings of the conductances, D drives, N nodes.

    Attributes:
        read: indices of the nodes that are read; the others are wired to ground. unread: but for these.
        settings: (K, E) S; the first is the base, each other changes one edge.
        changed: (K − 1,) index of that edge.
        asked: (D, U) V and A of the inputs and output currents, one source in each drive.
        names: (D,) of these sources.
        voltages: (K, D, N) V.
        noise: standard deviation of one of them [V].
    """

    network: Network
    read: list[int]
    settings: Array
    changed: list[int]
    asked: Array
    names: list[str]
    voltages: Array
    noise: float
    unread: tuple[int, ...] = ()


@dataclass(frozen=True)
class Effect:
    """What a source, a node or an edge does.

    Attributes:
        name: of the source, node or edge. size: the largest change of a node voltage; of a node, that of its own [V].
        expected: by the model [V]. noise: standard deviation [V].
        wrong: what is wrong with it; empty if nothing is, or nothing can be said.
    """

    name: str
    size: float
    expected: float
    noise: float
    wrong: str = ""

    @property
    def least(self) -> float:
        """What must be seen at least [V]."""
        return SIGMAS * self.noise

    @property
    def visible(self) -> bool:
        """Whether anything can be said."""
        return self.expected >= SEEN * self.noise

    def judged(self, still: str, place: str) -> Effect:
        """With what is wrong: `still` if it does nothing that it should, else `place`, if not empty."""
        return replace(self, wrong=still if self.visible and self.size <= self.least else place)


@dataclass(frozen=True)
class Wiring:
    """What `inspect_wiring` found; `lost` are the nodes whose channels say nothing, or say it of another node."""

    sources: list[Effect]
    nodes: list[Effect]
    edges: list[Effect]
    lost: frozenset[int]


def inspect_wiring(survey: Survey) -> Wiring:
    """Look at each source, node and edge.

    A node that stands still has an open lead, or is shorted to ground: whichever lets the model agree better with the other
    nodes. Two channels are swapped if that explains two misplaced things or more.

    Raises:
        ModelError: the network is not linear.
    """
    network, noise, names = survey.network, survey.noise, survey.network.edge_names
    with NodeCircuit(network) as model:
        units = [model.ask(setting) for setting in survey.settings]
    arrives = np.abs(survey.voltages).max((0, 2)) > SIGMAS * noise
    expected, seen = _expected(survey, units, []), survey.voltages[:, arrives]
    faults = {
        k: "stands still: its lead is open"
        for k in survey.read
        if _effect("", seen[..., k], expected[:, arrives, k], noise).judged("still", "").wrong
    }
    live = [k for k in survey.read if k not in faults]
    shorted: list[int] = []
    for k in faults:
        tried = _expected(survey, units, [*shorted, k]) if units[0].resistance[k, k] else expected
        far, near = ((seen - guess[:, arrives])[..., live] for guess in (expected, tried))
        if np.linalg.norm(near) < np.linalg.norm(far):
            shorted, expected = [*shorted, k], tried
            faults[k] = "stands still: it is shorted to ground"

    for one, two in _alike(seen, expected[:, arrives], live, noise):
        for a, b in ((one, two), (two, one)):
            faults[a] = f"reads the same as {network.nodes[b]}: two channels on one node, or a short between the two"
    live = [k for k in live if k not in faults]
    seen = np.pad(seen, ((0, 0), (0, 0), (0, 1)))  # one node more: ground
    seen[..., [*faults, *survey.unread]] = np.nan
    places = _Places(survey, arrives)
    for pair in places.swaps(seen, live):
        for one, two in (pair, pair[::-1]):
            faults[one] = f"reads what {network.nodes[two]} should: their channels are swapped"
        seen[..., list(pair)] = seen[..., list(pair[::-1])]
    wrong = places.wrong(seen)

    sources = []
    for d, name in enumerate(survey.names):
        effect = _effect(name, survey.voltages[:, d], expected[:, d], noise)
        place = wrong[int(arrives[:d].sum())] if arrives[d] else ""
        sources.append(effect.judged("does not arrive: an open lead, or an output that is off", place))
    edges = []
    for edge, change, should, place in zip(
        survey.changed, seen[1:] - seen[0], expected[1:] - expected[0], wrong[int(arrives.sum()) :], strict=True
    ):
        effect = _effect(names[edge], change[:, live], should[arrives][:, live], math.sqrt(2) * noise)
        edges.append(effect.judged("changes nothing: dead, stuck, open or bridged", place))
    at_nodes, should_be = survey.voltages[:, arrives], expected[:, arrives]
    nodes = [_effect(network.nodes[k], at_nodes[..., k], should_be[..., k], noise) for k in survey.read]
    nodes = [replace(node, wrong=faults.get(k, "")) for k, node in zip(survey.read, nodes, strict=True)]
    return Wiring(sources, nodes, edges, frozenset(faults))


def _alike(seen: Array, expected: Array, live: list[int], noise: float) -> list[tuple[int, int]]:
    """Pairs of nodes that read alike in every drive (K, D, N) and should not."""
    pair_noise = math.sqrt(2) * noise

    def apart(volts: Array, one: int, two: int) -> float:
        return float(np.abs(volts[..., one] - volts[..., two]).max(initial=0.0))

    return [
        (one, two)
        for one, two in combinations(live, 2)
        if apart(expected, one, two) >= SEEN * pair_noise and apart(seen, one, two) <= SIGMAS * pair_noise
    ]


def _expected(survey: Survey, units: list[Answers], shorted: list[int]) -> Array:
    """(K, D, N) V by the model, with some nodes shorted to ground."""
    return np.array([survey.asked @ (unit.shorted(shorted) if shorted else unit.units) for unit in units])


def _effect(name: str, seen: Array, expected: Array, noise: float) -> Effect:
    return Effect(name, float(np.abs(seen).max(initial=0.0)), float(np.abs(expected).max(initial=0.0)), noise)


class _Places:
    """The two ends that things should have: the sources that arrive, then the edges."""

    def __init__(self, survey: Survey, arrives: NDArray[np.bool_]) -> None:
        network = survey.network
        ports: list[Source | Port] = [*network.inputs, *network.outputs]
        driven = [port for port, ok in zip(ports, arrives, strict=False) if ok]
        pairs = [(port.plus, port.minus) for port in driven] + [network.edges[edge][:2] for edge in survey.changed]
        at = {**network.node_index, GROUND: len(network.nodes)}
        self._ends = np.array([[at[plus], at[minus]] for plus, minus in pairs], dtype=np.intp).reshape(-1, 2)
        self._names = (*network.nodes, "ground")
        self._noise = survey.noise * np.r_[np.ones(len(driven)), np.full(len(survey.changed), math.sqrt(2))]

    def wrong(self, seen: Array) -> list[str]:
        """(T,) what is wrong with the place of each; empty if nothing is. Readings (K, D, N + 1) V, NaN where unknown."""
        changes = self._changes(seen)
        texts = []
        for t, (change, bad) in enumerate(zip(changes, self._misplaced(changes), strict=True)):
            high, low = self._names[int(np.nanargmax(change))], self._names[int(np.nanargmin(change))]
            edge, (one, two) = t - seen.shape[1], change[self._ends[t]]
            if bad:
                texts.append(f"acts between {high} and {low}: wired elsewhere")
            elif edge < 0 and two - one > SEEN * self._noise[t]:
                texts.append("is the other way round: exchange its leads")
            elif edge >= 0 and self._follows_others(t, seen[0], seen[1 + edge] - seen[0]):
                texts.append("follows the drop between other nodes: wired elsewhere")
            else:
                texts.append("")
        return texts

    def swaps(self, seen: Array, live: list[int]) -> list[tuple[int, int]]:
        """Pairs of nodes whose channels are swapped."""
        changes, found = self._changes(seen), list[tuple[int, int]]()
        while True:
            before = int(self._misplaced(changes).sum())
            free = [k for k in live if all(k not in pair for pair in found)] if before > 1 else []
            tried = [(int(self._misplaced(_exchanged(changes, pair)).sum()), pair) for pair in combinations(free, 2)]
            left, pair = min(tried, default=(before, (0, 0)))
            if left > before - 2:
                return found
            found.append(pair)
            changes = _exchanged(changes, pair)

    def _changes(self, seen: Array) -> Array:
        """(T, N + 1) V: what each thing does, an edge in the drive where it does most."""
        if not seen.shape[1]:
            return np.zeros((len(self._ends), seen.shape[2]))
        edges = seen[1:] - seen[0]
        most = np.nanmax(np.abs(edges), axis=2).argmax(1)
        return np.concatenate((seen[0], edges[np.arange(len(edges)), most]))

    def _misplaced(self, changes: Array) -> NDArray[np.bool_]:
        """(T,) whether the extremes are elsewhere than at the ends."""
        high, low = np.nanmax(changes, axis=1), np.nanmin(changes, axis=1)
        slack = SIGMAS * math.sqrt(2) * self._noise + TIE * (high - low)
        at = np.take_along_axis(changes, self._ends, axis=1)
        top = np.isnan(at) | (at >= (high - slack)[:, None])
        bottom = np.isnan(at) | (at <= (low + slack)[:, None])
        right = (top[:, 0] & bottom[:, 1]) | (top[:, 1] & bottom[:, 0])
        return ~right & (high - low > SEEN * self._noise)

    def _follows_others(self, thing: int, base: Array, change: Array) -> bool:
        """Whether its changes (D, N + 1) V under several drives are not as the drops that these make across it."""
        one, two = self._ends[thing]
        drops = base[:, one] - base[:, two]
        if len(drops) < 2 or np.isnan(drops).any() or not drops.any():
            return False
        known = np.nan_to_num(change)
        pattern = known[np.abs(known).max(1).argmax()]
        largest, power = float(np.abs(pattern).max()), float(pattern @ pattern)
        if largest < SEEN * self._noise[thing]:
            return False
        sizes = known @ pattern / power * largest  # (D,) V
        per_drop = float(sizes @ drops) / float(drops @ drops)
        slack = SIGMAS * self._noise[thing] * (largest / math.sqrt(power) + abs(per_drop)) + 2 * TIE * np.abs(sizes).max()
        return bool(np.abs(sizes - per_drop * drops).max() > slack)


def _exchanged(changes: Array, pair: tuple[int, int]) -> Array:
    changed = changes.copy()
    changed[:, list(pair)] = changes[:, list(pair[::-1])]
    return changed
