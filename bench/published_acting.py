"""Physical reinforcement learning, the four-state task of Dillavou (github.com/sdillavou/PhysicalReinforcementLearning).

    python bench/published_acting.py [FOLDER]

FOLDER has the sources of that repository (src/experiment.py …): then his steps are timed beside ours, on the same task.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from hwlearn import CoupledLearning, Network, NewtonCircuit, Transistor
from hwlearn.learning.environment import FiniteEnvironment
from hwlearn.learning.episodes import episodes, greedy

SIDE, INPUTS, OUTPUTS = 4, (0, 2, 8, 10), (5, 7, 13, 15)
"""A periodic square lattice; which of its nodes are driven and read."""

STATES = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1.0]])
"""(4, 4) V."""

TRANSCONDUCTANCE, THRESHOLD, GATES = 1e-3, 0.7, (1.0, 5.5)
"""S [S/V], V_T [V], bounds of the gate voltages [V]."""

RATE, NUDGE, BATCH, LARGEST, STEPS = 0.3, 0.1, 50, 0.1, 100_000
"""Of his notebook FourState: α [1/V] of the sum over a batch, η, actions of a batch, largest change of a gate [V], actions."""


def environment() -> FiniteEnvironment:
    """His rewards; the action is the next state."""
    rewards = np.random.RandomState(100).randn(4, 4) * 0.1 + 0.1
    return FiniteEnvironment(STATES, rewards, np.tile(np.arange(4), (4, 1)), noise=0.01)


def lattice() -> list[tuple[int, int]]:
    """32 edges."""
    right = [(SIDE * r + c, SIDE * r + (c + 1) % SIDE) for r in range(SIDE) for c in range(SIDE)]
    return right + [(SIDE * r + c, SIDE * ((r + 1) % SIDE) + c) for r in range(SIDE) for c in range(SIDE)]


def transistors(seed: int) -> Network:
    """Edges are channels; gates start at 1.5 ± 0.1 V."""
    gates = np.clip(1.5 + 0.1 * np.random.default_rng(seed).standard_normal(32), *GATES)
    names = [f"M{k}" for k in range(32)]
    return Network.from_edges(
        [(f"n{a}", f"n{b}") for a, b in lattice()],
        TRANSCONDUCTANCE * (gates - THRESHOLD),
        names=names,
        inputs=[f"n{k}" for k in INPUTS],
        outputs=[f"n{k}" for k in OUTPUTS],
        devices=[Transistor(name, TRANSCONDUCTANCE, THRESHOLD) for name in names],
        bounds=tuple(TRANSCONDUCTANCE * (gate - THRESHOLD) for gate in GATES),
    )


def acted(seed: int, steps: int = STEPS) -> float:
    """Mean reward in the long run of what a circuit has learned to do, 1 as of the best policy and 0 as of the worst."""
    world = environment()
    circuit = NewtonCircuit(transistors(seed))
    # His update in volts is α Σ (Δv_free² − Δv_nudged²)/η = 2 α Σ ġ; ours is a rate × S × the mean of ġ.
    rate = 2 * RATE * BATCH / TRANSCONDUCTANCE
    options: dict[str, Any] = {"batch_size": BATCH, "discount": 0.5, "explore": (0.05, 0.0), "largest": LARGEST}
    rule = CoupledLearning(NUDGE)
    episodes(circuit, world, rule, steps=steps, learning_rate=rate, parameter="gate-voltage", seed=seed, **options)
    every = [world.mean_reward(policy) for policy in itertools.product(range(4), repeat=4)]
    found = world.mean_reward(greedy(circuit, STATES))
    return (found - min(every)) / (max(every) - min(every))


def his_seconds(folder: Path, steps: int) -> float:
    """CPU seconds of so many of his steps, batches included."""
    os.environ["TQDM_DISABLE"] = "1"
    sys.path.insert(0, str(folder))
    from action_scheduler import Schedule
    from experiment import Experiment
    from ResistorNetwork import makeNetwork

    network = makeNetwork("PLATTICE", [SIDE, SIDE], "G_MOS")
    random = np.random.default_rng(0)
    network.params = 1.5 + 0.1 * random.standard_normal(32)
    world = environment()
    names = ["OVC", "NOR", "DIF", "TRA", "INP", "TDS", "GMN", "GMX", "FLP", "LOS", "EPS", "EPM", "MXP", "UDE"]
    values = (None, 0, 0, 4, 4, 0, *GATES, 1.0, 2, 0.05, 0, 1, 0)
    given = dict(zip(names, values, strict=True)) | {"ALF": RATE, "ETA": NUDGE, "DGC": LARGEST, "GAM": 0.5}
    data = np.hstack((STATES, world.rewards))
    made = Experiment(
        given, Schedule(steps, [["TRAIN", -1], ["BATCH", -BATCH]], {}), data, np.array(INPUTS + OUTPUTS), network
    )
    made.QReward = lambda state, action: world.rewards[state, action] + 0.01 * random.standard_normal()
    made.QState = lambda state, action: action
    start = time.process_time()
    made.run()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--steps", type=int, default=2000)
    given = parser.parse_args()
    if given.folder is None or not (given.folder / "experiment.py").exists():
        print("his sources are not here: give the folder src of github.com/sdillavou/PhysicalReinforcementLearning")
        return
    theirs, ours = [], []
    for seed in range(3):  # in turn, so that a busy machine slows both
        start = time.process_time()
        acted(seed, given.steps)
        ours.append((time.process_time() - start) / given.steps)
        theirs.append(his_seconds(given.folder, given.steps) / given.steps)
    one, two = np.median(ours), np.median(theirs)
    print(f"a step: {1e6 * one:.0f} µs of CPU, his {1e6 * two:.0f} µs, ratio {one / two:.3f}")


if __name__ == "__main__":
    main()
