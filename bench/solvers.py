"""The three Cholesky solvers on graphs of all sizes and fills: what `choose_cholesky` was fitted to, and what it chooses.

    python bench/solvers.py

CPU milliseconds for one numeric factorisation and three solves, the least of many; the fastest and the chosen one should be
the same or near.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import time  # noqa: E402

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402

from hwlearn import Network  # noqa: E402
from hwlearn.circuits.linalg import Cholesky, Cholmod, DenseCholesky, QdldlCholesky, choose_cholesky  # noqa: E402
from hwlearn.network.builders import delaunay, grid, kite, layered, random_regular  # noqa: E402

GRAPHS = {
    "kite": kite(),
    "grid 4×4": grid(4, 4),
    "grid 10×10": grid(10, 10),
    "grid 30×30": grid(30, 30),
    "grid 60×60": grid(60, 60),
    "grid 100×100": grid(100, 100),
    "Delaunay 2000": delaunay(2000),
    "4-regular 100": random_regular(4, 100),
    "4-regular 300": random_regular(4, 300),
    "4-regular 1000": random_regular(4, 1000),
    "10-regular 100": random_regular(10, 100),
    "10-regular 300": random_regular(10, 300),
    "crossbar 9-9": layered([9, 9], inputs=["l0n0"]),
    "crossbar 64-64": layered([64, 64], inputs=["l0n0"]),
    "crossbar 256-256": layered([256, 256], inputs=["l0n0"]),
    "layers 784-100-10": layered([784, 100, 10]),
}


def reduced(network: Network) -> sp.csc_array:
    """Upper triangle of the merged Laplacian, for random conductances over a decade."""
    free = np.flatnonzero(network.merging.cluster >= 0)
    conductances = 10 ** np.random.default_rng(0).uniform(-1, 0, len(network.edges))
    incidence = network.incidence
    upper = sp.triu((incidence.T @ sp.diags_array(conductances) @ incidence)[free][:, free], format="csc")
    upper.sort_indices()
    return upper


def milliseconds(solver: Cholesky, data: np.ndarray) -> float:
    right = np.random.default_rng(1).normal(size=(3, solver.size))
    times: list[float] = []
    while len(times) < 5 or (sum(times) < 0.3 and len(times) < 500):
        start = time.process_time()
        solver.factor(data)
        solver.solve(right)
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def main() -> None:
    print(f"{'graph':20}{'unknowns':>9}{'fill':>9}{'LAPACK':>10}{'qdldl':>10}{'CHOLMOD':>10}  chosen / fastest")
    for name, network in GRAPHS.items():
        matrix = reduced(network)
        size = matrix.shape[0]
        pattern = (size, matrix.indptr, matrix.indices)
        cost = {
            kind.name: milliseconds(kind(*pattern), matrix.data) if kind is not DenseCholesky or size <= 1500 else np.inf
            for kind in (DenseCholesky, QdldlCholesky, Cholmod)
        }
        chosen, fastest = choose_cholesky(*pattern).name, min(cost, key=lambda kind: cost[kind])
        numbers = "".join(f"{value:10.3f}" for value in cost.values())
        fill = QdldlCholesky(*pattern).cost()[0]
        print(f"{name:20}{size:9}{fill:9}{numbers}  {chosen} {cost[chosen] / cost[fastest]:.2f} × {fastest}", flush=True)


if __name__ == "__main__":
    main()
