"""When do thresholded updates lower a floor? `python bench/thresholds.py` (1 minute; 8 random 4 × 4 grids per line).

Loss with a threshold over loss without one, and how far the conductances wander, likewise; thresholds in parts of the rms
direction that is left without.
"""

from __future__ import annotations

import numpy as np

from hwlearn import Drive, EquilibriumPropagation, ExactCircuit, ImperfectCircuit, Network, Task, train
from hwlearn.analysis.linearised import Linearised
from hwlearn.analysis.manifold import project
from hwlearn.circuits.imperfect import Effect, Noise, UpdateBias
from hwlearn.learning.remedies import Thresholded
from hwlearn.learning.rule import Rule
from hwlearn.learning.train import task_loss
from hwlearn.learning.training_result import TrainState
from hwlearn.network.builders import grid

RULE = EquilibriumPropagation(0.1, symmetric=True)
TASKS = {"1 number": (["n2_2"], 1), "4 numbers": (["n1_1", "n2_3", "n3_2", "n0_3"], 1)}
EFFECTS: dict[str, list[Effect]] = {
    "bias": [UpdateBias(1e-4)],
    "noise": [Noise(1e-4)],
    "both": [UpdateBias(1e-4), Noise(1e-4)],
}
PARTS = (0.5, 1.0, 2.0, 4.0)


def end(
    start: Network, task: Task, rule: Rule, effects: list[Effect], rate: float, steps: int, seed: int
) -> tuple[float, ...]:
    """Loss, wander and rms direction at the end of a run."""
    losses, passed = [], []
    with ImperfectCircuit(ExactCircuit(start), *effects, seed=seed) as circuit:

        def note(state: TrainState) -> None:
            if state.step > 0.75 * steps and state.step % 5 == 0:
                losses.append(task_loss(circuit.inside, task)[0])
                passed.append(circuit.inside.conductances)

        train(circuit, task, rule, steps=steps, learning_rate=rate, callbacks=[note])
        left = np.sqrt(np.mean([RULE.direction(circuit, task) ** 2 for _ in range(10)]))
    return float(np.mean(losses)), float(np.linalg.norm(passed[-1] - passed[0])), float(left)


def main() -> None:
    """Print the table."""
    print("| task | imperfection | threshold | loss, geometric mean (smallest … largest) | wander |\n|---|---|---|---|---|")
    for name, (outputs, samples) in TASKS.items():
        for kind, effects in EFFECTS.items():
            rows: dict[float, list[tuple[float, float]]] = {part: [] for part in PARTS}
            for seed in range(8):
                random = np.random.default_rng(seed)
                network = grid(4, 4, random.uniform(0.5, 2, 24), outputs=outputs)
                inputs = random.uniform(0, 1, (samples, 2))
                with ExactCircuit(network.with_conductances(random.uniform(0.5, 2, 24))) as teacher:
                    task = Task(inputs, teacher.measure(Drive(inputs)).output_voltages)
                solved = project(network, task)
                rates = np.linalg.eigvals(Linearised.of(solved.jacobian, RULE).rates).real
                rate, steps = 0.3 / rates.max(), min(800, 50 + int(6 * rates.max() / (0.3 * rates.min())))
                start = network.with_conductances(solved.conductances * (1 + 0.02 * random.standard_normal(24)))
                loss, wander, left = end(start, task, RULE, effects, rate, steps, seed)
                for part in PARTS:
                    with_it = end(start, task, Thresholded(RULE, part * left), effects, rate, steps, seed)
                    rows[part].append((with_it[0] / loss, with_it[1] / wander))
            for part, found in rows.items():
                losses, wanders = np.array(found).T
                print(f"| {name} | {kind} | {part:g} | {np.exp(np.log(losses).mean()):.2g} ", end="")
                print(f"({losses.min():.2g} … {losses.max():.2g}) | {np.median(wanders):.2g} |", flush=True)


if __name__ == "__main__":
    main()
