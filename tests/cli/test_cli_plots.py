"""Figures: what is drawn, of which size."""

from pathlib import Path

import networkx
import numpy as np
import pytest

from hwlearn import Network, Source
from hwlearn.network.builders import grid, kite, layered, random_regular, wheatstone
from hwlearn.show.plots import draw_network
from hwlearn.show.plots.layout import _faults, place_nodes


def faults(network):
    graph = networkx.Graph((edge.tail, edge.head) for edge in network.edges)
    return _faults(graph, dict(zip(network.nodes, place_nodes(network), strict=True)))


def size(png):
    return tuple(np.frombuffer(Path(png).read_bytes()[16:24], dtype=">u4").tolist())


@pytest.mark.parametrize("network", [kite(), wheatstone(), grid(4, 4), layered([1, 2, 1])], ids=lambda n: n.title)
def test_planar_networks_are_drawn_without_crossings(network):
    assert faults(network) == 0


def test_faults_counts_crossings_and_nodes_on_edges():
    graph = networkx.Graph([("a", "b"), ("c", "d")])
    cross = {"a": np.array([0, 0]), "b": np.array([1, 1]), "c": np.array([0, 1]), "d": np.array([1, 0])}
    assert _faults(graph, cross) == 1
    assert _faults(graph, {**cross, "c": np.array([0, 1]), "d": np.array([0.5, 1.0])}) == 0
    assert _faults(graph, {**cross, "d": np.array([0.5, 0.5])}) == 1


@pytest.mark.parametrize("network", [grid(25, 25), random_regular(3, 400), layered([6, 6])], ids=lambda n: n.title)
def test_no_two_nodes_share_a_place(network):
    at = place_nodes(network)
    assert at.shape == (len(network.nodes), 2)
    assert np.isfinite(at).all()
    assert len(np.unique(at.round(9), axis=0)) == len(at)


def test_a_large_grid_looks_like_a_grid(tmp_path):
    network = grid(100, 100, outputs=["n50_50"])
    at = place_nodes(network)
    extent = np.ptp(at, axis=0)
    assert 0.8 < extent[0] / extent[1] < 1.25
    lengths = np.linalg.norm(at[network.tails] - at[network.heads], axis=1)
    assert lengths.max() < 0.05 * extent.max()
    draw_network(network, tmp_path / "grid.png")
    assert size(tmp_path / "grid.png") == (1125, 1125)


def test_parts_sources_and_odd_names_are_drawn(tmp_path):
    network = Network.from_edges(
        [("a", "b"), ("b", "$x_1$"), ("c", "d"), ("d", "0"), ("a", "a")],
        [1.0, 1e-9, 1e3, 1.0, 1.0],
        inputs=["a", "c"],
        outputs=["b", "$x_1$,d"],
        fixed_sources=[Source("I1", "current", "b", "d", 1e-3), Source("V2", "voltage", "$x_1$", "0", 1.0)],
        trainable=["R1"],
        title="costs $5 and $6",
    )
    for name in ("parts.png", "parts.svg", "parts.pdf"):
        draw_network(network, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
