"""How near a training on the virtual bench comes to the best that the codes allow.

    python bench/learn.py

8-bit digipots with ±20 % unknown tolerance, 20 µV of noise, 16-bit DACs, over real sockets (stations/allostery.toml). Each
rule trains; then the codes around the trained ones are searched, all changes of one or two codes by up to two steps, with the
true conductances of the virtual devices, and the best ten are measured as the trained ones are: rms error of 100 free phases.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np

from hwlearn import AdjointCoupledLearning, CoupledLearning, Drive, EquilibriumPropagation, ExactCircuit, train
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.virtual.imperfections import quantised

ROOT = Path(__file__).parent.parent
RULES = (  # nudges far above the noise; 12 µV, of which 10 µV are noise; al: noiseless currents, 8 µV by some 3.5 kΩ
    (EquilibriumPropagation(2e-4, symmetric=True), 2e-7, 0.5 * 12e-6**2),
    (CoupledLearning(1.0, symmetric=True), 2e-3, 0.5 * 12e-6**2),
    (AdjointCoupledLearning(5e3, symmetric=True), 3.0, 0.5 * (8e-6 / 3.5e3) ** 2),
)


def rms(circuit, task, phases=100):
    """Volts, over all samples of as many free phases."""
    free = Drive(np.tile(task.inputs, (phases, 1)))
    return float(np.sqrt(np.mean((circuit.measure(free).output_voltages - np.tile(task.targets, (phases, 1))) ** 2)))


def neighbours(circuit, task, count=10):
    """Conductances of the code changes that come nearest to the targets, by the true conductances of the virtual devices."""
    model = circuit.connection.virtual.model
    inputs = np.vectorize(lambda volts: quantised(volts, model.imperfections))(task.inputs)
    edges = range(len(circuit.network.edges))
    single = {}
    true = model.conductances
    with ExactCircuit(circuit.network) as exact:
        exact.program(true)
        start = exact.measure(Drive(inputs)).output_voltages
        for k, change in itertools.product(edges, (-2, -1, 1, 2)):
            resistances = model.pots.resistances(circuit.network.edge_names[k])
            code = int(circuit.codes[k]) + change
            if 0 < code < len(resistances):
                changed = true.copy()
                changed[k] = 1 / resistances[code]
                exact.program(changed)
                single[k, change] = (changed[k], exact.measure(Drive(inputs)).output_voltages - start)
        found = []
        for one, two in itertools.combinations(single, 2):
            if one[0] != two[0]:
                guess = start + single[one][1] + single[two][1] - task.targets
                found.append((float(np.abs(guess).max()), one, two))
        found.sort()
        tried = []
        for _, one, two in found[: 20 * count]:
            changed = true.copy()
            changed[one[0]], changed[two[0]] = single[one][0], single[two][0]
            exact.program(changed)
            tried.append((float(np.abs(exact.measure(Drive(inputs)).output_voltages - task.targets).max()), one, two))
    tried.sort()
    for _, *changes in tried[:count]:
        codes = circuit.codes.copy()
        for k, change in changes:
            codes[k] += change
        tables = [circuit.station.tables[name] for name in circuit.network.edge_names]
        yield np.array([table.conductances[code] for table, code in zip(tables, codes, strict=True)])


def main():
    experiment = load_experiment(ROOT / "netlists" / "allostery-bench.toml")
    task = experiment.task
    print(
        f"{'rule':<6}{'steps':>7}{'seconds':>9}{'rms before':>13}{'trained':>11}{'best nearby':>13}{'ratio':>7}{'writes':>8}"
    )
    for rule, learning_rate, stop_loss in RULES:
        with BenchCircuit(experiment.network, ROOT / "stations" / "allostery.toml") as circuit:
            before, began = rms(circuit, task), time.perf_counter()
            result = train(
                circuit, task, rule, steps=4000, learning_rate=learning_rate, optimizer="momentum", stop_loss=stop_loss
            )
            seconds, writes = time.perf_counter() - began, int(circuit.writes.sum())
            trained = rms(circuit, task)
            best = trained
            for conductances in list(neighbours(circuit, task)):
                circuit.program(conductances)
                best = min(best, rms(circuit, task))
        print(
            f"{rule.name:<6}{result.steps:>7}{seconds:>9.1f}{before * 1e6:>10.0f} µV{trained * 1e6:>8.1f} µV"
            f"{best * 1e6:>10.1f} µV{trained / best:>7.2f}{writes:>8}",
            flush=True,
        )


if __name__ == "__main__":
    main()
