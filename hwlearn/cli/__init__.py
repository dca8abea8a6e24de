"""The command `hwlearn`.

Exit codes: 0 done; 1 not healthy, a loss that is not finite, or a cell that failed; 2 an error of the user or of the circuit;
130 Ctrl-C.
"""

from hwlearn.cli import (  # isort: skip  # in the order of the help
    train,
    runs,
    sweep,
    analyze,
    robustness,
    show,
    reproduce,
    bench,
    compare,
    doctor,
)
from hwlearn.cli.command import app, main

__all__ = [
    "analyze",
    "app",
    "bench",
    "compare",
    "doctor",
    "main",
    "reproduce",
    "robustness",
    "runs",
    "show",
    "sweep",
    "train",
]
