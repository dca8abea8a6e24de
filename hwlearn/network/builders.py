"""Networks that people train: grid, kite, Wheatstone bridge, layers, random regular and Delaunay graphs.

Each takes the options of `Network.from_edges`; `conductances` [S] is one value or (E,).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.arrays import seed_of
from hwlearn.errors import NetworkError
from hwlearn.network.devices import Bias, IdealDiode
from hwlearn.network.devices.ideal_diode import steepest
from hwlearn.network.edges import Element
from hwlearn.network.network import Network
from hwlearn.text import GROUND

DRN_BOUNDS = 1e-6, 1e3
"""Conductance bounds of deep resistive networks [S]."""


def grid(rows: int, columns: int, conductances: ArrayLike = 1.0, **options: Any) -> Network:
    """A square grid: nodes n0_0 … , horizontal edges first, then vertical ones.

    Inputs default to two opposite corners, n0_0 and n{rows−1}_{columns−1}.
    """
    _at_least(1, rows=rows, columns=columns)
    if rows * columns < 2:
        raise NetworkError("a grid needs two nodes or more")
    name = [[f"n{i}_{j}" for j in range(columns)] for i in range(rows)]
    across = [(name[i][j], name[i][j + 1]) for i in range(rows) for j in range(columns - 1)]
    down = [(name[i][j], name[i + 1][j]) for i in range(rows - 1) for j in range(columns)]
    options.setdefault("inputs", [name[0][0], name[-1][-1]])
    return Network.from_edges(across + down, conductances, **{"title": f"grid {rows}×{columns}", **options})


def kite(conductances: ArrayLike = 1.0, **options: Any) -> Network:
    """The kite: an outline A, T, D, W with a spine T–M–W; inputs A and D, outputs T, M, W.

    Edges in the order A–T, D–T, A–W, D–W, T–M, M–W. At the symmetric target (½, ½, ½) it is not coercive (arXiv:2606.15443).
    """
    edges = [("A", "T"), ("D", "T"), ("A", "W"), ("D", "W"), ("T", "M"), ("M", "W")]
    defaults = {"inputs": ["A", "D"], "outputs": ["T", "M", "W"], "title": "kite"}
    return Network.from_edges(edges, conductances, **{**defaults, **options})


def wheatstone(conductances: ArrayLike = 1.0, **options: Any) -> Network:
    """The Wheatstone bridge, or four-node kite: A–T, A–W, D–T, D–W, T–W; inputs A and D, outputs T and W."""
    edges = [("A", "T"), ("A", "W"), ("D", "T"), ("D", "W"), ("T", "W")]
    defaults = {"inputs": ["A", "D"], "outputs": ["T", "W"], "title": "Wheatstone bridge"}
    return Network.from_edges(edges, conductances, **{**defaults, **options})


def layered(sizes: Sequence[int], conductances: ArrayLike = 1.0, **options: Any) -> Network:
    """Layers of nodes, each fully connected to the next; two layers are a crossbar.

    Nodes l0n0 …; inputs default to the first layer, outputs to the last.
    """
    if len(sizes) < 2:
        raise NetworkError(f"layered needs two sizes or more, got {list(sizes)}")
    _at_least(1, **{f"sizes[{k}]": size for k, size in enumerate(sizes)})
    layers = [[f"l{k}n{j}" for j in range(size)] for k, size in enumerate(sizes)]
    edges = [(tail, head) for one, two in pairwise(layers) for tail in one for head in two]
    defaults = {"inputs": layers[0], "outputs": layers[-1], "title": "layers " + "-".join(map(str, sizes))}
    return Network.from_edges(edges, conductances, **{**defaults, **options})


def crossbar(
    rows: int,
    columns: int,
    conductances: ArrayLike = 1.0,
    rails: Sequence[float] = (),
    seed: int | None = None,
    **options: Any,
) -> Network:
    """Inputs and fixed rails, each joined to both nodes of every output, which is their difference p − q.

    So an output is a weighted sum of inputs with weights of either sign. Edges run input by input, then rail by rail, to p0,
    q0, p1, … Each output takes 2 (rows + rails) edges.

    Args:
        rows: number of inputs, i0 …
        columns: number of outputs.
        rails: voltages of fixed sources [V].
        seed: conductances are multiplied by a factor between ½ and 2 at random; not if not given.
    """
    from hwlearn.network.ports import Source

    _at_least(1, rows=rows, columns=columns)
    inputs, fixed = [f"i{k}" for k in range(rows)], [f"r{k}" for k in range(len(rails))]
    edges = [(one, f"{side}{k}") for one in (*inputs, *fixed) for k in range(columns) for side in "pq"]
    if seed is not None:
        conductances = np.asarray(conductances, dtype=np.float64) * 2 ** np.random.default_rng(seed_of(seed)).uniform(
            -1, 1, len(edges)
        )
    sources = [Source(f"V_{name}", "voltage", name, value=float(volts)) for name, volts in zip(fixed, rails, strict=True)]
    outputs = [f"p{k},q{k}" for k in range(columns)]
    defaults = {"inputs": inputs, "outputs": outputs, "fixed_sources": sources, "title": f"crossbar {rows}×{columns}"}
    return Network.from_edges(edges, conductances, **{**defaults, **options})


def deep_resistive(
    sizes: Sequence[int],
    *,
    twin_inputs: bool = True,
    diodes: Literal["ideal", "none"] = "ideal",
    biases: Literal["trainable", "none"] = "trainable",
    gain: float = 100.0,
    seed: int = 0,
    **options: Any,
) -> Network:
    """Layers, each fully connected to the next, with ideal diodes from and to ground at hidden nodes, and trained biases.

    The first half of each hidden layer is held above 0 V, the second half below. Inputs x0 …, and with twins y0 … that are
    driven by the opposite voltages; hidden nodes h1_0 …, outputs o0 …. Edges `W1_…`, `W2_…` of each layer, biases `b…`. As in
    Kendall et al. 2020 (arXiv:2006.01981) and Scellier 2024 (fast-drn), conductances start at the positive part of a uniform
    number of width √(1/n) from −1 to 1; where it is zero, at the lower bound.

    Args:
        sizes: of the layers, inputs first (without twins), outputs last.
        twin_inputs: also feed −x: the inputs of a task are then x, −x side by side.
        gain: the amplification of inputs that the network is meant for, which its title tells. Multiply a task's inputs by it:
            no resistor amplifies.
        seed: of the conductances.
    """
    if len(sizes) < 2:
        raise NetworkError(f"deep_resistive needs two sizes or more, got {list(sizes)}")
    if not isinstance(gain, int | float) or not (math.isfinite(gain) and gain > 0):
        raise NetworkError(f"gain is {gain!r}; it must be a positive number")
    if diodes not in ("ideal", "none") or biases not in ("trainable", "none"):
        raise NetworkError(f"diodes are 'ideal' or 'none', biases 'trainable' or 'none', not {diodes!r} and {biases!r}")
    _at_least(1, **{f"sizes[{k}]": size for k, size in enumerate(sizes)})
    random = np.random.default_rng(seed_of(seed))
    first = [f"{letter}{j}" for letter in ("xy" if twin_inputs else "x") for j in range(sizes[0])]
    hidden = [[f"h{k}_{j}" for j in range(size)] for k, size in enumerate(sizes[1:-1], 1)]
    layers = [first, *hidden, [f"o{j}" for j in range(sizes[-1])]]
    edges, names, values = [], [], []
    for k, (one, two) in enumerate(pairwise(layers), 1):
        edges += [(tail, head) for tail in one for head in two]
        names += [f"W{k}_{tail}_{head}" for tail in one for head in two]
        values.append(np.maximum(random.uniform(-1, 1, len(one) * len(two)) * np.sqrt(1 / len(one)), DRN_BOUNDS[0]))
    devices: list[Bias] = []
    if biases == "trainable":
        devices = [Bias(f"b_{node}") for layer in layers[1:] for node in layer]
        edges += [(node, GROUND) for layer in layers[1:] for node in layer]
        names += [device.edge for device in devices]
        values.append(np.array([device.conductance(0.0) for device in devices]))
    above = [(GROUND, node) for layer in hidden for node in layer[: len(layer) // 2]]
    below = [(node, GROUND) for layer in hidden for node in layer[len(layer) // 2 :]]
    elements, directives, laws = [], [], []
    if diodes == "ideal" and hidden:
        cards = [(f"D{k}", pair) for k, pair in enumerate((*above, *below), 1)]
        elements = [Element(name, f"{name} {' '.join(ends)} ideal", ends, "deep_resistive") for name, ends in cards]
        directives, laws = [steepest("ideal")], [IdealDiode]
    shape = "-".join(map(str, (len(first), *sizes[1:])))
    return Network.from_edges(
        edges,
        np.concatenate(values),
        **{
            "inputs": first,
            "outputs": layers[-1],
            "names": names,
            "devices": devices,
            "elements": elements,
            "directives": directives,
            "laws": laws,
            "bounds": DRN_BOUNDS,
            "title": f"deep resistive network {shape}, gain {gain:g}",
            **options,
        },
    )


def random_regular(degree: int, nodes: int, seed: int = 0, conductances: ArrayLike = 1.0, **options: Any) -> Network:
    """A random graph in which every node has `degree` edges; nodes n0 …; inputs default to n0 and n1."""
    import networkx

    try:
        graph = networkx.random_regular_graph(degree, nodes, seed=seed_of(seed))
    except networkx.NetworkXError as error:
        raise NetworkError(f"no {degree}-regular graph of {nodes} nodes: {error}") from None
    edges = [(f"n{min(pair)}", f"n{max(pair)}") for pair in sorted(map(sorted, graph.edges))]
    defaults = {"inputs": ["n0", "n1"], "title": f"random {degree}-regular, {nodes} nodes"}
    return Network.from_edges(edges, conductances, **{**defaults, **options})


def delaunay(nodes: int, seed: int = 0, conductances: ArrayLike = 1.0, **options: Any) -> Network:
    """The Delaunay triangulation of random points in the unit square; nodes n0 … from left to right.

    Inputs default to the leftmost and the rightmost node.
    """
    from scipy.spatial import Delaunay

    _at_least(3, nodes=nodes)
    points: NDArray[np.float64] = np.random.default_rng(seed_of(seed)).uniform(size=(nodes, 2))
    corners = Delaunay(points[np.argsort(points[:, 0])]).simplices
    pairs = np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]]), axis=1)
    edges = [(f"n{i}", f"n{j}") for i, j in np.unique(pairs, axis=0)]
    defaults = {"inputs": ["n0", f"n{nodes - 1}"], "title": f"Delaunay, {nodes} nodes"}
    return Network.from_edges(edges, conductances, **{**defaults, **options})


def gate_pair(
    conductances: ArrayLike = (1e-3, 1e-3, 1 / 500), rails: tuple[float, float] = (0.0181, 0.4351), **options: Any
) -> Network:
    """The small network of Dillavou et al. (arXiv:2505.22887): low–out and high–out learn, in–out is a fixed resistor.

    `rails` are the voltages of low and high [V]; the input is in, the output is out. Conductances default to 1 mS where
    it learns, and 500 Ω.
    """
    from hwlearn.network.ports import Source

    sources = [Source(f"V_{name}", "voltage", name, value=volts) for name, volts in zip(("low", "high"), rails, strict=True)]
    if options.get("trainable") is None:
        options["trainable"] = [True, True, False]
    defaults = {"inputs": ["in"], "outputs": ["out"], "fixed_sources": sources}
    edges = [("low", "out"), ("high", "out"), ("in", "out")]
    return Network.from_edges(edges, conductances, **{**defaults, "title": "gate pair", **options})


def _at_least(least: int, **values: int) -> None:
    for name, value in values.items():
        if value < least:
            raise NetworkError(f"{name} is {value}; it must be {least} or more")


BUILDERS: dict[str, Callable[..., Network]] = {
    "grid": grid,
    "kite": kite,
    "wheatstone": wheatstone,
    "layered": layered,
    "crossbar": crossbar,
    "deep_resistive": deep_resistive,
    "random_regular": random_regular,
    "delaunay": delaunay,
    "gate_pair": gate_pair,
}
"""The builders by name, for experiment files."""
