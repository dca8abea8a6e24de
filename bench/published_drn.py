"""Deep resistive networks with ideal diodes, trained by Equilibrium Propagation, and the same in ngspice.

    python bench/published_drn.py FOLDER [--model drn-xs] [--epochs N] [--samples N] [--tests N] [--digits 200] [--keep FOLDER]

FOLDER has the four idx files of MNIST or Fashion-MNIST (`hwlearn.data`). Trains a network of Scellier 2024 (fast-drn,
universal-drn), tells before how long that will take, and goes on after a kill. Then replaces its ideal diodes by junctions in
ngspice, and tells for how many test digits both agree.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from kept import Kept

from hwlearn import Drive, EquilibriumPropagation, Network, NewtonCircuit, NgspiceCircuit, Task, train
from hwlearn.arrays import Array
from hwlearn.data import Images, load
from hwlearn.network.builders import deep_resistive


@dataclass(frozen=True)
class Model:
    """A deep resistive network as it was published, and the circuit that trains here.

    Attributes:
        data: a name of `hwlearn.data`. paper, published: where, and the test error [%] after so many `epochs`.
        hidden: sizes of the hidden layers. gain: amplification of the inputs.
        rates, bias_rates: of the resistors to each layer behind the first, and of its biases.
        batch: samples of a minibatch. optimizer: of `train`.
    """

    data: str
    paper: str
    published: float
    epochs: int
    hidden: tuple[int, ...]
    gain: float
    rates: tuple[float, ...]
    bias_rates: tuple[float, ...]
    batch: int = 4
    optimizer: str = "plain"

    def learning_rate(self, epoch: int) -> float | dict[str, float]:
        """By patterns of edge names, or one for all; falls by 1 % an epoch, counted from 0."""
        ends = [*(f"b_h{k}_*" for k in range(1, len(self.rates))), "b_o*"]
        names = [*(f"W{k}_*" for k in range(1, len(self.rates) + 1)), *ends]
        rates = [rate * DECAY**epoch for rate in (*self.rates, *self.bias_rates)]
        return rates[0] if len(set(rates)) == 1 else dict(zip(names, rates, strict=True))


FAST, UNIVERSAL = (f"rain-neuromorphics/energy-based-learning, papers/{name}" for name in ("fast-drn", "universal-drn"))
EVEN, RISING, DEEP = (0.006, 0.006), (0.002, 0.006, 0.018), (0.005, 0.02, 0.08, 0.005)
MODELS = {
    "drn-xs": Model("mnist", FAST, 3.46, 10, (100,), 100.0, EVEN, EVEN),
    "drn-1h": Model("mnist", FAST, 1.57, 50, (1024,), 480.0, EVEN, EVEN),
    "drn-2h": Model("mnist", FAST, 1.48, 50, (1024,) * 2, 2000.0, RISING, RISING),
    "drn-3h": Model("mnist", FAST, 1.66, 50, (1024,) * 3, 4000.0, DEEP, (0.0005, 0.002, 0.008, 0.0005)),
    "fashion": Model("fashion-mnist", UNIVERSAL, 10.38, 100, (1024,), 300.0, (0.005,) * 2, (0.005,) * 2, 32, "momentum"),
}
"""With the settings of the papers' scripts; the nudge is a current, `NUDGE`."""

NUDGE, DECAY = 0.1, 0.99
"""β [S], and what the learning rate is multiplied by after each epoch."""

FORWARD = 10.1e-3
"""What the steepest junction (`network.devices.ideal_diode`) drops at 1 kA, twice the largest current here [V]."""

AT_ONCE = 2000
LOOKED_AT, TESTED = 8, 200
"""Steps and test images by which the time is foreseen."""


class Trained(NamedTuple):
    """A circuit that learned, its test error [%], and seconds that it took, those before a kill included."""

    circuit: NewtonCircuit
    error: float
    seconds: float


def trained(
    model: Model,
    images: Images,
    epochs: int | None = None,
    seed: int = 0,
    samples: int | None = None,
    folder: Path | None = None,
) -> Trained:
    """Train on the first `samples` images or on all; tells before how long it will take, and the error after each epoch.

    What is killed goes on from its file in `folder`, at most `kept.EVERY` seconds before.
    """
    inputs, outputs = images.inputs.shape[1], int(images.labels.max()) + 1
    network = deep_resistive([inputs, *model.hidden, outputs], gain=model.gain, seed=seed)
    rule, batch = EquilibriumPropagation(NUDGE, symmetric=True), model.batch
    chosen, last = slice(samples), model.epochs if epochs is None else epochs
    task = Task(twins(images.inputs[chosen], model.gain), np.eye(outputs)[images.labels[chosen]])
    shape = "-".join(map(str, (2 * inputs, *model.hidden, outputs)))
    kept = Kept(folder and folder / f"{model.data}-{shape}-{seed}.npz", f"{model} {len(task)} {seed}")
    say(f"{shape}: {foreseen(model, network, task, images, last - kept.epoch)}")
    if kept.seconds:
        say(f"goes on in epoch {kept.epoch + 1}, after {kept.seconds:.0f} s")
    circuit, error = NewtonCircuit(network, dtype="float32"), None
    if kept.conductances is not None:
        circuit.program(kept.conductances)
    for epoch in range(kept.epoch, last):
        options: dict[str, Any] = {"batch_size": batch, "optimizer": model.optimizer, "seed": seed + epoch}
        options |= {"callbacks": [kept.look], "start": kept.start, "progress": sys.stderr.isatty()}
        train(circuit, task, rule, steps=len(task) // batch, learning_rate=model.learning_rate(epoch), **options)
        error = test_error(circuit, images, model.gain)
        kept.ended(circuit.conductances)
        say(f"epoch {epoch + 1}: test error {error:.2f} %, {kept.spent:.0f} s")
    kept.remove()
    return Trained(circuit, test_error(circuit, images, model.gain) if error is None else error, kept.spent)


def say(line: str) -> None:
    """Where a table of results is not disturbed."""
    print(line, file=sys.stderr, flush=True)


def test_error(circuit: NewtonCircuit, images: Images, gain: float) -> float:
    """Test images that are told wrongly [%]."""
    parts = [slice(at, at + AT_ONCE) for at in range(0, len(images.test_inputs), AT_ONCE)]
    answers = [circuit.measure(Drive(twins(images.test_inputs[part], gain))).output_voltages.argmax(axis=1) for part in parts]
    return 100 * float(np.mean(np.concatenate(answers) != images.test_labels))


def foreseen(model: Model, network: Network, task: Task, images: Images, epochs: int) -> str:
    """How long so many epochs will take and how much memory, by a few steps of a circuit that is thrown away."""
    circuit, rule, times = NewtonCircuit(network, dtype="float32"), EquilibriumPropagation(NUDGE, symmetric=True), []
    options: dict[str, Any] = {"batch_size": model.batch, "optimizer": model.optimizer}
    options["callbacks"] = [lambda _: times.append(time.perf_counter())]
    train(circuit, task, rule, steps=LOOKED_AT, learning_rate=model.learning_rate(0), **options)
    step, began = float(np.median(np.diff(times))), time.perf_counter()
    some = images._replace(test_inputs=images.test_inputs[:TESTED], test_labels=images.test_labels[:TESTED])
    test_error(circuit, some, model.gain)
    testing = (time.perf_counter() - began) * len(images.test_inputs) / len(some.test_inputs)
    epoch = step * (len(task) // model.batch) + testing
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    told = f"{1e3 * step:.1f} ms a step now, so {epochs} epochs of {len(task) // model.batch} steps take about "
    return f"{told}{in_words(epochs * epoch)} ({in_words(epoch)} each); {memory:.1f} GB of memory"


def in_words(seconds: float) -> str:
    """Seconds, minutes or hours."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def twins(inputs: Array, gain: float) -> Array:
    """(S, 2 n_in) V: x and −x, times the gain."""
    return gain * np.hstack((inputs, -inputs))


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
    """Of a trained network, for inputs (S, n_in) V."""
    exact = circuit.measure(Drive(inputs)).output_voltages
    network, sources = first_layer_merged(circuit.network, circuit.conductances, inputs)
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
    parser.add_argument("--model", default="drn-xs", choices=MODELS)
    parser.add_argument("--epochs", type=int, help="as published if not given")
    parser.add_argument("--samples", type=int, help="train on so many images; on all if not given")
    parser.add_argument("--tests", type=int, help="test with so many images; with all if not given")
    parser.add_argument("--digits", type=int, default=200, help="test images that ngspice classifies too; 0 for none")
    parser.add_argument("--keep", type=Path, default=Path("published"), help="folder of what goes on after a kill")
    arguments = parser.parse_args()
    model = MODELS[arguments.model]
    images = load(model.data, arguments.folder)
    tests = slice(arguments.tests)
    images = images._replace(test_inputs=images.test_inputs[tests], test_labels=images.test_labels[tests])
    circuit, error, _ = trained(model, images, arguments.epochs, samples=arguments.samples, folder=arguments.keep)
    print(f"test error {error:.2f} %; published {model.published} % after {model.epochs} epochs")
    if not arguments.digits:
        return
    start = time.process_time()
    found = agreement(circuit, twins(images.test_inputs[: arguments.digits], model.gain))
    print(
        f"of {arguments.digits} digits, ngspice chooses the same for {100 * found.same:.2f} %, which must be at least "
        f"{100 * found.certain:.2f} %; outputs differ by up to {1e3 * found.away:.1f} mV"
    )
    print(f"{time.process_time() - start:.0f} s")


if __name__ == "__main__":
    main()
