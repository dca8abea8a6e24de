"""DRN-XS of Scellier 2024 (fast-drn): 1568-100-10 with ideal diodes on all of MNIST, by Equilibrium Propagation.

    python bench/published_drn.py FOLDER [--epochs 10]

FOLDER has the four idx files of MNIST (`hwlearn.data`). Published on a GPU: a test error of 3.46 % after ten epochs.
"""

from __future__ import annotations

import argparse
import time
from typing import NamedTuple

import numpy as np

from hwlearn import Drive, EquilibriumPropagation, NewtonCircuit, Task, train
from hwlearn.arrays import Array
from hwlearn.data import load
from hwlearn.network.builders import deep_resistive

PUBLISHED = 3.46
"""Test error [%]: rain-neuromorphics/energy-based-learning, papers/fast-drn."""

GAIN, BATCH, NUDGE, RATE, DECAY = 100.0, 4, 0.1, 0.006, 0.99
BLOCK = 2000


class Row(NamedTuple):
    """A row of the table of published results; errors in %."""

    paper: str
    task: str
    published: float
    measured: float
    seeds: int
    seconds: float

    @property
    def passed(self) -> bool:
        return self.measured <= self.published


def row(folder: str, epochs: int = 10, seed: int = 0) -> Row:
    """Train and test; prints the test error after each epoch."""
    images = load("mnist", folder)
    network = deep_resistive([784, 100, 10], diodes="ideal", biases="trainable", gain=GAIN, seed=seed)
    circuit, rule = NewtonCircuit(network, dtype="float32"), EquilibriumPropagation(NUDGE, symmetric=True)
    task = Task(twins(images.inputs), np.eye(10)[images.labels])
    start, error = time.perf_counter(), 100.0
    for epoch in range(epochs):
        steps = len(task) // BATCH
        train(circuit, task, rule, steps=steps, batch_size=BATCH, learning_rate=RATE * DECAY**epoch, seed=seed + epoch)
        wrong = 0
        for at in range(0, len(images.test_inputs), BLOCK):
            part = slice(at, at + BLOCK)
            outputs = circuit.measure(Drive(twins(images.test_inputs[part]))).output_voltages
            wrong += int((outputs.argmax(axis=1) != images.test_labels[part]).sum())
        error = 100 * wrong / len(images.test_inputs)
        print(f"epoch {epoch + 1}: test error {error:.2f} %, {time.perf_counter() - start:.0f} s", flush=True)
    return Row("Scellier 2024", "MNIST, DRN-XS 1568-100-10", PUBLISHED, error, 1, time.perf_counter() - start)


def twins(inputs: Array) -> Array:
    """(S, 2 n_in) V: x and −x, times the gain."""
    return GAIN * np.hstack((inputs, -inputs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    found = row(arguments.folder, arguments.epochs)
    print(found, "pass" if found.passed else "fail")


if __name__ == "__main__":
    main()
