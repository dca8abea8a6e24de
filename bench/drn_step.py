"""A minibatch of DRN-XS, 1568-100-10 with ideal diodes, against numpy for this network alone; memory of 10,000 samples.

    python bench/drn_step.py

Both train on the same random samples, four at a time, from the same conductances, in float32. They take turns, so that a busy
machine slows both; each number is a median, of CPU time. Neither keeps points of its trajectory.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import tracemalloc  # noqa: E402

import numpy as np  # noqa: E402
from step import interleaved, timed  # noqa: E402

from hwlearn import Drive, EquilibriumPropagation, NewtonCircuit, Task, train  # noqa: E402
from hwlearn.network.builders import deep_resistive  # noqa: E402

STEPS, BATCH, NUDGE, RATE = 400, 4, 0.1, 0.006
PIXELS, HIDDEN, CLASSES = 784, 100, 10


class ByHand:
    """One hidden layer: semismooth Newton for the diodes, the diagonal hidden block eliminated, contrasts as products."""

    def __init__(self, conductances: np.ndarray) -> None:
        split = 2 * PIXELS * HIDDEN
        self.first = conductances[:split].reshape(-1, HIDDEN).astype("float32")
        self.second = conductances[split : split + HIDDEN * CLASSES].reshape(HIDDEN, CLASSES).astype("float32")
        self.bias, self.out_bias = np.zeros(HIDDEN, "float32"), np.zeros(CLASSES, "float32")
        self.side = np.where(np.arange(HIDDEN) < HIDDEN // 2, 1, -1).astype("float32")

    def settle(self, norton: np.ndarray, into: np.ndarray, conducting: np.ndarray) -> tuple[np.ndarray, ...]:
        second, diagonal = self.second, np.arange(CLASSES)
        total = self.first.sum(axis=0) + second.sum(axis=1)
        while True:
            free = ~conducting / total
            matrix = np.matmul(second.T[None] * -free[:, None, :], second)
            matrix[:, diagonal, diagonal] += second.sum(axis=0)
            outputs = np.linalg.solve(matrix, (into + (free * norton) @ second)[:, :, None])[:, :, 0]
            alone = norton + outputs @ second.T
            now = self.side * alone < 0
            if (now == conducting).all():
                return free * alone, outputs, conducting
            conducting = now

    def step(self, inputs: np.ndarray, targets: np.ndarray) -> None:
        count, norton = len(inputs), inputs @ self.first + self.bias
        rest = np.tile(self.out_bias, (count, 1))
        _, outputs, state = self.settle(norton, rest, self.side * norton < 0)
        push = np.float32(NUDGE) * (outputs - targets)
        both = np.concatenate((rest - push, rest + push))
        hidden, out, _ = self.settle(np.tile(norton, (2, 1)), both, np.tile(state, (2, 1)))
        d, s, u, w = (f(x[:count], x[count:]) for x in (hidden, out) for f in (np.subtract, np.add))
        rate, half = np.float32(RATE / (2 * NUDGE) / count), np.float32(0.5)
        self.first -= rate * (half * (d * s).sum(axis=0) - inputs.T @ d)
        ends = (d * s).sum(axis=0)[:, None] + (u * w).sum(axis=0)[None]
        self.second -= rate * half * (ends - d.T @ w - s.T @ u)
        np.maximum(self.first, 1e-6, out=self.first)
        np.maximum(self.second, 1e-6, out=self.second)
        self.bias += rate * d.sum(axis=0)
        self.out_bias += rate * u.sum(axis=0)


def main() -> None:
    random = np.random.default_rng(0)
    pixels = random.uniform(size=(STEPS * BATCH, PIXELS)) * (random.random((STEPS * BATCH, PIXELS)) < 0.2)
    task = Task(100 * np.hstack((pixels, -pixels)), np.eye(CLASSES)[random.integers(CLASSES, size=len(pixels))])
    network = deep_resistive([PIXELS, HIDDEN, CLASSES], seed=0)
    circuit, rule = NewtonCircuit(network, dtype="float32"), EquilibriumPropagation(NUDGE, symmetric=True)
    order = np.random.default_rng((0, 0)).permutation(len(task)).reshape(STEPS, BATCH)
    inputs, targets = task.inputs.astype("float32"), task.targets.astype("float32")
    hand = ByHand(network.conductances)

    def by_hand() -> None:
        for chosen in order:
            hand.step(inputs[chosen], targets[chosen])

    def ours() -> None:
        train(circuit, task, rule, steps=STEPS, batch_size=BATCH, learning_rate=RATE, trajectory=0)

    step, plain = interleaved(9, timed(STEPS, ours), timed(STEPS, by_hand))
    print(f"minibatch of {BATCH}: {1e3 * step:.3f} ms, by hand {1e3 * plain:.3f} ms, ratio {step / plain:.2f}")
    many = Drive(np.tile(task.inputs, (7, 1))[:10000])
    tracemalloc.start()
    circuit.measure(many)
    print(
        f"10,000 samples: {tracemalloc.get_traced_memory()[1] / 1e6:.0f} MB beside {many.inputs.nbytes / 1e6:.0f} MB of inputs"
    )


if __name__ == "__main__":
    main()
