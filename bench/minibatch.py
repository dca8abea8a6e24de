"""A step on a new minibatch of the exact model, against what it must cost and against plain numpy.

    python bench/minibatch.py

A step is `program` and one reading of EP (symmetric) on samples that were not seen before, over
  floor: K assembled, factored, and solved with 2 n_out right-hand sides by the fastest of the solvers. The batch is not in it;
  least: what no correct method leaves out. That is the floor, the samples' products with a matrix of n_in × n_out and back,
    and ġ at each edge from the 2 n_out solutions at its ends. Of a crossbar, whose edges are a matrix, by a product, and what
    enters the nodes by another;
  numpy: the same direction as one would write it, by dense matrices. Of the crossbar, whose K is diagonal: by two products.

The sides are timed in turns, so that a busy machine slows all. Each number is a median of CPU time, each ratio one of the
ratios of a turn.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from collections.abc import Callable, Iterator  # noqa: E402
from itertools import cycle, pairwise  # noqa: E402

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402
from step import timed, turned  # noqa: E402

from hwlearn import EquilibriumPropagation, ExactCircuit, Network, Task  # noqa: E402
from hwlearn.circuits.linalg import Cholesky, Cholmod, DenseCholesky, Diagonal, QdldlCholesky, SparseMap  # noqa: E402
from hwlearn.network.builders import grid  # noqa: E402

BATCHES = 10, 50, 100, 400


def border(n: int, count: int) -> Network:
    """A grid with `count` inputs on its border, and three outputs."""
    ring = [(0, j) for j in range(n)] + [(i, n - 1) for i in range(1, n)]
    ring += [(n - 1, j) for j in range(n - 1)] + [(i, 0) for i in range(1, n - 1)]
    chosen = [ring[k * len(ring) // count] for k in range(count)]
    outputs = [f"n{n // 2}_{n // 2}", f"n{n // 3}_{n // 2}", f"n{n // 2}_{n // 3}"]
    conductances = 10 ** np.random.default_rng(0).uniform(-1, 0, 2 * n * (n - 1))
    return grid(n, n, conductances, inputs=[f"n{i}_{j}" for i, j in chosen], outputs=outputs)


def random_graph(nodes: int = 300, edges: int = 1500) -> Network:
    """A random graph with 100 inputs that each lift a pair of nodes, three outputs across pairs, and a grounded node."""
    random = np.random.default_rng(0)
    order = random.permutation(nodes)
    pairs = {(min(a, b), max(a, b)) for a, b in pairwise(order.tolist())}
    while len(pairs) < edges:
        a, b = sorted(random.choice(nodes, 2, replace=False).tolist())
        pairs.add((a, b))
    ends = [(f"n{a}" if a else "0", f"n{b}") for a, b in sorted(pairs)]
    free = random.permutation(np.arange(1, nodes))
    ports = [f"n{a},n{b}" for a, b in free[: 2 * 103].reshape(-1, 2)]
    return Network.from_edges(ends, 10 ** random.uniform(-1, 0, edges), inputs=ports[:100], outputs=ports[100:])


def crossbar(inputs: int = 784, outputs: int = 10) -> Network:
    """Inputs and two rails, each to both nodes of every output pair."""
    rails = [f"x{k}" for k in range(inputs + 2)]
    ends = [(rail, f"{side}{k}") for rail in rails for k in range(outputs) for side in "pq"]
    conductances = np.random.default_rng(0).uniform(0.1, 1, len(ends))
    return Network.from_edges(ends, conductances, inputs=rails, outputs=[f"p{k},q{k}" for k in range(outputs)])


NETWORKS = {
    "grid 10×10, 20 in": border(10, 20),
    "grid 20×20, 76 in": border(20, 76),
    "300 nodes, 100 in": random_graph(),
    "crossbar 784": crossbar(),
}


def tasks(network: Network, samples: int) -> Iterator[Task]:
    random = np.random.default_rng(1)
    ports = len(network.inputs), len(network.outputs)
    return cycle([Task(*(random.normal(size=(samples, count)) for count in ports)) for _ in range(20)])


def ours(network: Network, samples: int, steps: int) -> Callable[[], float]:
    circuit, rule, batches = ExactCircuit(network), EquilibriumPropagation(symmetric=True), tasks(network, samples)
    sets = cycle([network.conductances * (1 + 1e-3 * k) for k in range(5)])

    def run() -> None:
        for _ in range(steps):
            circuit.program(next(sets))
            rule.read(circuit, next(batches))

    return timed(steps, run)


def floors(network: Network, samples: int, steps: int, products: bool) -> list[Callable[[], float]]:
    """For each solver, the floor; with the products what is least."""
    merging, outputs = network.merging, len(network.outputs)
    free = np.flatnonzero(merging.cluster >= 0)
    spread = sp.csr_array((np.ones(len(free)), (free, merging.cluster[free])), shape=(len(network.nodes), merging.size))
    incidence = sp.csr_array(network.incidence @ spread)
    matrix = sp.csc_array(sp.triu(incidence.T @ sp.diags_array(network.conductances) @ incidence, format="csc"))
    matrix.sort_indices()
    rows, columns = matrix.indices, np.repeat(np.arange(merging.size), np.diff(matrix.indptr))
    by_edge = SparseMap(sp.csr_array(incidence.T.tocsr()[rows].multiply(incidence.T.tocsr()[columns])))
    random, zeros, ones = np.random.default_rng(1), np.zeros(len(rows)), np.ones(len(network.inputs))
    right, batches = random.normal(size=(outputs, merging.size)), tasks(network, samples)
    transfer = random.normal(size=(len(network.inputs), outputs))
    g, drops, two = network.conductances, SparseMap(incidence), np.ascontiguousarray(right.T)
    bipartite = len(rows) == merging.size
    block = g.reshape(len(network.inputs), -1) if bipartite else None

    def edges(moments: np.ndarray) -> None:
        if block is None:
            np.multiply(drops.of_columns(two), drops.of_columns(two)).dot(np.ones(outputs))
        else:
            moments.T.dot(block)
            moments.dot(right)

    def side(solver: Cholesky) -> Callable[[], float]:
        def run() -> None:
            for _ in range(steps):
                task = next(batches)
                solver.factor(by_edge.of(g, zeros) if block is None else ones.dot(block))
                solver.solve(right)
                if products:
                    edges(task.inputs.T.dot(task.inputs.dot(transfer) - task.targets))
                solver.solve(right)

        return timed(steps, run)

    kinds = [Diagonal] if bipartite else [QdldlCholesky, Cholmod, DenseCholesky]
    return [side(kind(merging.size, matrix.indptr, matrix.indices)) for kind in kinds]


def plain(network: Network, samples: int, steps: int) -> Callable[[], float]:
    """By dense matrices: all samples solved for, and a phase on each side."""
    merging = network.merging
    cluster, nodes = merging.cluster, len(network.nodes)
    free = np.flatnonzero(cluster >= 0)
    spread, lifts = np.zeros((nodes, merging.size)), np.zeros((nodes, len(network.inputs)))
    spread[free, cluster[free]] = 1.0
    lifts[merging.rows, merging.columns] = merging.signs
    incidence, ports = network.incidence.toarray(), network.port_incidence.toarray()
    loops, raised, ends, sign = incidence @ spread, incidence @ lifts, ports @ spread, ports @ lifts
    batches, nudge = tasks(network, samples), 1e-2

    def run() -> None:
        g = network.conductances
        for _ in range(steps):
            task = next(batches)
            weighted = g[:, None] * loops
            matrix = loops.T @ weighted
            right = -weighted.T @ (raised @ task.inputs.T)
            found = np.linalg.solve(matrix, np.hstack((right, ends.T)))
            potentials, by_ports = found[:, :samples], found[:, samples:]
            error = (ends @ potentials + sign @ task.inputs.T) - task.targets.T
            change = nudge * by_ports @ error
            there = raised @ task.inputs.T
            one, two = loops @ (potentials + change) + there, loops @ (potentials - change) + there
            ((one**2 - two**2) / (4 * nudge)).mean(axis=1)

    return timed(steps, run)


def by_products(network: Network, samples: int, steps: int) -> Callable[[], float]:
    """Of a crossbar with outputs p − q: its edges stand input by input, to p0, q0, p1, …"""
    batches, rows = tasks(network, samples), len(network.inputs)

    def run() -> None:
        g = network.conductances.reshape(rows, -1)
        for _ in range(steps):
            task = next(batches)
            total = g.sum(axis=0)
            potentials = task.inputs @ g / total
            change = np.empty_like(potentials)
            change[:, 0::2] = potentials[:, 0::2] - potentials[:, 1::2] - task.targets
            change[:, 1::2] = -change[:, 0::2]
            change /= total
            ((potentials * change).sum(axis=0) - task.inputs.T @ change) / samples

    return timed(steps, run)


def main() -> None:
    columns = "step ms", "floor ms", "least ms", "numpy ms", "/ floor", "/ least", "/ numpy"
    print(f"{'exact, EP':20}{'S':>5}{'solver':>10}" + "".join(f"{column:>10}" for column in columns))
    for name, network in NETWORKS.items():
        for samples in BATCHES:
            steps = 20 if samples == max(BATCHES) else 50
            bounds = [floors(network, samples, steps, products) for products in (False, True)]
            numpy = by_products(network, samples, steps) if name.startswith("crossbar") else plain(network, samples, 3)
            turns = turned(15, ours(network, samples, steps), *bounds[0], *bounds[1], numpy).T
            step, *found, naive = turns
            floor, least = (min(half, key=np.median) for half in np.split(np.array(found), 2))
            times = "".join(f"{1e3 * np.median(side):10.3f}" for side in (step, floor, least, naive))
            ratios = "".join(f"{np.median(step / side):10.2f}" for side in (floor, least, naive))
            print(f"{name:20}{samples:5}{ExactCircuit(network).solver:>10}{times}{ratios}", flush=True)


if __name__ == "__main__":
    main()
