"""How near a training on the virtual bench comes to the best that the codes allow, in the median and the worst of many seeds.

    python bench/learn.py --seeds 20 --json learn.json

8-bit digipots with ±20 % unknown tolerance, 20 µV of noise, 16-bit DACs, over real sockets (stations/allostery.toml). A seed
is a bench of its own: other digipots, other noise, other draws of the rounding. Each rule trains with a fixed number of steps
and keeps the best state that was confirmed. Then the codes around the kept ones are searched, all changes of one or two codes
by up to two steps, with the true conductances of the virtual devices. The best few are measured as the trained ones are: rms
error of 100 free phases; the best of them is measured anew, for it was picked for a good reading. Ratios are of these numbers.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from hwlearn import AdjointCoupledLearning, CoupledLearning, Drive, EquilibriumPropagation, ExactCircuit, train
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.virtual.imperfections import quantised

ROOT = Path(__file__).parent.parent
STATION = ROOT / "stations" / "allostery.toml"
RULES = (  # nudges far above the noise, rates large enough that the codes never rest; rule, learning rate, steps
    (EquilibriumPropagation(2e-4, symmetric=True), 6e-7, 800),
    (CoupledLearning(1.0, symmetric=True), 2e-3, 800),
    (AdjointCoupledLearning(5e3, symmetric=True), 10.0, 800),
)


def rms(circuit, task, phases=100):
    """Volts, over all samples of as many free phases."""
    free = Drive(np.tile(task.inputs, (phases, 1)))
    return float(np.sqrt(np.mean((circuit.measure(free).output_voltages - np.tile(task.targets, (phases, 1))) ** 2)))


def neighbours(circuit, task, count=3):
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


def with_seed(folder, seed):
    """The station file with another seed of the bench and of the rounding."""
    text = STATION.read_text(encoding="utf-8")
    for old, new in [("[virtual]\nseed = 1\n", f"[virtual]\nseed = {seed}\n"), ("[program]\n", f"[program]\nseed = {seed}\n")]:
        assert text.count(old) == 1, f"{STATION} has no {old!r}"
        text = text.replace(old, new)
    path = Path(folder) / "station.toml"
    path.write_text(text, encoding="utf-8")
    return path


def learned(experiment, station, rule, learning_rate, steps):
    """One training on one bench: numbers by name; voltages in µV."""
    task = experiment.task
    with BenchCircuit(experiment.network, station) as circuit:
        before, began = rms(circuit, task), time.perf_counter()
        result = train(circuit, task, rule, steps=steps, learning_rate=learning_rate, optimizer="momentum")
        seconds, writes = time.perf_counter() - began, int(circuit.writes.sum())
        trained, near = rms(circuit, task), []
        kept = circuit.conductances.copy()
        for conductances in [*neighbours(circuit, task), kept]:
            circuit.program(conductances)
            near.append((rms(circuit, task), conductances))
        circuit.program(min(near, key=lambda pair: pair[0])[1])
        best = rms(circuit, task)
    return {
        "kept": result.kept,
        "seconds": seconds,
        "writes": writes,
        "before": before * 1e6,
        "trained": trained * 1e6,
        "best": best * 1e6,
        "ratio": trained / best,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many benches")
    parser.add_argument("--first", type=int, default=1, metavar="K", help="seed of the first of them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where all numbers go")
    parser.add_argument("--rules", default="ep,cl,al", metavar="NAMES", help="which rules")
    given = parser.parse_args()
    experiment, found = load_experiment(ROOT / "netlists" / "allostery-bench.toml"), {}
    print(f"{given.seeds} benches; errors are rms over 100 free phases, of which 10 µV are noise; median (worst)")
    print(f"{'rule':<6}{'steps':>6}{'seconds':>9}{'before':>11}{'trained':>19}{'best nearby':>19}{'ratio':>14}{'writes':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for rule, learning_rate, steps in (one for one in RULES if one[0].name in given.rules.split(",")):
            runs = [
                learned(experiment, with_seed(folder, seed), rule, learning_rate, steps)
                for seed in range(given.first, given.first + given.seeds)
            ]
            found[rule.name] = {"steps": steps, "runs": runs}
            median, worst = ({name: float(f([run[name] for run in runs])) for name in runs[0]} for f in (np.median, np.max))
            print(
                f"{rule.name:<6}{steps:>6}{median['seconds']:>9.1f}{median['before'] / 1e3:>8.0f} mV"
                f"{median['trained']:>8.1f} ({worst['trained']:.1f}) µV{median['best']:>8.1f} ({worst['best']:.1f}) µV"
                f"{median['ratio']:>7.2f} ({worst['ratio']:.2f}){median['writes']:>8.0f}",
                flush=True,
            )
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
