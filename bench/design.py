"""Designs beside random graphs of as many edges.

    python bench/design.py [TASKS]

Tasks: 3 inputs at 0, 1 and 0.5 V, 4 outputs with targets random in 0.25 … 0.75 V; 14 nodes, 26 edges of 0.1 … 10 mS; EP.
Printed, for each task: steps of the design to ½‖o − y‖² = 1e-12 V² as predicted, as trained on the exact model and in ngspice,
the median of 20 random graphs that can reach the targets (each at its own best rate; those above 5,000 steps count as that),
their share, and the gain. Then constants over 200 random targets of a design for "constant" with a family of 20, beside five
random graphs: the lowest, and that of the lowest 5 %; and the time of 10,000 exchanges on 300 nodes with 10 outputs.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from hwlearn import Task
from hwlearn.analysis.design.baseline import at_random
from hwlearn.analysis.design.goals import OBJECTIVES, Outlook, constants
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.search import MOST, Design, design, judge, random_graph
from hwlearn.cli import app
from hwlearn.experiments.designs import write_design


def problem(seed: int, **options: object) -> Problem:
    """A random task."""
    targets = np.random.default_rng(seed).uniform(0.25, 0.75, (1, 4))
    task = Task([[0.0, 1.0, 0.5]], targets)
    made = Problem.of(task, ["a", "b", "c"], ["t1", "t2", "t3", "t4"], nodes=14, edges=26)
    return replace(made, **options)  # type: ignore[arg-type]


def trained(found: Design) -> list[int]:
    """Steps on the exact model and in ngspice."""
    with tempfile.TemporaryDirectory() as folder:
        write_design(found, Path(folder))
        counts = []
        for backend in ("exact", "ngspice"):
            arguments = ["train", f"{folder}/design.toml", "--backend", backend, "--no-save", "--json"]
            counts.append(json.loads(CliRunner().invoke(app, arguments).stdout)["steps"])
    return counts


def tasks(count: int) -> None:
    """The table of tasks."""
    print("task   predicted   exact   ngspice   random median   share   gain   seconds", flush=True)
    gains, misses = [], []
    for seed in range(count):
        began = time.perf_counter()
        found = design(problem(seed), seed)
        seconds = time.perf_counter() - began
        beside = at_random(problem(seed), 20, seed)
        median = float(np.median([min(one.course.steps, MOST) for one in beside.found])) if beside.found else np.nan
        exact, spice = trained(found)
        steps = found.course.steps
        gains.append(median / exact)
        misses.append(max(abs(exact / steps - 1), abs(spice / steps - 1)))
        print(
            f"{seed:4d} {steps:11d} {exact:7d} {spice:9d} {median:15.0f} {beside.share:7.2f} {gains[-1]:6.0f} {seconds:9.1f}",
            flush=True,
        )
    print(
        f"gain ≥ 20 in {np.sum(np.array(gains) >= 20)} of {count}, median {np.median(gains):.0f}; "
        f"predicted within 10 % in {np.sum(np.array(misses) <= 0.1)}",
        flush=True,
    )


def families() -> None:
    """Constants over 200 random targets."""
    found = design(problem(0, objective="constant", family=20), 0, restarts=1)
    random = np.random.default_rng(0)
    graphs = [judge(problem(0), random_graph(problem(0), random)) for _ in range(5)]
    for name, one in [("design", found), *(("random", graph) for graph in graphs)]:
        if one is None:
            print(f"{name}: cannot reach the first targets", flush=True)
            continue
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
    screening()
    tasks(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    families()
