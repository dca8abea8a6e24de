"""From a netlist file to the first measurement, on the power grid of tests/data/irdrop.

It has 10,408 resistors and 7,718 current sources.

    python bench/load.py

Seconds, and a training step of Equilibrium Propagation with four outputs; `import hwlearn` in a fresh interpreter.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from hwlearn import Circuit, Drive, EquilibriumPropagation, ExactCircuit, Network, NgspiceCircuit, Task, train

GRID = Path(__file__).parents[1] / "tests/data/irdrop/testcase12.sp.gz"
OUTPUTS = ["n1_m1_4800_0", "n1_m1_96000_96000", "n1_m1_201600_201600", "n1_m1_396000_364800"]
STEPS = 20


def import_seconds() -> float:
    """Seconds of `import hwlearn` by itself, the best of three."""
    code = "import time; start = time.perf_counter(); import hwlearn; print(time.perf_counter() - start)"
    runs = (subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3))
    return min(float(run.stdout) for run in runs)


def main() -> None:
    print(f"import hwlearn: {import_seconds():.3f} s")
    with tempfile.TemporaryDirectory() as folder:
        netlist = Path(folder) / "grid.sp"
        netlist.write_text("* power grid\n" + gzip.decompress(GRID.read_bytes()).decode())
        print(f"{'backend':10}{'netlist':>10}{'circuit':>10}{'measure':>10}{'train step':>12}  [s]")
        backends: tuple[type[Circuit], ...] = (ExactCircuit, NgspiceCircuit)
        for backend in backends:
            times = [time.perf_counter()]
            network = Network.from_netlist(netlist, inputs=["V0"], outputs=OUTPUTS, trainable=["R*"])
            times.append(time.perf_counter())
            with backend(network) as circuit:
                times.append(time.perf_counter())
                measured = circuit.measure(Drive([[1.1]]))
                times.append(time.perf_counter())
                task = Task([[1.1]], measured.output_voltages + 1e-4)
                train(circuit, task, EquilibriumPropagation(symmetric=True), steps=STEPS, learning_rate=100.0)
                times.append(time.perf_counter())
                seconds = np.diff(times)
                seconds[-1] /= STEPS
                print(f"{circuit.name:10}" + "".join(f"{s:10.3f}" for s in seconds[:-1]) + f"{seconds[-1]:12.4f}", flush=True)


if __name__ == "__main__":
    main()
