"""Processes of the tests: signals as from a terminal, whatever the tests were started with, and none left behind."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "hwlearn"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}

ENDLESS = ["--steps", "1000000", "--set", "train.stop_loss=1e-30", "--set", "train.keep=last"]
"""Options of `hwlearn train` for a run that is still at work whenever it is looked at, however slow the machine is."""

_AS_FROM_A_TERMINAL = """
import os, signal, sys
for name in ("SIGINT", "SIGHUP"):
    signal.signal(getattr(signal, name), signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


def interruptible(command):
    """The command with Ctrl-C and hang-up as a terminal gives them.

    `nohup` and the background jobs of a script ignore both, and children inherit that.
    """
    if os.name != "posix":
        return [*command]
    return [sys.executable, "-S", "-c", _AS_FROM_A_TERMINAL, *command]


def start(*arguments, **options):
    """`hwlearn` with these arguments, its output caught."""
    return subprocess.Popen(
        interruptible([*COMMAND, *map(str, arguments)]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        encoding="utf-8",
        **options,
    )


def end_children(since):
    """Kill what this process started after `since` [s since the epoch], children of children too."""
    for child in psutil.Process().children(recursive=True):
        try:
            if child.create_time() >= since:
                child.kill()
        except psutil.NoSuchProcess:
            pass
