"""How far the direction of EP is from steepest descent where every edge is a transistor, whose two ends have unlike slopes.

    python bench/gates.py

Grids of 4×4 nodes, S = 0.85 mS/V, V_T = 0.7 V, gates between 2 and 5 V; one corner is driven, the opposite one is at 0 V, two
nodes are outputs. Printed, for each height of the drive: medians over ten grids of the largest drop of an edge over its
smallest overdrive V_G − V_T − v, of the angle between direction and finite differences, and of their distance, relative.
Then the time of a step of netlists/gates.toml and netlists/xor.toml, over that of ngspice, both best of 100.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from hwlearn import Drive, EquilibriumPropagation, NewtonCircuit, NgspiceCircuit, Task, Transistor
from hwlearn.experiments import load_experiment
from hwlearn.learning.train import task_loss
from hwlearn.network import Network, Source
from hwlearn.network.builders import grid


def made(seed: int) -> Network:
    """A grid of transistors."""
    random = np.random.default_rng(seed)
    rest = [Source("VLOW", "voltage", "n3_3", "0", 0.0)]
    network = grid(4, 4, inputs=["n0_0"], outputs=["n1_2", "n2_1"], fixed_sources=rest)
    transistors = tuple(Transistor(edge.name, 0.85e-3, 0.7) for edge in network.edges)
    gates = random.uniform(2.0, 5.0, len(transistors))
    return replace(network, nodes=(*network.nodes, "0"), devices=transistors).with_conductances(
        [transistor.conductance(gate) for transistor, gate in zip(transistors, gates, strict=True)]
    )


def slope(circuit: NewtonCircuit, task: Task) -> np.ndarray:
    """(E,) −∂loss/∂g by central differences."""
    start, found = circuit.conductances, np.zeros(len(circuit.conductances))
    for k, g in enumerate(start):
        losses = []
        for side in (1, -1):
            changed = start.copy()
            changed[k] += side * 1e-4 * g
            circuit.program(changed)
            losses.append(task_loss(circuit, task)[0])
        found[k] = (losses[1] - losses[0]) / (2e-4 * g)
    circuit.program(start)
    return found


print("drive [V]   drop / overdrive   angle [°]   distance")
for volts in (0.1, 0.3, 0.6, 1.0, 1.5):
    rows = []
    for seed in range(10):
        network = made(seed)
        with NewtonCircuit(network) as circuit:
            task = Task([[volts]], volts * np.random.default_rng(seed).uniform(0.3, 0.7, (1, 2)))
            found = circuit.measure(Drive(task.inputs))
            direction = EquilibriumPropagation(1e-6, symmetric=True).direction(circuit, task)
            true = slope(circuit, task)
        overdrive = np.array(list(network.gate_voltages.values())) - 0.7
        ends = np.maximum(found.node_voltages[0, network.tails], found.node_voltages[0, network.heads])
        ratio = (np.abs(found.edge_drops()[0]) / (overdrive - ends)).max()
        size = np.linalg.norm(true)
        angle = np.degrees(np.arccos(np.clip(direction @ true / size / np.linalg.norm(direction), -1, 1)))
        rows.append((ratio, angle, np.linalg.norm(direction - true) / size))
    print(f"{volts:9g}   {{:16.2f}}   {{:9.2f}}   {{:8.3f}}".format(*np.median(rows, axis=0)))

for name in ("gates", "xor"):
    experiment, best = load_experiment(Path(__file__).parent.parent / "netlists" / f"{name}.toml"), [np.inf, np.inf]
    with NewtonCircuit(experiment.network) as newton, NgspiceCircuit(experiment.network) as ngspice:
        for k, circuit in enumerate((newton, ngspice)):
            for factor in np.linspace(1.0, 1.1, 100):
                start = time.perf_counter()
                circuit.program(np.minimum(factor * experiment.network.conductances, experiment.network.upper))
                experiment.rule.direction(circuit, experiment.task)
                best[k] = min(best[k], time.perf_counter() - start)
    print(f"{name}: exact {1e3 * best[0]:.2f} ms a step, ngspice {1e3 * best[1]:.2f} ms, ratio {best[0] / best[1]:.2f}")
