"""Seconds and peak memory of `analyze` on large grids, each in a process of its own.

python bench/analyze.py
"""

from __future__ import annotations

import multiprocessing
import resource
import time

import numpy as np

from hwlearn import Drive, ExactCircuit, Task, analyze
from hwlearn.network.builders import grid

CASES = ((100, 10, 100), (300, 4, 1))


def measure(size: int, outputs: int, samples: int) -> None:
    random = np.random.default_rng(0)
    names = [f"n{i}_{j}" for i, j in random.integers(1, size - 1, (outputs, 2))]
    network = grid(size, size, random.uniform(0.5, 2, 2 * size * (size - 1)), outputs=names)
    inputs = random.uniform(size=(samples, 2))
    near = network.with_conductances(network.conductances * random.uniform(0.9, 1.1, len(network.edges)))
    task = Task(inputs, ExactCircuit(near).measure(Drive(inputs)).output_voltages)
    start = time.perf_counter()
    found = analyze(network, task)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    rank = f"{found.solution.rank} of {found.solution.constraints}"
    print(f"{f'{size}×{size}':10}{outputs:9}{samples:9}{seconds:10.2f}{peak:10.2f}  rank {rank}", flush=True)


if __name__ == "__main__":
    print(f"{'grid':10}{'outputs':>9}{'samples':>9}{'s':>10}{'GB':>10}")
    for case in CASES:
        process = multiprocessing.get_context("spawn").Process(target=measure, args=case)
        process.start()
        process.join()
