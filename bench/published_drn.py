"""Deep resistive networks with ideal diodes, trained by Equilibrium Propagation, and the same in ngspice.

    python bench/published_drn.py FOLDER [--digits 200]

FOLDER has the four idx files of MNIST (`hwlearn.data`). Trains DRN-XS, 1568-100-10, of Scellier 2024 (fast-drn), replaces its
ideal diodes by junctions in ngspice, and tells for how many test digits both agree.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hwlearn import Drive, EquilibriumPropagation, Network, NewtonCircuit, NgspiceCircuit, Task, train
from hwlearn.arrays import Array
from hwlearn.data import Images, load
from hwlearn.network.builders import deep_resistive

GAIN, BATCH, NUDGE, RATE, DECAY = 100.0, 4, 0.1, 0.006, 0.99
"""Of fast-drn: amplification of the inputs, samples of a minibatch, nudge [S], learning rate and its decay per epoch."""

FORWARD = 10.1e-3
"""What the steepest junction (`network.devices.ideal_diode`) drops at 1 kA, twice the largest current here [V]."""

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


class Agreement(NamedTuple):
    """Ideal diodes and the junctions that stand for them in ngspice.

    Attributes:
        same: part of the samples for which both choose the same class.
        certain: part whose highest output leads by more than two forward voltages, so that no junction can change the choice:
            a hidden node or an output is moved by no more than the largest forward voltage, for the rest is weighted means.
        away: largest difference of an output [V].
    """

    same: float
    certain: float
    away: float


def agreement(circuit: NewtonCircuit, inputs: Array) -> Agreement:
    """Of a trained network, for inputs (S, pixels)."""
    exact = circuit.measure(Drive(twins(inputs))).output_voltages
    network, sources = first_layer_merged(circuit.network, circuit.conductances, twins(inputs))
    with NgspiceCircuit(network) as other:
        real = other.measure(Drive(sources)).output_voltages
    first, second = np.sort(exact, axis=1)[:, :-3:-1].T
    return Agreement(
        same=float(np.mean(exact.argmax(axis=1) == real.argmax(axis=1))),
        certain=float(np.mean(first - second > 2 * FORWARD)),
        away=float(np.abs(exact - real).max()),
    )


def first_layer_merged(network: Network, conductances: Array, inputs: Array) -> tuple[Network, Array]:
    """What the other layers see: the driven neighbours of a first hidden node are one source behind one resistor (Thévenin).

    ngspice then reads 1,200 elements in the place of 158,000, with the same voltages at all hidden nodes and outputs.
    """
    driven, edges = len(network.inputs), network.edges
    hidden = sum(edge.tail == edges[0].tail for edge in edges)
    weights = conductances[: driven * hidden].reshape(driven, hidden)
    total = weights.sum(axis=0)
    names = [edge.head for edge in edges[:hidden]]
    rest = edges[driven * hidden :]
    merged = Network.from_edges(
        [(f"t_{name}", name) for name in names] + [(edge.tail, edge.head) for edge in rest],
        np.concatenate((total, conductances[driven * hidden :])),
        inputs=[f"t_{name}" for name in names],
        outputs=[port.plus for port in network.outputs],
        names=[f"W_{name}" for name in names] + [edge.name for edge in rest],
        devices=network.devices,
        elements=network.elements,
        directives=network.directives,
        laws=network.laws,
    )
    return merged, inputs @ weights / total


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
    found = agreement(circuit, images.test_inputs[: arguments.digits])
    print(
        f"of {arguments.digits} digits, ngspice chooses the same for {100 * found.same:.2f} %, which must be at least "
        f"{100 * found.certain:.2f} %; outputs differ by up to {1e3 * found.away:.1f} mV"
    )
    print(f"{time.process_time() - start:.0f} s")


if __name__ == "__main__":
    main()
