"""One training step on the exact model against what it must cost and against what one would otherwise write.

    python bench/step.py

A step of `train` (EP, one-sided, two outputs, S = 1) over
  floor: one numeric refactorisation and one solve with three right-hand sides, by the same solver;
  naive: scipy, each phase assembled from triplets and factored by splu.

The two sides of a ratio are timed in turns, so that a busy machine slows both; each number is a median, of CPU time.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import time  # noqa: E402
from collections.abc import Callable  # noqa: E402

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402
import scipy.sparse.linalg as sl  # noqa: E402

from hwlearn import Circuit, EquilibriumPropagation, ExactCircuit, Network, Task, train  # noqa: E402
from hwlearn.circuits.linalg import choose_cholesky  # noqa: E402
from hwlearn.network.builders import grid  # noqa: E402

NUDGE, RATE = 1e-3, 1e-3


def lattice(n: int, unit: float = 1.0) -> Network:
    conductances = unit * 10 ** np.random.default_rng(0).uniform(-1, 0, 2 * n * (n - 1))
    return grid(n, n, conductances, outputs=[f"n{n // 2}_1", f"n{n // 2}_{n // 3}"])


def turned(turns: int, *sides: Callable[[], float]) -> np.ndarray:
    """(turns, sides) seconds, each side's own timing, the sides taking turns."""
    for side in sides:
        side()
    return np.array([[side() for side in sides] for _ in range(turns)])


def interleaved(turns: int, *sides: Callable[[], float]) -> list[float]:
    """Median of each side's own timing [s], the sides taking turns."""
    return np.median(turned(turns, *sides), axis=0).tolist()


def timed(steps: int, run: Callable[[], object]) -> Callable[[], float]:
    """CPU seconds per step of `run`, which makes `steps` of them; ngspice works on a thread of its own."""

    def measure() -> float:
        start = time.process_time()
        run()
        return (time.process_time() - start) / steps

    return measure


def training(circuit: Circuit, task: Task, steps: int, nudge: float = NUDGE) -> Callable[[], float]:
    """Seconds per training step. The measurement after the last step is found done by the next call."""
    return timed(steps, lambda: train(circuit, task, EquilibriumPropagation(nudge), steps=steps, learning_rate=RATE))


def floor(network: Network, steps: int) -> Callable[[], float]:
    """One numeric refactorisation and one solve with three right-hand sides of the same matrix and solver."""
    free = np.flatnonzero(network.merging.cluster >= 0)
    incidence = network.incidence
    laplacian = sp.triu((incidence.T @ sp.diags_array(network.conductances) @ incidence)[free][:, free], format="csc")
    laplacian.sort_indices()
    cholesky = choose_cholesky(len(free), laplacian.indptr, laplacian.indices)
    right = np.random.default_rng(1).normal(size=(3, len(free)))

    def run() -> None:
        for _ in range(steps):
            cholesky.factor(laplacian.data)
            cholesky.solve(right)

    return timed(steps, run)


def naive(network: Network, task: Task, steps: int) -> Callable[[], float]:
    """The step as one would write it with scipy: coo assembly and splu, for each of the two phases."""
    a, b = network.tails, network.heads
    nodes = len(network.nodes)
    held = [network.node_index[source.plus] for source in network.inputs]
    free = np.setdiff1d(np.arange(nodes), held)
    seen = np.searchsorted(free, [network.node_index[port.plus] for port in network.outputs])

    def phase(g: np.ndarray, current: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        data, rows, columns = np.r_[g, g, -g, -g], np.r_[a, b, a, b], np.r_[a, b, b, a]
        laplacian = sp.coo_matrix((data, (rows, columns)), (nodes, nodes)).tocsc()
        right = -laplacian[free][:, held] @ task.inputs[0]
        if current is not None:
            right[seen] += current
        options = {"SymmetricMode": True}
        factor = sl.splu(laplacian[free][:, free].tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options=options)
        voltages = np.zeros(nodes)
        voltages[held], voltages[free] = task.inputs[0], factor.solve(right)
        return voltages[a] - voltages[b], voltages[free][seen]

    def run() -> None:
        g = network.conductances
        for _ in range(steps):
            drops, outputs = phase(g, None)
            nudged, _ = phase(g, -NUDGE * (outputs - task.targets[0]))
            g = np.clip(g - RATE * (nudged**2 - drops**2) / (2 * NUDGE), network.lower, network.upper)

    return timed(steps, run)


def main() -> None:
    print(f"{'exact, S = 1':16}{'solver':>10}{'step ms':>10}{'floor ms':>10}{'naive ms':>10}{'/ floor':>10}{'/ naive':>10}")
    task = Task([[1.0, 0.0]], [[0.4, 0.6]])
    for n, steps, turns in ((10, 100, 15), (30, 30, 11), (100, 4, 9), (300, 2, 5)):
        network = lattice(n)
        circuit = ExactCircuit(network)
        step, least, scipy = interleaved(
            turns, training(circuit, task, steps), floor(network, steps), naive(network, task, max(1, steps // 10))
        )
        print(
            f"{f'{n}×{n}':16}{circuit.solver:>10}{1e3 * step:10.3f}{1e3 * least:10.3f}{1e3 * scipy:10.2f}"
            f"{step / least:10.2f}{step / scipy:10.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
