"""What a second core is good for in the exact model. Prints ratios of wall time.

    python bench/threads.py

Two threads that each run one kernel on matrices of their own, over one thread alone: 1 is side by side, 2 is one after the
other, as when a kernel keeps Python's lock. Then a step of `train` with one BLAS thread over one with two.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from threading import Thread

import numpy as np

BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
if len(sys.argv) == 1:
    os.environ.update(dict.fromkeys(BLAS, "1"))

from step import RATE, lattice  # noqa: E402

from hwlearn import EquilibriumPropagation, ExactCircuit, Network, Task, train  # noqa: E402
from hwlearn.circuits.exact.basis import Basis  # noqa: E402
from hwlearn.circuits.exact.system import System  # noqa: E402
from hwlearn.circuits.linalg import Cholesky, Cholmod, DenseCholesky, QdldlCholesky  # noqa: E402
from hwlearn.network.builders import layered  # noqa: E402

CIRCUITS: dict[str, Callable[[], Network]] = {
    "grid 100×100": lambda: lattice(100),
    "grid 300×300": lambda: lattice(300),
    "layers of 300, 300, 300": lambda: layered([300, 300, 300]),
}


def seconds(runs: list[Callable[[], object]], times: int) -> float:
    """Wall time of `times` calls of each, all at once."""

    def repeat(run: Callable[[], object]) -> None:
        for _ in range(times):
            run()

    threads = [Thread(target=repeat, args=(run,)) for run in runs]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def kernels(network: Network, kind: type[Cholesky]) -> dict[str, Callable[[], object]]:
    system = System(network)
    basis = Basis(system, np.eye(len(network.inputs))[:1])
    solver = kind(system.size, *system.pattern)
    numbers, right = basis.assemble(network.conductances)
    solver.factor(numbers)
    solution = solver.solve(right)
    return {
        "assembly": lambda: basis.assemble(network.conductances),
        f"{kind.name}: factor": lambda: solver.factor(numbers),
        f"{kind.name}: solve, one right-hand side": lambda: solver.solve(right),
        "drops": lambda: system.seen.of_rows(solution, None),
    }


def at_once(name: str, network: Network, kind: type[Cholesky]) -> None:
    one, two = kernels(network, kind), kernels(network, kind)
    for what, run in one.items():
        times = max(2, int(0.1 / seconds([run], 2)))
        ratios = [seconds([run, two[what]], times) / seconds([run], times) for _ in range(7)]
        print(f"{name:26}{what:42}{np.median(ratios):6.2f}", flush=True)


def child(name: str) -> None:
    network = CIRCUITS[name]()
    circuit, task = ExactCircuit(network), Task(np.eye(len(network.inputs))[:1], 0.4 + 0 * np.eye(len(network.outputs))[:1])
    times = []
    for _ in range(5):
        start = time.perf_counter()
        train(circuit, task, EquilibriumPropagation(1e-3), steps=8, learning_rate=RATE)
        times.append(time.perf_counter() - start)
    print(min(times))


def main() -> None:
    if len(sys.argv) > 1:
        child(sys.argv[1])
        return
    at_once("grid 30×30", lattice(30), QdldlCholesky)
    at_once("grid 300×300", lattice(300), Cholmod)
    at_once("layers of 300, 300, 300", layered([300, 300, 300]), DenseCholesky)
    for name in CIRCUITS:
        taken = []
        for count in ("1", "2"):
            environment = os.environ | dict.fromkeys(BLAS, count)
            told = subprocess.run(
                [sys.executable, __file__, name], capture_output=True, text=True, check=True, env=environment
            )
            taken.append(float(told.stdout))
        print(f"{name:26}{'a step with one BLAS thread / with two':42}{taken[0] / taken[1]:6.2f}", flush=True)


if __name__ == "__main__":
    main()
