"""The command as a process: start, pipes, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import COMMAND, ENVIRONMENT, PATIENCE, Terminal, ended, start, wait_until

from hwlearn.experiments.runs import Run

ROOT = Path(__file__).parents[2]
KITE = ROOT / "netlists" / "kite.toml"

posix = pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")

LONG = """
[circuit]
builder = "grid"
rows = {side}
columns = {side}
[ports]
outputs = ["n3_3", "n1_4"]
[task]
inputs = [[1.0, 0.0]]
targets = [[0.6, 0.5]]
[rule]
name = "ep"
[train]
steps = 100000000
learning_rate = 1e-3
"""


def test_a_whole_training_as_a_process(tmp_path):
    process = start("train", KITE, "--backend", "ngspice", "--steps", 20, "--json", cwd=tmp_path)
    out, err = ended(process)
    assert process.returncode == 0
    content = json.loads(out)
    assert content["backend"] == "ngspice"
    assert content["loss_final"] < content["loss_initial"]
    (folder,) = (tmp_path / "runs").iterdir()
    assert err.splitlines()[-1] == f"written to {folder.relative_to(tmp_path)}"
    assert content == {**Run.load(folder).result, **{key: content[key] for key in ("forecast", "warnings")}}
    assert list(tmp_path.iterdir()) == [tmp_path / "runs"]


def test_a_mistake_as_a_process():
    process = start("train", "none.toml")
    out, err = ended(process)
    assert (process.returncode, out, err) == (2, "", "error: none.toml: no such file\n")


def test_the_command_starts_without_numpy_and_matplotlib():
    heavy = {"numpy", "scipy", "matplotlib", "pydantic", "PySpice"}
    every = "from hwlearn.cli.commands import Installed; assert len(list(Installed().values())) > 9"
    command = [sys.executable, "-c", f"import sys, hwlearn.cli; {every}; print({heavy} & set(sys.modules))"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout == "set()\n"


@posix
@pytest.mark.parametrize(("backend", "side"), [("ngspice", 16), ("exact", 30)])
def test_ctrl_c_keeps_what_was_learned(tmp_path, backend, side):
    file = tmp_path / "long.toml"
    file.write_text(LONG.format(side=side))
    process = start("train", file, "--backend", backend, "--json", "--out", tmp_path / "run")
    journal = tmp_path / "run" / "journal.jsonl"
    wait_until(lambda: journal.exists() and b'"step": 3,' in journal.read_bytes(), process)
    process.send_signal(signal.SIGINT)
    out, err = ended(process)
    assert process.returncode == 130
    assert "interrupted after" in err
    content = json.loads(out)
    assert content["stopped_because"] == "interrupted"
    assert content["steps"] > 0
    assert content["loss_final"] < content["loss_initial"]
    assert content.items() >= json.loads((tmp_path / "run" / "result.json").read_text()).items()
    assert (tmp_path / "run" / "trained.cir").exists()
    written = Run.load(tmp_path / "run").history.at[-1]
    assert written - content["steps"] in (0, 1)  # a line may be written before Ctrl-C comes


@posix
def test_ctrl_c_before_the_first_step(tmp_path):
    os.mkfifo(tmp_path / "slow.cir")
    process = start("train", KITE, "--no-save", "--set", f"circuit.netlist={tmp_path / 'slow.cir'}")
    with (tmp_path / "slow.cir").open("w"):  # opens when the command has opened it to read
        process.send_signal(signal.SIGINT)
        out, err = ended(process)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")


@posix
def test_a_closed_pipe_is_no_traceback():
    read, write = os.pipe()
    os.close(read)
    command = [
        *COMMAND,
        "train",
        str(KITE),
        "--steps",
        "1",
        "--set",
        "train.learning_rate=2",
        "--set",
        "train.stop_loss=1",
        "--json",
        "--no-save",
    ]
    done = subprocess.run(
        command, stdout=write, stderr=subprocess.PIPE, env=ENVIRONMENT, text=True, check=False, timeout=PATIENCE
    )
    os.close(write)
    assert done.returncode == 1
    assert done.stderr == ""


@posix
def test_progress_is_shown_on_a_terminal_only():
    command = [*COMMAND, "train", str(KITE), "--json", "--set", "train.stop_loss=1e-30", "--steps", "6000", "--no-save"]
    command += ["--set", "train.learning_rate=2"]
    with Terminal() as terminal:
        environment = {**ENVIRONMENT, "TERM": "xterm"}
        done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal.end, env=environment, text=True)
        out, _ = ended(done)
    assert done.returncode == 0
    assert json.loads(out)["steps"] == 6000
    assert "steps/s" in terminal.shown
    assert "V²" in terminal.shown
    assert "loss" in terminal.shown
