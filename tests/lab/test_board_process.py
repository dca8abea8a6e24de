"""A bench of one emulated Pico: the firmware's main.py in a process, on a pseudo-terminal, chips simulated by their bytes."""

import os
import re
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from processes import ENDLESS, ENVIRONMENT, PATIENCE, ROOT, ended, interruptible, start, stop_when, wait_until

from hwlearn import Drive
from hwlearn.cli.bench_new import copy_firmware
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.station.new import new_station
from hwlearn.lab.station.parts import BOARDS
from hwlearn.learning.train import train

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "openpty"), reason="Windows has no pseudo-terminals"),
    pytest.mark.slow,  # five processes start
]

EXPERIMENT = ROOT / "netlists" / "board.toml"
EMULATOR = ROOT / "tests" / "support" / "pico" / "emulator.py"


class Pico:
    """The emulated board and what its chips did."""

    def __init__(self, folder):
        copy_firmware(folder / "pico")
        experiment = load_experiment(EXPERIMENT)
        text = new_station(experiment.network, BOARDS["pico"], "board")
        text = (
            re.sub(r"settle_s = .*", "settle_s = 0", text)
            .replace("repeats = 4", "repeats = 1")
            .replace("watchdog_s = 30", "watchdog_s = 600")
        )
        self.station = folder / "station.toml"
        self.station.write_text(text, encoding="utf-8")
        command = [sys.executable, EMULATOR, folder / "pico", self.station, EXPERIMENT]
        self.process = subprocess.Popen(
            interruptible([*map(str, command)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=ENVIRONMENT,
            encoding="utf-8",
        )
        resource = self.process.stdout.readline().strip()
        assert resource.startswith("ASRL"), resource
        self.station.write_text(text.replace("ASRL/dev/ttyACM0::INSTR", resource), encoding="utf-8")
        self.state, self._skipped = set(), threading.Semaphore(0)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in map(str.strip, self.process.stdout):
            if line == "skipped":
                self._skipped.release()
                continue
            other = {"open": "closed", "closed": "open", "zero": "driven", "driven": "zero"}[line]
            self.state = (self.state - {other}) | {line}

    def wait(self, *state):
        wait_until(lambda: self.state == set(state), self.process)

    def skip(self, seconds):
        """So many seconds pass at once, after all that was sent to it is done."""
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        assert self._skipped.acquire(timeout=PATIENCE)

    def is_on(self):
        self.skip(0)
        return self.state == {"closed", "driven"}

    def close(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def pico(tmp_path_factory):
    made = Pico(tmp_path_factory.mktemp("pico"))
    yield made
    made.close()


@pytest.fixture
def learning(pico):
    """A client that learns on the board, everything on."""
    process = start("train", EXPERIMENT, "--backend", "bench", "--station", pico.station, *ENDLESS, "--no-save")
    try:
        pico.wait("closed", "driven")
        yield process
    finally:
        process.kill()
        process.communicate()


def test_it_starts_safe(pico):
    pico.wait("open", "zero")


def test_bench_check_passes(pico):
    process = start("bench", "check", pico.station, EXPERIMENT)
    out, error = ended(process)
    assert process.returncode == 0, out + error
    assert re.search(r"\d+ tests, none failed", out)
    pico.wait("open", "zero")


def test_it_learns_a_4_by_4_grid_by_equilibrium_propagation(pico):
    experiment = load_experiment(EXPERIMENT)
    with BenchCircuit(experiment.network, pico.station) as circuit:
        run = train(circuit, experiment.task, experiment.rule, steps=60, optimizer="adam", parameter="log-conductance",
                    learning_rate=0.05, stop_loss=2e-6)  # fmt: skip
        answers = circuit.measure(Drive(experiment.task.inputs)).output_voltages
        pico.wait("closed", "driven")
    assert run.stopped_because == "loss"
    np.testing.assert_allclose(answers, experiment.task.targets, atol=3e-3)
    pico.wait("open", "zero")


def test_sigterm_leaves_it_safe(pico, learning):
    learning.send_signal(signal.SIGTERM)
    _, error = ended(learning)
    assert learning.returncode == 143, error
    pico.wait("open", "zero")


def test_after_kill_9_its_watchdog_makes_it_safe(pico, learning):
    stop_when(pico.is_on, learning)
    learning.kill()
    ended(learning)
    assert pico.is_on()
    pico.skip(601)
    pico.wait("open", "zero")
