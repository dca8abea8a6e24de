"""Whatever is done to a run folder: a result or one line; nothing outside is changed, and no command runs."""

import random
import shutil

import pytest
from effort import SEED, tries
from hostile import mutated
from test_runs_trust import COMMANDS, EXPERIMENT, NETLIST, SHELL, run

from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run

EXPORTS = [command for command in COMMANDS if command[0] not in ("plot", "report")]
"""The quick ones."""


def world(folder):
    return {
        path.relative_to(folder): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


def attacked(tmp_path, count, seed):
    """What went wrong in so many attacks."""
    dice, whole, outside = random.Random(seed), tmp_path / "whole", tmp_path / "outside"  # noqa: S311
    outside.mkdir()
    (outside / "kept").write_text("kept\n")
    (outside / "shell.cir").write_text(SHELL.format(netlist=NETLIST, proof=outside / "proof"))
    (tmp_path / "divider.cir").write_text(NETLIST)
    (tmp_path / "divider.toml").write_text(EXPERIMENT)
    Run.create(whole, load_experiment(tmp_path / "divider.toml")).go()
    before, wrong = world(outside), []
    for number in range(count):
        folder = tmp_path / str(number)
        shutil.copytree(whole, folder)
        done = mutated(folder, outside, dice)
        command = dice.choice((*COMMANDS, ("runs",), *2 * EXPORTS))
        result = run(command[0], folder, *command[1:])
        errors = [line for line in result.stderr.splitlines() if not line.startswith("warning: ")]
        told = result.exit_code in (0, 1) or (result.exit_code == 2 and len(errors) == 1)
        crashed = result.exception is not None and not isinstance(result.exception, SystemExit)
        if crashed or not told or world(outside) != before:
            wrong.append((done, command, result.exit_code, repr(result.exception), result.stderr[-300:]))
        shutil.rmtree(folder)
    return wrong


@pytest.mark.slow  # a hundred commands
@pytest.mark.filterwarnings("default")  # of numpy, about damaged numbers
@pytest.mark.parametrize("seed", range(SEED, SEED + tries(2)))
def test_hostile_run_folders(tmp_path, seed):
    assert attacked(tmp_path, 50, seed) == []
