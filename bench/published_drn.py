"""Deep resistive networks with ideal diodes, trained by Equilibrium Propagation, and the same in ngspice.

    python bench/published_drn.py FOLDER [--digits 200]

FOLDER has the four idx files of MNIST (`hwlearn.data`). Trains DRN-XS, 1568-100-10, of Scellier 2024 (fast-drn), replaces its
ideal diodes by junctions in ngspice, and counts on how many test digits both agree.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hwlearn import Drive, EquilibriumPropagation, NewtonCircuit, NgspiceCircuit, Task, train
from hwlearn.arrays import Array
from hwlearn.data import Images, load
from hwlearn.network.builders import deep_resistive

GAIN, BATCH, NUDGE, RATE, DECAY = 100.0, 4, 0.1, 0.006, 0.99
"""Of fast-drn: amplification of the inputs, samples of a minibatch, nudge [S], learning rate and its decay per epoch."""

AT_ONCE = 2000


def trained(images: Images, hidden: Sequence[int] = (100,), epochs: int = 10, seed: int = 0) -> tuple[NewtonCircuit, float]:
    """The circuit and its test error [%]; prints that after each epoch."""
    inputs, outputs = images.inputs.shape[1], int(images.labels.max()) + 1
    network = deep_resistive([inputs, *hidden, outputs], diodes="ideal", biases="trainable", gain=GAIN, seed=seed)
    circuit, rule = NewtonCircuit(network, dtype="float32"), EquilibriumPropagation(NUDGE, symmetric=True)
    task, start, error = Task(twins(images.inputs), np.eye(outputs)[images.labels]), time.process_time(), 100.0
    for epoch in range(epochs):
        steps = len(task) // BATCH
        train(circuit, task, rule, steps=steps, batch_size=BATCH, learning_rate=RATE * DECAY**epoch, seed=seed + epoch)
        answers = [
            circuit.measure(Drive(twins(images.test_inputs[at : at + AT_ONCE]))).output_voltages.argmax(axis=1)
            for at in range(0, len(images.test_inputs), AT_ONCE)
        ]
        error = 100 * float(np.mean(np.concatenate(answers) != images.test_labels))
        print(f"epoch {epoch + 1}: test error {error:.2f} %, {time.process_time() - start:.0f} s of CPU", flush=True)
    return circuit, error


def twins(inputs: Array) -> Array:
    """(S, 2 n_in) V: x and −x, times the gain."""
    return GAIN * np.hstack((inputs, -inputs))


def agreement(circuit: NewtonCircuit, inputs: Array) -> tuple[float, float]:
    """For which part of the samples ngspice chooses the same class, and the largest difference of an output [V]."""
    drive = Drive(twins(inputs))
    exact = circuit.measure(drive).output_voltages
    with NgspiceCircuit(circuit.network.with_conductances(circuit.conductances)) as other:
        real = other.measure(drive).output_voltages
    return float(np.mean(exact.argmax(axis=1) == real.argmax(axis=1))), float(np.abs(exact - real).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--digits", type=int, default=200, help="test digits that ngspice classifies too")
    arguments = parser.parse_args()
    images = load("mnist", arguments.folder)
    circuit, error = trained(images, epochs=arguments.epochs)
    print(f"test error {error:.2f} %")
    start = time.process_time()
    same, away = agreement(circuit, images.test_inputs[: arguments.digits])
    print(
        f"ngspice chooses the same on {100 * same:.1f} % of {arguments.digits} digits; "
        f"outputs differ by up to {1e3 * away:.1f} mV"
    )
    print(f"{time.process_time() - start:.0f} s")


if __name__ == "__main__":
    main()
