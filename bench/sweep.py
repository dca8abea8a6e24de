"""How busy a sweep keeps the cores: 200 short cells, each a run folder, on all of them.

    python bench/sweep.py [STEPS ...]

One line for each number of steps. Of cores × seconds, from the call to its end:
  used: CPU time of the workers, by psutil. machine: busy, with whatever else ran.
  quiet: what `used` would be on a machine of its own. A worker is ready, not blocked, for used / (used + blocked) of its
  time, where blocked is what is neither CPU time nor waiting for a core that others have (Linux); this times workers / cores.
The processes are started before: that costs about a second, once. `alone` is a cell by itself in this process.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import joblib
import psutil

from hwlearn.experiments.sweeps import run_sweep

CELLS = 200
CORES = joblib.cpu_count()
EXPERIMENT = """
[circuit]
builder = "grid"
rows = 5
columns = 5
[ports]
outputs = ["n1_1", "n3_2"]
[task]
inputs = [[1.0, 0.0]]
targets = [[0.6, 0.5]]
[rule]
name = "ep"
[train]
learning_rate = 0.5
"""


def workers() -> tuple[float, float]:
    """(CPU seconds, and those spent waiting for a core) of the processes of this one that work."""
    used = waited = 0.0
    for process in psutil.Process().children(recursive=True):
        times = process.cpu_times()
        used += times.user + times.system
        for path in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
            waited += 1e-9 * int(path.read_text().split()[1])
    return used, waited


def sweep(folder: Path, cells: int, steps: int, jobs: int | None = None) -> tuple[float, float, float, float]:
    """(seconds, used, quiet, machine) of a sweep."""
    (folder / "grid.toml").write_text(EXPERIMENT)
    file = folder / "sweep.toml"
    file.write_text(f'experiment = "grid.toml"\n[grid]\n"train.seed" = {list(range(cells))}\n"train.steps" = [{steps}]\n')
    psutil.cpu_percent()
    before, start = workers(), time.perf_counter()
    found = run_sweep(file, folder / "out", jobs=jobs)
    wall, after = time.perf_counter() - start, workers()
    machine = psutil.cpu_percent() / 100
    assert not found.failed
    used, waited = after[0] - before[0], after[1] - before[1]
    processes = CORES + 1 if jobs is None else jobs
    blocked = max(0.0, wall * processes - used - waited)
    return wall, used / wall / CORES, min(1.0, used / (used + blocked) * processes / CORES), machine


def main() -> None:
    print(f"{CELLS} cells on {CORES} cores")
    print(f"{'steps':>6}{'alone [ms]':>12}{'sweep [s]':>11}{'used':>8}{'quiet':>8}{'machine':>8}")
    for steps in map(int, sys.argv[1:] or ["50", "200"]):
        with (
            tempfile.TemporaryDirectory() as one,
            tempfile.TemporaryDirectory() as warm,
            tempfile.TemporaryDirectory() as many,
        ):
            alone = sweep(Path(one), 4, steps, 1)[0] / 4
            sweep(Path(warm), 8 * CORES, 1)
            wall, *shares = sweep(Path(many), CELLS, steps)
        print(f"{steps:6}{1e3 * alone:12.0f}{wall:11.2f}" + "".join(f"{share:8.0%}" for share in shares), flush=True)


if __name__ == "__main__":
    main()
