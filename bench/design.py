"""Designs beside random graphs of as many edges.

    python bench/design.py [MNIST] [--only NAME …]

MNIST is the folder of its idx files (`hwlearn.data`); without it, the digits are left out. The tasks, all by EP:

- 16 with targets random in 0.25 … 0.75 V: 3 inputs at 0, 1 and 0.5 V, 4 outputs; 14 nodes, 26 edges of 0.1 … 10 mS; to
  ½‖o − y‖² = 1e-12 V².
- allostery: 1 V between a pair of nodes, 0.3 V wanted between a far pair, as in netlists/allostery.toml; 16 nodes, 24 edges of
  1 mS … 100 S; to 1e-12 V². And the same with three far pairs, at 0.3, 0.2 and 0.1 V.
- iris: 150 flowers, 4 features x and 1 − x, two rails, 3 outputs at 0.7 V for the class and 0.3 V for others; 16 nodes, 30
  edges.
- digits: 400 digits 0, 1, 2 of 10×10 pixels (`bench/published.py`), two rails, 3 outputs as for iris; 108 nodes, 306 edges.

Classes have as many edges as the crossbar of their inputs and outputs. No linear circuit meets their targets. The loss that is
wanted there is that which a quarter of 100 random graphs can reach at all: less, and there is nothing to compare with.

Printed, for each task: steps of the design as predicted, as trained on the exact model and in ngspice; the median of the first
20 random graphs that can reach the wanted loss (of 400 at most; each at its own best rate; those above 5,000 steps count as
that), and the same three numbers of the tenth fastest of these; the share that can; the gain as predicted, by the median, and
as trained, by the tenth. Then constants over 200 random targets of a design for "constant" with a family of 20,
beside the first five random graphs that reach the targets that it has itself: the lowest, and that of the lowest 5 %; and the
time of 10,000 exchanges on 300 nodes with 10 outputs.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from published import small_digits
from typer.testing import CliRunner

from hwlearn import Task
from hwlearn.analysis.design.baseline import random_graphs
from hwlearn.analysis.design.goals import OBJECTIVES, Outlook, constants
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.search import MOST, Design, design, judge, random_graph
from hwlearn.analysis.design.settled import fit
from hwlearn.cli import app
from hwlearn.experiments.designs import write_design

GRAPHS = 20
"""That a design is beside."""

DRAWN = 400
"""At most, until so many can reach the wanted loss."""

FAMILIES = 5
"""That the design for a family of targets is beside."""

CALIBRATING = 100
"""Whose fits say which loss is wanted of classes."""


def problem(seed: int, **options: object) -> Problem:
    """A random task."""
    targets = np.random.default_rng(seed).uniform(0.25, 0.75, (1, 4))
    task = Task([[0.0, 1.0, 0.5]], targets)
    made = Problem.of(task, ["a", "b", "c"], ["t1", "t2", "t3", "t4"], nodes=14, edges=26)
    return replace(made, **options)  # type: ignore[arg-type]


def allostery(pairs: int) -> Problem:
    """A voltage across one pair of nodes, responses across far ones."""
    outputs = [f"t{2 * k + 1},t{2 * k + 2}" for k in range(pairs)]
    task = Task([[1.0, 0.0]], [[0.3, 0.2, 0.1][:pairs]])
    return Problem.of(task, ["s1", "s2"], outputs, nodes=16, edges=24, bounds=(1e-3, 1e2), start=1.0)


def iris() -> Problem:
    """Three kinds of flowers by four features."""
    from sklearn.datasets import load_iris

    features, labels = load_iris(return_X_y=True)
    low, high = features.min(axis=0), features.max(axis=0)
    return _classes((features - low) / (high - low), labels, twins=True, nodes=16, edges=30)


def digits(mnist: Path) -> Problem:
    """Digits 0, 1, 2 of 10×10 pixels."""
    pixels, labels = small_digits(mnist)
    return _classes(pixels[:400], labels[:400], twins=False, nodes=108, edges=306)


def _classes(features: np.ndarray, labels: np.ndarray, *, twins: bool, nodes: int, edges: int) -> Problem:
    """Each class has an output that its samples shall drive high; the wanted loss is what a quarter of random graphs reach."""
    rails = np.tile([0.0, 1.0], (len(features), 1))
    inputs = np.column_stack((features, 1 - features, rails) if twins else (features, rails))
    targets = np.where(np.arange(3) == labels[:, None], 0.7, 0.3)
    names = [f"x{k}" for k in range(inputs.shape[1])]
    made = Problem.of(Task(inputs, targets), names, ["k0", "k1", "k2"], nodes=nodes, edges=edges, loss=1.0)
    fits = [fit(made.begin(ends), made.bounds, np.inf) for ends in random_graphs(made, CALIBRATING, 0)]
    return replace(made, loss=float(np.quantile([one.loss for one in fits if one is not None], 0.25)))


def trained(found: Design) -> np.ndarray:
    """Steps (2,) on the exact model and in ngspice; infinite where the loss was not reached."""
    with tempfile.TemporaryDirectory() as folder:
        write_design(found, Path(folder))
        counts = []
        for backend in ("exact", "ngspice"):
            arguments = ["train", f"{folder}/design.toml", "--backend", backend, "--no-save", "--json"]
            told = json.loads(CliRunner().invoke(app, arguments).stdout)
            counts.append(told["steps"] if told["stopped_because"] == "loss" else np.inf)
    return np.array(counts)


def drawn(asked: Problem, seed: int, count: int) -> tuple[list[Design], float]:
    """The first random graphs that can reach the wanted loss, and the share of all drawn that can."""
    random, found, tried = np.random.default_rng(seed), list[Design](), 0
    while len(found) < count and tried < DRAWN:
        tried += 1
        one = judge(asked, asked.begin(random_graph(asked, random)))
        if one is not None:
            found.append(one)
    return found, len(found) / tried


def row(name: str, asked: Problem, seed: int, restarts: int) -> tuple[float, float]:
    """Print a line of the table: the lower of the gains, and how far predicted and measured steps are apart at most."""
    began = time.process_time()
    found = design(asked, seed, restarts)
    seconds = time.process_time() - began
    beside, share = drawn(asked, seed, GRAPHS)
    counts = np.array([min(one.course.steps, MOST) for one in beside])
    middle = beside[int(np.argsort(counts)[(len(counts) - 1) // 2])]
    fast, slow = trained(found), trained(middle)
    gains = [float(np.median(counts)) / found.course.steps, *(slow / fast)]
    misses = [*(fast / found.course.steps), *(slow / middle.course.steps)]
    numbers = [f"{one:7.0f}" for one in (found.course.steps, *fast, np.median(counts), middle.course.steps, *slow)]
    shown = " ".join([f"{asked.loss:9.3g}", *numbers, f"{share:7.2f}", *(f"{one:7.1f}" for one in gains), f"{seconds:9.1f}"])
    print(f"{name:12} {shown}", flush=True)
    return min(gains), max(abs(one - 1) for one in misses)


def tasks(mnist: Path | None, only: list[str]) -> None:
    """The table of tasks."""
    made: dict[str, tuple[Callable[[], Problem], int]] = {f"random {k}": (lambda k=k: problem(k), 8) for k in range(16)}  # type: ignore[misc]
    made |= {"allostery": (lambda: allostery(1), 8), "allostery 3": (lambda: allostery(3), 8), "iris": (iris, 8)}
    if mnist is not None:
        made["digits"] = (lambda: digits(mnist), 1)
    print("task, loss/V², design: predicted, exact, ngspice; random: median, the tenth fastest: predicted, exact, ngspice;")
    print("share; gain: predicted, exact, ngspice; seconds of a core for the design", flush=True)
    names = [name for name in made if not only or name in only]
    seeds = {name: k for k, name in enumerate(made)}
    found = np.array([row(name, made[name][0](), seeds[name], made[name][1]) for name in names])
    print(
        f"gain ≥ 20 in {np.sum(found[:, 0] >= 20)} of {len(found)}, median {np.median(found[:, 0]):.0f}; "
        f"predicted within 10 % in {np.sum(found[:, 1] <= 0.1)}",
        flush=True,
    )


def families() -> None:
    """Constants over 200 random targets."""
    found = design(problem(0, objective="constant", family=20), 0, restarts=1)
    graphs, share = drawn(problem(0), 0, FAMILIES)
    print(f"{share:.2f} of random graphs reach the first targets", flush=True)
    for name, one in [("design", found), *(("random", graph) for graph in graphs)]:
        values = constants(replace(one, problem=replace(one.problem, family=200)))
        met = values[values > 0]
        print(
            f"{name}: {len(met)} of 200 targets met, lowest constant of these {met.min(initial=np.inf):.3g}, "
            f"lowest 5 % {np.quantile(met, 0.05) if len(met) else np.nan:.3g} V²/S²",
            flush=True,
        )


def screening() -> None:
    """10,000 exchanges on a large graph."""
    random = np.random.default_rng(0)
    outputs = [f"t{k}" for k in range(10)]
    task = Task([[0.0, 1.0, 0.5]], random.uniform(0.25, 0.75, (1, 10)))
    large = Problem.of(task, ["a", "b", "c"], outputs, nodes=300, edges=600)
    here = large.begin(random_graph(large, random))
    began, count = time.perf_counter(), 0
    for edge in random.permutation(600).tolist():
        left = here.without(edge)
        if left is None:
            continue
        new = large.pairs[random.choice(len(large.pairs), 100, replace=False)]
        OBJECTIVES["steps"].screen(large, Outlook.with_edge(left, new, large.start))
        count += 100
        if count >= 10_000:
            break
    print(f"{count:,} exchanges on 300 nodes, 10 outputs: {time.perf_counter() - began:.2f} s", flush=True)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    at = arguments.index("--only") if "--only" in arguments else len(arguments)
    only = arguments[at + 1 :]
    tasks(Path(arguments[0]) if at else None, only)
    if not only:
        screening()
        families()
