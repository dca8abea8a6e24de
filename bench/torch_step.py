"""A minibatch of DRN-XS, 1568-100-10, batch 4, beside the torch code of Scellier 2024 on the same processor.

    python bench/torch_step.py FOLDER

FOLDER has github.com/rain-neuromorphics/energy-based-learning. Without it, or without torch, it says so and ends. Both train
on the same random images, with one thread. They take turns, so that a busy machine slows both; each number is a median of CPU
time. Neither keeps points of its trajectory.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
from published_drn import MODELS, NUDGE, twins  # noqa: E402
from step import interleaved, timed  # noqa: E402

from hwlearn import EquilibriumPropagation, NewtonCircuit, Task, train  # noqa: E402
from hwlearn.arrays import Array, Indices  # noqa: E402
from hwlearn.network.builders import deep_resistive  # noqa: E402

STEPS, MODEL, ITERATIONS = 400, MODELS["drn-xs"], 4
"""Steps of a turn; the model; sweeps of the published coordinate descent in each phase."""


def theirs(folder: Path, images: Array, labels: Indices) -> Callable[[], None]:
    """`STEPS` steps of the loop in their training/epoch.py, without statistics; settings of papers/fast-drn/drn.py."""
    import torch

    sys.path.insert(0, str(folder))
    from model.function.cost import SquaredError
    from model.function.network import Network
    from model.resistive.minimizer import QuadraticMinimizer
    from model.resistive.network import DeepResistiveEnergy
    from training.sgd import AugmentedFunction, EquilibriumProp

    torch.set_num_threads(1)
    energy = DeepResistiveEnergy([(2, 28, 28), (100,), (10,)], [1.0, 1.0], MODEL.gain)
    energy.set_device("cpu")
    cost, network = SquaredError(energy.layers()[-1]), Network(energy)
    augmented = AugmentedFunction(energy, cost)
    nudged, free = QuadraticMinimizer(augmented, network.free_layers()), QuadraticMinimizer(energy, network.free_layers())
    for minimizer in (nudged, free):
        minimizer.num_iterations, minimizer.mode = ITERATIONS, "asynchronous"
    estimator = EquilibriumProp(energy.params(), energy.layers(), augmented, cost, nudged)
    estimator.nudging, estimator.variant = 1.0, "centered"
    groups = [{"params": param.state, "lr": MODEL.rates[0]} for param in energy.params()]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    shape = (STEPS, MODEL.batch, 1, 28, 28)
    batches = torch.tensor(images.tolist(), dtype=torch.float32).reshape(shape)
    answers = torch.tensor(labels.tolist()).reshape(STEPS, MODEL.batch)

    def run() -> None:
        for x, y in zip(batches, answers, strict=True):
            network.set_input(x, reset=False)
            free.compute_equilibrium()
            cost.set_target(y)
            for param, grad in zip(energy.params(), estimator.compute_gradient(), strict=True):
                param.state.grad = grad
            optimizer.step()
            for param in energy.params():
                param.clamp_()

    return run


def main() -> None:
    try:
        import torch  # noqa: F401
    except ImportError as error:
        print(f"torch is not here ({error}): nothing to compare with")
        return
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
    if not (folder / "model" / "resistive").exists():
        print("their code is not here: give the folder of github.com/rain-neuromorphics/energy-based-learning")
        return
    random = np.random.default_rng(0)
    images = random.uniform(size=(STEPS * MODEL.batch, 784)) * (random.random((STEPS * MODEL.batch, 784)) < 0.2)
    labels = random.integers(10, size=len(images))
    task = Task(twins(images, MODEL.gain), np.eye(10)[labels])
    circuit = NewtonCircuit(deep_resistive([784, 100, 10], seed=0), dtype="float32")
    rule, options = EquilibriumPropagation(NUDGE, symmetric=True), {"batch_size": MODEL.batch, "steps": STEPS, "trajectory": 0}

    def ours() -> None:
        train(circuit, task, rule, learning_rate=MODEL.rates[0], **options)

    step, plain = interleaved(7, timed(STEPS, ours), timed(STEPS, theirs(folder, images, labels)))
    print(f"minibatch of {MODEL.batch}: {1e3 * step:.2f} ms, torch {1e3 * plain:.2f} ms, ratio {step / plain:.3f}")


if __name__ == "__main__":
    main()
