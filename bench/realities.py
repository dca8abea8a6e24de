"""How much accuracy each reality costs: `python bench/realities.py [--seeds N] [--learn STEPS]`.

A crossbar learns iris on the exact model, with a new split and a new start per seed. The same conductances are then measured
in ngspice and on the virtual bench of stations/iris.toml: 8-bit digipots with ±20 % unknown tolerance, 16-bit DACs, 20 µV of
noise. There it learns on for some steps. A larger crossbar learns the digits of scikit-learn; devices of 8 bits and ±20 %
stand for its bench.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits, load_iris

from hwlearn import (
    BenchCircuit,
    CrossEntropy,
    EquilibriumPropagation,
    ExactCircuit,
    ImperfectCircuit,
    Initial,
    NgspiceCircuit,
    Task,
    evaluate,
    train,
)
from hwlearn.circuits.imperfect import Quantised, Tolerance
from hwlearn.network.builders import crossbar

STATION = Path(__file__).parent.parent / "stations" / "iris.toml"
REACHED = (9.5e-5, 9e-4)
"""Conductances that the digipots reach [S]."""


def iris(seed: int, steps: int) -> Iterator[tuple[str, float]]:
    """Test accuracy of the same flowers in each reality."""
    task, test = Task.classification(*load_iris(return_X_y=True), volts=(-1.0, 1.0)).split(test=0.25, seed=seed)
    rule = EquilibriumPropagation(loss=CrossEntropy(scale=0.05), symmetric=True)
    network = Initial("log-uniform", 1.5e-4, 6e-4, seed=seed)(crossbar(4, 3, 3e-4, rails=(0.0, 1.0), bounds=REACHED))
    exact = ExactCircuit(network)
    train(exact, task, rule, steps=300, learning_rate="auto")
    yield "iris, exact model", evaluate(exact, test).accuracy
    trained = network.with_conductances(exact.conductances)
    with NgspiceCircuit(trained) as spice:
        yield "iris, ngspice", evaluate(spice, test).accuracy
    with BenchCircuit(trained, STATION, verify=False) as bench:
        bench.program(trained.conductances)
        yield "iris, bench as programmed", evaluate(bench, test).accuracy
        if steps:
            train(bench, task, rule, steps=steps, batch_size=16, learning_rate="auto", seed=seed)
            yield f"iris, bench after {steps} steps on it", evaluate(bench, test).accuracy


def digits(seed: int) -> Iterator[tuple[str, float]]:
    """Test accuracy of the same digits in each reality."""
    task, test = Task.classification(*load_digits(return_X_y=True)).split(seed=seed)
    rule = EquilibriumPropagation(loss=CrossEntropy(scale=0.05), symmetric=True)
    network = Initial("log-uniform", 1.5e-4, 6e-4, seed=seed)(crossbar(64, 10, 3e-4, rails=(0.0, 1.0), bounds=REACHED))
    exact = ExactCircuit(network)
    train(exact, task, rule, epochs=20, batch_size=50, learning_rate="auto", decay=0.9)
    yield "digits, exact model", evaluate(exact, test).accuracy
    trained = network.with_conductances(exact.conductances)
    with NgspiceCircuit(trained) as spice:
        yield "digits, ngspice", evaluate(spice, test).accuracy
    for said, effects in (
        ("8 bits", [Quantised(256, *REACHED)]),
        ("8 bits, ±20 %", [Tolerance(0.2), Quantised(256, *REACHED)]),
    ):
        devices = ImperfectCircuit(ExactCircuit(trained), *effects, seed=seed)
        devices.program(trained.conductances)
        yield f"digits, devices of {said}", evaluate(devices, test).accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--learn", type=int, default=20, metavar="STEPS", help="steps of learning on the bench")
    given = parser.parse_args()
    found: dict[str, list[float]] = {}
    for seed in range(given.seeds):
        for name, accuracy in (*iris(seed, given.learn), *digits(seed)):
            found.setdefault(name, []).append(accuracy)
    for name, values in found.items():
        print(f"{name:<36} {np.mean(values):.3f} ({min(values):.3f} … {max(values):.3f}), {len(values)} seeds")


if __name__ == "__main__":
    main()
