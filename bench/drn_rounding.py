"""How far rounding carries DRN-XS: `python bench/drn_rounding.py FOLDER [--steps N]`, FOLDER with the idx files of MNIST.

Trains 1568-100-10 twice from the same seed on the same batches, in float32; the second time one conductance differs in its
last digit. Prints how far those of the resistors are apart, relative, after so many steps, and both test errors.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from published_drn import AT_ONCE, DECAY, MODELS, NUDGE, twins

from hwlearn import Drive, EquilibriumPropagation, Network, NewtonCircuit, Task, train
from hwlearn.arrays import Array
from hwlearn.data import Images, load
from hwlearn.network.builders import deep_resistive

MODEL = MODELS["drn-xs"]


def moved(network: Network, conductances: Array) -> Array:
    """The largest one of the last layer goes to the next number of float32."""
    found, layer = conductances.copy(), [k for k, name in enumerate(network.edge_names) if name.startswith("W2_")]
    k = layer[int(found[layer].argmax())]
    found[k] = np.nextafter(np.float32(found[k]), np.float32(np.inf))
    return found


def error(circuit: NewtonCircuit, images: Images) -> float:
    """Test error [%]."""
    parts = range(0, len(images.test_inputs), AT_ONCE)
    answers = [circuit.measure(Drive(twins(images.test_inputs[at : at + AT_ONCE], MODEL.gain))) for at in parts]
    classes = np.concatenate([answer.output_voltages.argmax(axis=1) for answer in answers])
    return 100 * float(np.mean(classes != images.test_labels))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=15000)
    options = parser.parse_args()
    images = load("mnist", options.folder)
    task = Task(twins(images.inputs, MODEL.gain), np.eye(10)[images.labels])
    network, rule = deep_resistive([784, *MODEL.hidden, 10], gain=MODEL.gain, seed=0), EquilibriumPropagation(NUDGE, True)
    one, two = NewtonCircuit(network, dtype="float32"), NewtonCircuit(network, dtype="float32")
    one.program(network.conductances.astype(np.float32))
    two.program(moved(network, one.conductances))
    done, due = 0, 1
    rates = {"learning_rate": MODEL.learning_rate(0), "decay": DECAY, "batch_size": MODEL.batch, "trajectory": 0}
    while done < options.steps:
        for circuit in (one, two):
            train(circuit, task, rule, steps=due - done, seed=done, **rates)
        done, due = due, min(10 * due, options.steps)
        here, there = (np.delete(circuit.conductances, list(network.device_at)) for circuit in (one, two))
        apart = np.linalg.norm(here - there) / np.linalg.norm(here)
        print(
            f"{done:7} steps: {apart:.1e} apart; test errors {error(one, images):.2f} and {error(two, images):.2f} %",
            flush=True,
        )


if __name__ == "__main__":
    main()
