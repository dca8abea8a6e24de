"""What training the exact model costs: one table, `results.json` and the figure `growth.png` in a folder.

    python bench/run.py [folder] [--long]

Ratios are of CPU seconds, one BLAS thread, the two sides taking turns in one process; peak memory is that of a process of its
own, less what the imports take. `--long` adds a million nodes and the expander of 30,000 (several minutes, 6 GB).
"""

from __future__ import annotations

import argparse
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import json  # noqa: E402
import platform  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from importlib.metadata import version  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, NamedTuple  # noqa: E402

import numpy as np  # noqa: E402
from step import RATE, floor, interleaved, lattice, naive, timed, training  # noqa: E402

from hwlearn import (  # noqa: E402
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    Network,
    Task,
    flow,
    train,
    train_many,
)
from hwlearn.network.builders import grid, kite, random_regular  # noqa: E402

TASK = Task([[1.0, 0.0]], [[0.4, 0.6]])
RULE = EquilibriumPropagation(1e-3)


class Row(NamedTuple):
    """A number of the table; it should not be above `limit`, or not below it if `least`."""

    what: str
    value: float
    unit: str = ""
    limit: float | None = None
    least: bool = False


def steps_of_training() -> Iterator[Row]:
    limits = {10: (2.5, 0.035), 30: (1.4, 0.055), 100: (1.1, 0.125), 300: (1.1, 0.17)}
    for n, steps, turns in ((10, 400, 25), (30, 30, 21), (100, 12, 7), (300, 4, 4)):
        network = lattice(n)
        sides = training(ExactCircuit(network), TASK, steps), floor(network, steps), naive(network, TASK, max(1, steps // 10))
        step, least, scipy = interleaved(turns, *sides)
        yield Row(f"step, grid {n}×{n}", 1e6 * step, "µs", 45.0 if n == 10 else None)
        yield Row(f"step / floor, grid {n}×{n}", step / least, "", limits[n][0])
        yield Row(f"step / naive scipy, grid {n}×{n}", step / scipy, "", limits[n][1])


def small() -> Iterator[Row]:
    task = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])
    circuit = ExactCircuit(kite())
    seconds = timed(1, lambda: train(circuit, task, RULE, steps=10_000, learning_rate=RATE))
    yield Row("10,000 steps on the kite", seconds(), "s", 1.0)
    start = (1, 1.5, 1.3, 1, 1, 1.7)
    slow, rule = Task([[1.0, 0.0]], [[0.52, 0.5, 0.48]]), EquilibriumPropagation(symmetric=True)
    seconds = timed(1, lambda: flow(ExactCircuit(kite(start)), slow, rule, 1e7, stop_loss=1e-20))
    yield Row("flow on the kite, δ = 0.02, to loss 1e-20", seconds(), "s", 2.0)


def many() -> Iterator[Row]:
    for network in (kite(), grid(4, 4, outputs=["n1_1", "n2_1"])):
        one, together = interleaved(3, *_alone_and_together(network, 1000, 100))
        yield Row(f"train_many, 1,000 × {network.title}: times the rate of a loop", one / together, "", 20.0, True)


def _alone_and_together(network: Network, count: int, steps: int) -> tuple[Callable[[], float], Callable[[], float]]:
    """Seconds per step and member of `train`, in a long training, and of `train_many`."""
    random = np.random.default_rng(0)
    tasks = [Task(random.uniform(0, 1, (1, 2)), random.uniform(0.4, 0.6, (1, len(network.outputs)))) for _ in range(count)]
    starts = 10 ** random.uniform(-0.5, 0.5, (count, len(network.edges)))

    def alone() -> None:
        circuit = ExactCircuit(network)
        circuit.program(starts[0])
        train(circuit, tasks[0], RULE, steps=20 * steps, learning_rate=RATE)

    def together() -> None:
        train_many(network, tasks, RULE, conductances=starts, steps=steps, learning_rate=RATE)

    return timed(20 * steps, alone), timed(count * steps, together)


def samples() -> Iterator[Row]:
    network, random = lattice(30), np.random.default_rng(0)
    sides = []
    for count in SAMPLES:
        task = Task(random.uniform(0, 1, (count, 2)), random.uniform(0, 1, (count, 2)))
        sides.append(_steps_alone(ExactCircuit(network), task, 30))
        seconds = timed(1, task.condensed)
    times = interleaved(9, *sides)
    for count, taken in zip(SAMPLES, times, strict=True):
        yield Row(f"step, 30×30, {count:,} samples", 1e6 * taken, "µs")
    yield Row("step, 30×30, 1,000,000 samples / 100 samples", times[-1] / times[0], "", 1.5)
    yield Row("moments of 1,000,000 samples, once a training", seconds(), "s")


SAMPLES = (100, 10_000, 1_000_000)


def _steps_alone(circuit: ExactCircuit, task: Task, steps: int) -> Callable[[], float]:
    """Seconds per step, without those of a training of no steps."""

    def measure() -> float:
        lengths = [0, steps]
        seconds = [timed(1, lambda n=n: train(circuit, task, RULE, steps=n, learning_rate=RATE))() for n in lengths]
        return (seconds[1] - seconds[0]) / steps

    return measure


def expander(nodes: int, steps: int) -> Iterator[Row]:
    """Steps with a kept factor over steps that factor and solve anew; then the error of a direction."""
    conductances = 10 ** np.random.default_rng(0).uniform(-1, 0, 2 * nodes)
    network = random_regular(4, nodes, conductances=conductances, outputs=["n7", "n100,n200"])
    task, rule = Task([[0.2, 0.8]], [[0.48, 0.05]]), EquilibriumPropagation(symmetric=True)
    circuit = ExactCircuit(network)
    kept = timed(steps, lambda: train(circuit, task, rule, steps=steps, learning_rate=0.3))()
    fresh = ExactCircuit(network.with_conductances(circuit.conductances))
    anew = timed(1, lambda: fresh.measure(Drive(task.inputs)))()
    error = np.abs(rule.direction(circuit, task) - (true := rule.direction(fresh, task))).max() / np.abs(true).max()
    yield Row(f"step, 4-regular {nodes:,}: times faster than factoring anew", anew / kept, "", 3.0, True)
    yield Row(f"error of the direction, 4-regular {nodes:,}", float(error), "", 1e-8)


def growth(sizes: dict[str, tuple[int, ...]]) -> Iterator[Row]:
    for axis, values in sizes.items():
        for size in values:
            for kind in ("train", "floor") if axis != "samples" else ("train",):
                command = [sys.executable, __file__, "--child", f"{kind} {axis} {size}"]
                told = subprocess.run(command, capture_output=True, text=True, check=True)
                GROWTH.append({"kind": kind, "axis": axis, "size": size, **json.loads(told.stdout)})
            if axis == "nodes":
                trained, least = GROWTH[-2:]
                n, large = round(size**0.5), size == 1_000_000
                yield Row(f"peak memory, grid {n}×{n}", trained["MB"], "MB", 6000.0 if large else None)
                if large:
                    ratio = trained["seconds"] / least["seconds"]
                    yield Row(f"step / floor, grid {n}×{n}, in processes of their own", ratio, "", 1.3)
                if n >= 100:
                    yield Row(f"peak memory / that of the floor, grid {n}×{n}", trained["MB"] / least["MB"], "", 1.3)
        for quantity in ("seconds", "MB"):
            yield Row(f"{quantity} grow with {axis} to the power", exponent("train", axis, quantity))


GROWTH: list[dict[str, Any]] = []


def exponent(kind: str, axis: str, quantity: str) -> float:
    """Slope of the doubly logarithmic line through the largest half of the sizes."""
    chosen = [entry for entry in GROWTH if entry["kind"] == kind and entry["axis"] == axis]
    chosen = chosen[len(chosen) // 2 - 1 :]
    return float(np.polyfit(np.log([e["size"] for e in chosen]), np.log([e[quantity] for e in chosen]), 1)[0])


def child(kind: str, axis: str, size: int) -> None:
    """Print seconds per step and MB above the imports."""
    import networkx  # noqa: F401

    before = peak_memory()
    task, steps = TASK, 20
    if axis == "nodes":
        network, steps = lattice(round(size**0.5)), max(2, 20_000 // size)
    elif axis == "edges":
        network = random_regular(2 * size // 400, 400, outputs=["n7", "n100"])
    else:
        network, random = lattice(30), np.random.default_rng(0)
        task = Task(random.uniform(0, 1, (size, 2)), random.uniform(0, 1, (size, 2)))
    run = floor(network, steps) if kind == "floor" else _steps_alone(ExactCircuit(network), task, steps)
    run()
    seconds = min(run() for _ in range(3 if size < 1_000_000 else 1))
    print(json.dumps({"seconds": seconds, "MB": peak_memory() - before}))


def peak_memory() -> float:
    """MB that this process has used at most (Linux; `getrusage` would count the parent's)."""
    told = Path("/proc/self/status").read_text()
    return float(told.split("VmHWM:")[1].split()[0]) / 1024


def draw(file: Path) -> None:
    from matplotlib.figure import Figure

    labels = {
        "nodes": "nodes of a square grid",
        "edges": "edges among 400 nodes of a random regular graph",
        "samples": "samples, 30×30 grid",
    }
    figure = Figure(figsize=(11, 6), layout="constrained")
    panels = figure.subplots(2, 3, sharex="col")
    for column, (axis, label) in zip(panels.T, labels.items(), strict=True):
        for axes, quantity in zip(column, ("seconds", "MB"), strict=True):
            for kind, marker in (("train", "o-"), ("floor", "x--")):
                chosen = [entry for entry in GROWTH if entry["kind"] == kind and entry["axis"] == axis]
                if chosen:
                    name = f"{kind}, {axis}^{exponent(kind, axis, quantity):.2f}"
                    axes.loglog([e["size"] for e in chosen], [e[quantity] for e in chosen], marker, label=name)
            axes.legend(frameon=False)
        column[1].set_xlabel(label)
    panels[0][0].set_ylabel("one step [s]")
    panels[1][0].set_ylabel("peak memory [MB]")
    figure.savefig(file, dpi=150)


def machine() -> dict[str, object]:
    try:
        name = Path("/proc/cpuinfo").read_text().split("model name", 1)[1].split(":", 1)[1].split("\n", 1)[0].strip()
    except (OSError, IndexError):
        name = platform.processor() or platform.machine()
    packages = {name: version(name) for name in ("hwlearn", "numpy", "scipy", "qdldl", "cvxopt")}
    return {"processor": name, "cores": os.cpu_count(), "python": platform.python_version(), **packages}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default=".", type=Path)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        kind, axis, size = arguments.child.split()
        child(kind, axis, int(size))
        return
    about = machine() | {"date": time.strftime("%Y-%m-%d"), "load": os.getloadavg()[0]}
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    topics: list[Iterator[Row]] = [steps_of_training(), small(), many(), samples(), expander(10_000, 30)]
    if arguments.long:
        topics.append(expander(30_000, 20))
    sides = (30, 60, 100, 200, 300, *((1000,) if arguments.long else ()))
    edges, counts = (800, 1600, 3200, 6400, 12_800, 25_600), (100, 1000, 10_000, 100_000, 1_000_000)
    topics.append(growth({"nodes": tuple(n * n for n in sides), "edges": edges, "samples": counts}))
    rows = []
    for topic in topics:
        for row in topic:
            rows.append(row)
            met = row.limit is None or (row.value >= row.limit if row.least else row.value <= row.limit)
            goal = "" if row.limit is None else f"{'≥' if row.least else '≤'} {row.limit:g}{'' if met else '  not met'}"
            print(f"{row.what:62}{row.value:12.4g} {row.unit:4}{goal}", flush=True)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    whole = {"about": about, "rows": [row._asdict() for row in rows], "growth": GROWTH}
    (arguments.folder / "results.json").write_text(json.dumps(whole, indent=1), encoding="utf-8")
    draw(arguments.folder / "growth.png")


if __name__ == "__main__":
    main()
