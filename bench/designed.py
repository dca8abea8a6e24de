"""Whether a designed circuit ends nearer to the targets on the virtual bench than one that was drawn by hand.

    python bench/designed.py --seeds 20 [--json FILE]

The task of netlists/allostery-bench.toml: 0.25 V between t1 and t2 for 1 V between s1 and s2, with 16 nodes and 24 8-bit
digipots of ±20 % unknown tolerance, 20 µV of noise, 16-bit DACs (stations/allostery.toml). Drawn by hand is the 4×4 grid of
that netlist. The other is what `hwlearn design` finds for the objective "floor" of such parts, before it knows any bench.
A seed is a bench of its own, the same digipots by number and noise for both. Both learn by EP for 800 steps with the
nudge β and learning rate α that bench/learn.py uses on the grid, in units of their own: the same βR and αλ, R the
output resistance and λ = ‖J‖² at the solution. What is kept is the best state that was confirmed on the way. Printed are the
rms error of 100 free phases, of which 10 µV are noise, and the true error, by the true conductances of the virtual digipots.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from learn import ROOT, RULES, STATION, rms

from hwlearn import Drive, EquilibriumPropagation, ExactCircuit, Network, Task, train
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.manifold import project
from hwlearn.experiments import load_experiment
from hwlearn.experiments.designs import load_design, write_design
from hwlearn.experiments.searches import search_design
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.virtual.imperfections import quantised

DESIGN = """
[design]
nodes = 16
edges = 24
bounds = [9.5e-5, 9e-4]
start = 1.5e-4
objective = "floor"
levels = 256
spaced = "resistance"
loss = 1e-10
restarts = 4
[ports]
inputs = ["s1", "s2"]
outputs = ["t1,t2"]
[task]
inputs = [[1.0, 0.0]]
targets = [[0.25]]
"""
Circuit = tuple[Network, Task]


def designed(folder: Path) -> Circuit:
    """What is found for the objective "floor"."""
    (folder / "task.toml").write_text(DESIGN, encoding="utf-8")
    settings, problem = load_design(folder / "task.toml")
    (found, *_), _ = search_design(settings, problem, None, random=1)
    write_design(found, folder)
    experiment = load_experiment(folder / "design.toml")
    return experiment.network, experiment.task


def by_hand() -> Circuit:
    """The 4×4 grid."""
    experiment = load_experiment(ROOT / "netlists" / "allostery-bench.toml")
    return experiment.network, experiment.task


def station(folder: Path, network: Network, seed: int) -> Path:
    """The bench of stations/allostery.toml with the ports, nodes and digipots of a network."""
    text = STATION.read_text(encoding="utf-8")
    head, rest = text.split("[input.VS]")
    middle = "[limits]" + rest.split("[limits]")[1].split("[edge]")[0]
    middle = middle.replace("[virtual]\nseed = 1\n", f"[virtual]\nseed = {seed}\n").replace(
        "[program]\n", f"[program]\nseed = {seed}\n"
    )
    lines = [head]
    for k, name in enumerate(network.input_names):
        lines += [f'[input."{name}"]', f'drive = "dac:{k + 1}"']
    grounded = {node for source in network.fixed_sources for node in (source.plus, source.minus)}
    for source in network.fixed_sources:
        lines += [f'[source."{source.name}"]', 'drive = "ground"']
    for k, name in enumerate(network.output_names):
        lines += [f'[output."{name}"]', f'nudge = "smu:{k + 1}"']
    lines += [middle, "[edge]"]
    lines += [
        f'{name} = {{ set = "pots:{k}", table = "pot", series_ohm = 1000 }}' for k, name in enumerate(network.edge_names)
    ]
    read = [node for node in network.nodes if node != "0" and node not in grounded]
    lines += ["[node]", *(f'{node} = {{ read = "daq:{101 + k}" }}' for k, node in enumerate(read))]
    path = folder / "station.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def units(circuit: Circuit) -> tuple[float, float]:
    """R [Ω] and λ [V²/S²] on the solution manifold."""
    network, task = circuit
    at = jacobian(network, task, project(network, task).conductances)
    return at.resistance.item(), float((at.matrix() ** 2).sum())


def true_error(bench: BenchCircuit, task: Task) -> float:
    """rms [V] by what the digipots and the DACs truly are."""
    model = bench.connection.virtual.model
    inputs = np.vectorize(lambda volts: quantised(volts, model.imperfections))(task.inputs)
    with ExactCircuit(bench.network) as exact:
        exact.program(model.conductances)
        return float(np.sqrt(np.mean((exact.measure(Drive(inputs)).output_voltages - task.targets) ** 2)))


def learned(circuit: Circuit, path: Path, rule: EquilibriumPropagation, rate: float, steps: int) -> tuple[float, float]:
    """Errors [µV] after a training on one bench: rms of 100 free phases, and the true one."""
    network, task = circuit
    with BenchCircuit(network, path) as bench:
        train(bench, task, rule, steps=steps, learning_rate=rate, optimizer="momentum")
        return rms(bench, task) * 1e6, true_error(bench, task) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="how many benches")
    parser.add_argument("--first", type=int, default=1, metavar="K", help="seed of the first of them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where all numbers go")
    given = parser.parse_args()
    nudged, rate, steps = RULES[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        circuits = {"hand-drawn": by_hand(), "designed": designed(folder)}
        ohms, fastest = units(circuits["hand-drawn"])
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in circuits}
        for seed in range(given.first, given.first + given.seeds):
            for name, circuit in circuits.items():
                own_ohms, own_fastest = units(circuit)
                rule = EquilibriumPropagation(nudged.nudge * ohms / own_ohms, symmetric=True)
                path = station(folder, circuit[0], seed)
                found[name].append(learned(circuit, path, rule, rate * fastest / own_fastest, steps))
            print(
                f"seed {seed}: "
                + "; ".join(f"{name} {runs[-1][0]:.2f}, truly {runs[-1][1]:.2f} µV" for name, runs in found.items()),
                flush=True,
            )
    medians = {}
    print(f"{'circuit':<12}{'trained':>22}{'true error':>22}   median (worst)")
    for name, runs in found.items():
        read, true = np.array(runs).T
        medians[name] = np.median(read), np.median(true)
        print(f"{name:<12}{np.median(read):>10.2f} ({read.max():.1f}) µV{np.median(true):>12.2f} ({true.max():.2f}) µV")
    ratios = np.divide(medians["designed"], medians["hand-drawn"])
    print(f"designed over hand-drawn, in the median: {ratios[0]:.3f} as read, {ratios[1]:.3f} truly")
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
