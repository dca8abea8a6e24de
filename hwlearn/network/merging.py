"""Merge the nodes that voltage sources tie together: v = T x + P s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwlearn.errors import NetworkError
from hwlearn.text import GROUND


@dataclass(frozen=True)
class Merging:
    """Node voltages `v = T x + P s` from free potentials x (n,) and source voltages s (k,) [V].

    Attributes:
        cluster: (N,) index into x of each node, −1 where the sources alone fix the potential (T has a zero row there).
        size: n, the number of free potentials.
        rows, columns, signs: P (N×k) as triplets, ±1; column k marks the nodes that source k lifts.
    """

    cluster: NDArray[np.intp]
    size: int
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    signs: NDArray[np.float64]


def merge(nodes: Sequence[str], sources: Sequence[tuple[str, str, str]]) -> Merging:
    """Merge by voltage sources given as (name, plus, minus).

    Raises:
        NetworkError: a loop of voltage sources; names all of its sources.
    """
    index = {name: k for k, name in enumerate(nodes)}
    tied: dict[str, list[tuple[str, int, float]]] = {}
    for k, (_, plus, minus) in enumerate(sources):
        tied.setdefault(plus, []).append((minus, k, -1.0))
        tied.setdefault(minus, []).append((plus, k, +1.0))

    # A walk along the sources from each root; the potentials of a tree are the root's plus sums of ±s.
    lift: dict[str, dict[int, float]] = {}
    root_of: dict[str, str] = {}
    used: set[int] = set()
    for root in (GROUND, *nodes):
        if root in root_of or (root != GROUND and root not in tied):
            continue
        lift[root], root_of[root] = {}, root
        stack = [root]
        while stack:
            here = stack.pop()
            for there, k, sign in tied.get(here, ()):
                if k in used:
                    continue
                used.add(k)
                if there in root_of:
                    loop = sorted({k} | set(lift[here]) ^ set(lift[there]))
                    names = ", ".join(sources[j][0] for j in loop)
                    raise NetworkError(
                        f"voltage sources in a loop: {names} (between {here} and {there}); "
                        "remove one or give it a series resistor"
                    )
                lift[there] = {**lift[here], k: sign}
                root_of[there] = root
                stack.append(there)

    cluster = np.full(len(nodes), -1, dtype=np.intp)
    number: dict[str, int] = {}
    for k, name in enumerate(nodes):
        root = root_of.get(name, name)
        if root != GROUND:
            cluster[k] = number.setdefault(root, len(number))
    triplets = [(index[name], k, sign) for name, sums in lift.items() if name in index for k, sign in sums.items()]
    rows, columns, signs = (np.array(part) for part in zip(*triplets, strict=True)) if triplets else ([], [], [])
    return Merging(
        cluster,
        len(number),
        np.asarray(rows, dtype=np.intp),
        np.asarray(columns, dtype=np.intp),
        np.asarray(signs, dtype=np.float64),
    )
