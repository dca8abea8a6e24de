"""How often XOR is learned: netlists/xor.toml from 20 random starts, on both backends.

    python bench/xor.py [seeds [first seed]]

Conductances start between 0.1 and 1 mS, log-uniform. Solved: every output within half its target. Printed: seed, steps,
loss over that of outputs at zero, outputs [mV].
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from hwlearn import Drive, NewtonCircuit, NgspiceCircuit, train
from hwlearn.experiments import load_experiment

experiment = load_experiment(Path(__file__).parent.parent / "netlists" / "xor.toml")
task, seeds = experiment.task, [20, 0]
seeds[: len(sys.argv) - 1] = map(int, sys.argv[1:])
assert experiment.settings.train is not None
options = experiment.settings.train.model_dump()
for kind in (NewtonCircuit, NgspiceCircuit):
    solved, start = 0, time.perf_counter()
    for seed in range(seeds[1], sum(seeds)):
        first = 10 ** np.random.default_rng(seed).uniform(-4, -3, len(experiment.network.edges))
        with kind(experiment.network.with_conductances(first)) as circuit:
            result = train(circuit, task, experiment.rule, **options)
            outputs = circuit.measure(Drive(task.inputs)).output_voltages
        right = bool((np.abs(outputs - task.targets) < 0.5 * np.abs(task.targets)).all())
        solved += right
        loss = result.losses[-1] / (0.5 * np.mean(task.targets**2))
        millivolts = " ".join(f"{1e3 * value:6.1f}" for value in outputs[:, 0])
        print(f"{kind.name:8} {seed:3} {result.steps:4} {loss:8.1e} {millivolts} {'' if right else 'not solved'}", flush=True)
    print(f"{kind.name}: {solved} of {seeds[0]} solved, {time.perf_counter() - start:.1f} s")
