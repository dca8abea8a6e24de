"""Netlists read and simulated in child processes: one that ends or hangs Python ends a child, and is told by name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from tempfile import gettempdir

import psutil

MEMORY = 3 * 2**30  # bytes of address space that a child has more than when it starts
SECONDS = 10  # of CPU that a netlist may take
PATIENCE = 120  # seconds that it may take while others use the processor
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])}


def outcomes(netlists: Iterable[Path], folder: Path) -> dict[Path, str]:
    """By file: "result", the error's line, or what became of the child that read it.

    Args:
        netlists: files.
        folder: where the children work, and their home.
    """
    left, found = list(netlists), dict[Path, str]()
    environment = ENVIRONMENT | {"HOME": str(folder), "MPLCONFIGDIR": gettempdir()}  # InSpice imports matplotlib
    while left:
        done = subprocess.run(
            [sys.executable, __file__],
            cwd=folder,
            env=environment,
            input="\n".join(map(str, left)),
            capture_output=True,
            text=True,
            check=False,
        )
        lines = done.stdout.splitlines()
        found |= {Path(at): said for at, said in (line.split("\t", 1) for line in lines)}
        left = left[len(lines) :]
        if left:
            end = signal.Signals(-done.returncode).name if done.returncode < 0 else f"exit code {done.returncode}"
            found[left.pop(0)] = f"killed Python: {end} {done.stderr[-500:]}"
    return found


def left_behind(folder: Path) -> list[str]:
    """Processes of `outcomes(…, folder)` that still run after it: each has the folder as its home."""
    alive = [process for process in psutil.process_iter() if _home(process) == str(folder)]
    _, alive = psutil.wait_procs(alive, timeout=PATIENCE)  # the child of a child that was killed ends by itself
    return [str(process) for process in alive]


def _home(process: psutil.Process) -> str:
    try:
        return process.environ().get("HOME", "")
    except psutil.Error:
        return ""


def _read_all() -> None:
    import resource

    import numpy as np

    from hwlearn import Drive, Network, NgspiceCircuit
    from hwlearn.errors import HwlearnError

    warnings.simplefilter("ignore")
    here = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (here + MEMORY, here + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**26, 2**26))
    for path in sys.stdin.read().splitlines():
        signal.setitimer(signal.ITIMER_PROF, SECONDS)  # both end the process, whatever it is in
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        try:
            network = Network.from_netlist(path)
            with NgspiceCircuit(network, processes=1) as circuit:
                measured = circuit.measure(Drive(np.zeros((1, 0))))
            said = "result" if np.isfinite(measured.node_voltages).all() else "not a number"
        except HwlearnError as error:
            said = str(error)
            if "\n" in said or "\r" in said or len(said) > 2000:
                said = f"not one line: {said!r}"
        except Exception as error:
            said = f"traceback: {type(error).__name__}: {error}".replace("\n", " ")
        print(path, said, sep="\t", flush=True)


if __name__ == "__main__":
    _read_all()
