"""Processes of the tests: signals as from a terminal, whatever the tests were started with, and none left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "hwlearn"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}

ENDLESS = ["--steps", "1000000", "--set", "train.stop_loss=1e-30", "--set", "train.keep=last"]
"""Options of `hwlearn train` for a run that is still at work whenever it is looked at, however slow the machine is."""

PATIENCE = 150
"""Seconds after which something hangs: a busy machine takes tens of seconds to start Python. What goes well waits for none."""

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


def start(*arguments, env=ENVIRONMENT, **options):
    """`hwlearn` with these arguments, its output caught."""
    return subprocess.Popen(
        interruptible([*COMMAND, *map(str, arguments)]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        encoding="utf-8",
        **options,
    )


def wait_until(done, *processes):
    """Wait until `done()` is true, and return it; processes that end before would never let it come true.

    Asks often, for what it waits for may be short.
    """
    until = time.monotonic() + PATIENCE
    while not (found := done()):
        for process in processes:
            assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, f"not within {PATIENCE} s"
        time.sleep(0.01)
    return found


def stop_when(done, process):
    """Stop a process at a moment when `done()` is true: it stays so, until the process is killed or continued."""
    while True:
        wait_until(done, process)
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, process)
        if done():
            return
        process.send_signal(signal.SIGCONT)


def ended(process):
    """What a process that is about to end printed, on standard output and error."""
    return process.communicate(timeout=PATIENCE)


class Terminal:
    """A pseudo-terminal that is read all the time, as by somebody who looks at it: who writes there never has to wait.

    Attributes:
        end: the file descriptor that a process is given. shown: all that came, once it is closed.
    """

    def __enter__(self):
        self._master, self.end = os.openpty()
        self._blocks = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def type(self, text):
        """As from the keyboard."""
        os.write(self._master, text.encode())

    def _read(self):
        with suppress(OSError):  # what Linux says once nobody has the other end any more
            while block := os.read(self._master, 65536):
                self._blocks.append(block)

    def __exit__(self, *_):
        os.close(self.end)
        self._reader.join()
        os.close(self._master)
        self.shown = b"".join(self._blocks).decode()


def end_children(since):
    """Kill what this process started after `since` [s since the epoch], children of children too."""
    for child in psutil.Process().children(recursive=True):
        try:
            if child.create_time() >= since:
                child.kill()
        except psutil.NoSuchProcess:
            pass
