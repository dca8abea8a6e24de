"""Which node voltages, and which of Kirchhoff's sums, are left when all that makes voltages has had its say.

With A v = s for the voltages that sources, shorts and controlled sources make, and Q j for the currents that they draw,
all v with A v = s are v = T x + P s (A T = 0, A P = 1), and all sums of Kirchhoff's current laws without j are those of
W (Qᵀ W = 0). What is left is Wᵀ i(T x + P s) = Wᵀ J, and the currents are j = Yᵀ (J − i) (Qᵀ Y = 1). Independent sources
have A = Qᵀ, so W = T: Newton's matrix is symmetric. Controlled ones have not, unless one back matches one forth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from hwlearn.errors import ModelError
from hwlearn.network.merging import merge
from hwlearn.text import GROUND

_NOTHING = 1e-13
"""What is left of a row, relative to its largest number, that is rounding."""


class Held(NamedTuple):
    """A voltage that a source makes.

    Attributes:
        source: its column among all sources.
        name, plus, minus: of the source.
        controls: (node, factor): what is taken from v(plus) − v(minus) for it.
        copies: (node, factor): what its current takes from other nodes than its own, per ampere.
    """

    source: int
    name: str
    plus: str
    minus: str
    controls: tuple[tuple[str, float], ...] = ()
    copies: tuple[tuple[str, float], ...] = ()


class Reduction(NamedTuple):
    """T (N, n), P (N, sources), W (N, n), Y (N, sources); whether W is T; whether all sources are independent ones."""

    spread: csr_array
    lifts: csr_array
    sums: csr_array
    paid: csr_array
    symmetric: bool
    plain: bool


def reduce(nodes: Sequence[str], sources: int, held: Sequence[Held]) -> Reduction:
    """For so many sources, of which `held` are those of voltages.

    Raises:
        NetworkError: a loop of voltage sources.
        ModelError: a controlled source has no voltage left to make, or no current.
    """
    spread, lifts = _solved(nodes, sources, held, [tie.controls for tie in held])
    if not any(tie.controls or tie.copies for tie in held):
        return Reduction(spread, lifts, spread, lifts, symmetric=True, plain=True)
    sums, paid = _solved(nodes, sources, held, [tie.copies for tie in held])
    drawn = _rows(nodes, held, [tie.copies for tie in held])
    left, *sizes = (np.abs(matrix.data).max(initial=0.0) for matrix in (drawn @ spread, drawn, spread))
    symmetric = left <= _NOTHING * max(sizes[0], 1.0) * max(sizes[1], 1.0)
    return Reduction(spread, lifts, spread if symmetric else sums, paid, bool(symmetric), plain=False)


def _rows(nodes: Sequence[str], held: Sequence[Held], more: Sequence[tuple[tuple[str, float], ...]]) -> csr_array:
    """(held, N): +1 at plus, −1 at minus, and what is in `more`."""
    index = {node: k for k, node in enumerate(nodes)}
    entries = [
        (k, index[node], factor)
        for k, (tie, others) in enumerate(zip(held, more, strict=True))
        for node, factor in ((tie.plus, 1.0), (tie.minus, -1.0), *others)
        if node != GROUND
    ]
    rows, columns, numbers = zip(*entries, strict=True) if entries else ((), (), ())
    return csr_array((np.array(numbers, dtype=np.float64), (rows, columns)), shape=(len(held), len(nodes)))


def _solved(
    nodes: Sequence[str], sources: int, held: Sequence[Held], more: Sequence[tuple[tuple[str, float], ...]]
) -> tuple[csr_array, csr_array]:
    """T and P with A T = 0 and A P = 1 for the rows A of `held` and `more`: nodes are merged, and the rest eliminated."""
    plain = [tie for tie, others in zip(held, more, strict=True) if not others]
    merging = merge(nodes, [(tie.name, tie.plus, tie.minus) for tie in plain])
    free = np.flatnonzero(merging.cluster >= 0)
    spread = csr_array((np.ones(len(free)), (free, merging.cluster[free])), shape=(len(nodes), merging.size))
    at = np.array([tie.source for tie in plain], dtype=np.intp)[merging.columns]
    lifts = csr_array((merging.signs, (merging.rows, at)), shape=(len(nodes), sources))
    others = [k for k, row in enumerate(more) if row]
    if not others:
        return spread, lifts
    chosen = [held[k] for k in others]
    rows = _rows(nodes, chosen, [more[k] for k in others])
    null, inverse = _eliminated(csr_array(rows @ spread), [tie.name for tie in chosen])
    ones = csr_array(
        (np.ones(len(chosen)), (np.arange(len(chosen)), [tie.source for tie in chosen])), shape=(len(chosen), sources)
    )
    return csr_array(spread @ null), csr_array(lifts + spread @ inverse @ (ones - rows @ lifts))


def _eliminated(rows: csr_array, names: Sequence[str]) -> tuple[csr_array, csr_array]:
    """N (n, n − m) and M (n, m): x = N y + M b are all x with R x = b, for R (m, n). A row's largest number is its pivot."""
    count, size = rows.shape
    known: dict[int, dict[int, float]] = {}  # pivot → its x as a sum of other x, and of b, which count from `size`
    for k, name in enumerate(names):
        part = slice(rows.indptr[k], rows.indptr[k + 1])
        row = dict(zip(rows.indices[part].tolist(), rows.data[part].tolist(), strict=True))
        largest = max(map(abs, row.values()), default=0.0)
        row[size + k] = -1.0
        for pivot in [column for column in row if column in known]:
            _add(row, row.pop(pivot), known[pivot])
        pivot = max((column for column in row if column < size), key=lambda column: abs(row[column]), default=-1)
        if pivot < 0 or abs(row[pivot]) <= _NOTHING * largest:
            raise ModelError(f"{name}: what it makes or takes is already fixed by other sources; remove one of them")
        factor = row.pop(pivot)
        solution = {column: -number / factor for column, number in row.items()}
        for before in known.values():
            if pivot in before:
                _add(before, before.pop(pivot), solution)
        known[pivot] = solution
    free = [column for column in range(size) if column not in known]
    place = {column: k for k, column in enumerate((*free, *range(size, size + count)))}
    entries = [(column, place[column], 1.0) for column in free]
    entries += [(pivot, place[column], number) for pivot, found in known.items() for column, number in found.items()]
    rows_at, columns_at, numbers = zip(*entries, strict=True)
    both = csr_array((numbers, (rows_at, columns_at)), shape=(size, len(place))).tocsc()
    return csr_array(both[:, : len(free)]), csr_array(both[:, len(free) :])


def _add(row: dict[int, float], factor: float, other: dict[int, float]) -> None:
    for column, number in other.items():
        row[column] = row.get(column, 0.0) + factor * number
