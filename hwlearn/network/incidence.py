"""Incidence matrices: which nodes edges, sources and ports touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hwlearn.arrays import Indices
from hwlearn.network.ports import Port, Source
from hwlearn.text import GROUND

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def incidence(tails: Indices, heads: Indices, nodes: int) -> csr_array:
    """(E×N), sparse: +1 at an edge's tail, −1 at its head; a zero row for an edge onto its own node."""
    from scipy.sparse import csr_array

    edges, ones = np.arange(len(tails)), np.ones(len(tails))
    return csr_array((np.r_[ones, -ones], (np.r_[edges, edges], np.r_[tails, heads])), shape=(len(tails), nodes))


def ends(pairs: Sequence[Source | Port], node_index: Mapping[str, int]) -> csr_array:
    """(pairs×N), sparse: +1 at the plus node, −1 at the minus node, nothing at ground."""
    from scipy.sparse import csr_array

    at = [
        (k, node_index[node], sign)
        for k, pair in enumerate(pairs)
        for node, sign in ((pair.plus, 1.0), (pair.minus, -1.0))
        if node != GROUND
    ]
    rows, columns, signs = zip(*at, strict=True) if at else ((), (), ())
    return csr_array((np.array(signs), (rows, columns)), shape=(len(pairs), len(node_index)), dtype=np.float64)
