"""Biconnected components of a multigraph, by Tarjan and Vishkin (SIAM J. Comput. 14, 1985), on whole arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

Indices = NDArray[np.intp]


def blocks(tails: Indices, heads: Indices, nodes: int) -> Indices:
    """(E,) label of each edge's block; two edges share a block if they lie on a common simple cycle. −1 for self-loops.

    Args:
        tails, heads: (E,) ends of the edges; the graph is connected, parallel edges are a cycle.
        nodes: number of nodes.
    """
    label = np.full(len(tails), -1, dtype=np.intp)
    real = np.flatnonzero(tails != heads)
    a, b = tails[real], heads[real]
    if not len(real):
        return label
    graph = csr_array(coo_array((np.ones(2 * len(a)), (np.r_[a, b], np.r_[b, a])), shape=(nodes, nodes)))
    order, parent = breadth_first_order(graph, int(a[0]), directed=False)
    parent = parent.astype(np.intp)
    root = int(order[0])
    levels = _levels(order, parent, nodes)

    # Preorder numbers of the breadth-first tree, from the sizes of its subtrees.
    size = np.ones(nodes, dtype=np.intp)
    for level in reversed(levels[1:]):
        np.add.at(size, parent[level], size[level])
    number = np.zeros(nodes, dtype=np.intp)
    for level in levels[1:]:
        up = parent[level]  # breadth-first order keeps children of one parent together
        before = np.cumsum(size[level]) - size[level]
        first = np.r_[True, up[1:] != up[:-1]]
        base = before[first][np.cumsum(first) - 1]
        number[level] = number[up] + 1 + before - base

    # One edge to each node's parent is the tree's; all others count as back or cross edges.
    child = np.where(parent[b] == a, b, np.where(parent[a] == b, a, -1))
    child[child == root] = -1
    tree = np.zeros(len(a), dtype=bool)
    candidates = np.flatnonzero(child >= 0)
    tree[candidates[np.unique(child[candidates], return_index=True)[1]]] = True
    low, high = number.copy(), number.copy()
    x, y = a[~tree], b[~tree]
    for one, two in ((x, y), (y, x)):
        np.minimum.at(low, one, number[two])
        np.maximum.at(high, one, number[two])
    for level in reversed(levels[1:]):
        np.minimum.at(low, parent[level], low[level])
        np.maximum.at(high, parent[level], high[level])

    # Tree edges (named by their child) are joined where a cycle runs through both.
    first, second = np.where(number[x] < number[y], x, y), np.where(number[x] < number[y], y, x)
    cross = number[first] + size[first] <= number[second]
    inner = np.flatnonzero((np.arange(nodes) != root) & (parent >= 0))
    inner = inner[parent[inner] != root]
    up = parent[inner]
    through = (low[inner] < number[up]) | (high[inner] >= number[up] + size[up])
    joined = np.r_[first[cross], up[through]], np.r_[second[cross], inner[through]]
    links = coo_array((np.ones(len(joined[0])), joined), shape=(nodes, nodes))
    _, component = connected_components(links, directed=False)
    deeper = np.where(number[a] < number[b], b, a)
    label[real] = component[deeper]
    return label


def _levels(order: Indices, parent: Indices, nodes: int) -> list[Indices]:
    """The nodes of each depth of the breadth-first tree, in its order."""
    levels = [order[:1].astype(np.intp)]
    position = np.zeros(nodes, dtype=np.intp)
    position[order] = np.arange(len(order))
    ups = position[parent[order[1:]]]  # non-decreasing along a breadth-first order
    start = 1
    end_of_previous = 1
    while start < len(order):
        stop = int(np.searchsorted(ups, end_of_previous, side="left")) + 1
        level = order[start:stop].astype(np.intp)
        levels.append(level)
        start, end_of_previous = stop, stop
    return levels
