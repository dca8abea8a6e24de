"""Symmetries of targets that cost rank: planted in random networks all are named, beside the rank on the solution manifold."""

import networkx
import numpy as np
import pytest
from effort import tries

from hwlearn import ExactCircuit, Network, Task
from hwlearn.analysis.analyze import analyze
from hwlearn.analysis.coercivity import coercivity
from hwlearn.analysis.manifold import project
from hwlearn.analysis.symmetry import symmetries
from hwlearn.circuits.drive import Drive
from hwlearn.claims.rows import kite_network, kite_task

COUNT = tries(8)
"""Networks of each kind; 50 is the claim."""


def planted(seed: int, *, read: bool = True, spread: float = 0.0) -> tuple[Network, Task]:
    """A random network with twins T and W, a spine T–M–W, and the outputs of some conductances, but v_T = v_W (= v_M).

    Without `read`, M is no output: then the twins are as symmetric, and nothing is lost.
    """
    random = np.random.default_rng(seed)
    count = int(random.integers(4, 8))
    graph = networkx.gnp_random_graph(count, 0.6, seed=seed)
    networkx.add_path(graph, range(count))
    edges = [(f"n{a}", f"n{b}") for a, b in graph.edges]
    for k in random.choice(count, 3, replace=False).tolist():
        edges += [(f"n{k}", "T"), (f"n{k}", "W")]
    edges += [("T", "M"), ("M", "W")]
    inputs = random.choice(count, 2, replace=False).tolist()
    free = next(k for k in range(count) if k not in inputs)
    network = Network.from_edges(
        edges,
        inputs=[f"n{k}" for k in inputs],
        outputs=["T", "W", *(["M"] if read else []), f"n{free}"],
        bounds=(1e-6, 1e6),
    )
    g = 10 ** random.uniform(-0.5, 0.5, len(edges))
    for k, (_, head) in enumerate(edges):
        if head == "W" and edges[k][0] != "M":
            g[k] = g[k - 1]
    with ExactCircuit(network) as circuit:
        circuit.program(g)
        reached = circuit.measure(Drive(np.array([[1.0, 0.0]]))).output_voltages
    if not 1e-3 < reached[0, 0] < 1 - 1e-3:  # one input cuts off the other: no current at all
        return planted(seed + 1000, read=read, spread=spread)
    reached[:, 0] += spread
    reached[:, 1] -= spread
    return network.with_conductances(g), Task([[1.0, 0.0]], reached)


def deficits(network: Network, task: Task) -> set[int]:
    """Rank that is missing at several points of the solution manifold."""
    random = np.random.default_rng(1)
    found = set()
    for _ in range(4):
        on = project(network, task, network.conductances * 10 ** random.uniform(-0.3, 0.3, len(network.edges)))
        if on.reached:
            solution = coercivity(on.jacobian)
            found.add(solution.constraints - solution.rank)
    return found


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_planted_symmetry_is_named(seed):
    network, task = planted(seed)
    assert 0 not in deficits(network, task)
    named = [one for one in symmetries(network, task) if {"T", "M", "W"} <= set(one.outputs)]
    assert len(named) == 1
    assert any({"T", "W"} == set(cycle) for cycle in named[0].exchange)


@pytest.mark.parametrize("seed", range(COUNT))
@pytest.mark.parametrize("kind", [{"read": False}, {"spread": 0.01}], ids=["the middle is not read", "off the symmetry"])
def test_no_false_alarm(seed, kind):
    network, task = planted(seed, **kind)
    if 0 in deficits(network, task):
        assert symmetries(network, task) == ()
    else:
        assert sum(one.lost for one in symmetries(network, task)) <= min(deficits(network, task), default=0)


def test_the_kite_is_named_and_repaired():
    (found,) = analyze(kite_network(), kite_task(0.0)).as_dict()["symmetries"]
    assert set(found["exchange"][0]) == {"T", "W"}
    assert (found["outputs"], found["lost"], found["edges"]) == (("T", "M", "W"), 1, ("R5", "R6"))
    effect = {repair["what"]: repair["constant"] for repair in found["repairs"]}
    assert effect["add M–A and M–D"] > 1e-3
    assert effect["move the targets of T and W apart, by ±0.02 V"] > 1e-5
    assert effect["start at other conductances"] == 0
    assert analyze(kite_network(), kite_task(0.1)).as_dict()["symmetries"] == []
