"""Damaged and forged files: a result or one line that says what is wrong, never a traceback."""

import random
import shutil
import traceback
import warnings
from pathlib import Path

import pytest
from effort import SEED, tries
from mutations import mutated_bytes, mutated_json, mutated_lines, mutated_npy, mutated_npz, mutated_toml
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run

ROOT = Path(__file__).parents[2]
COUNT = tries(40)

MUTATIONS = {
    "run.json": mutated_json,
    "result.json": mutated_json,
    "journal.jsonl": mutated_lines,
    "checkpoint.npz": mutated_npz,
    "latest.npy": mutated_npy,
    "experiment.toml": mutated_toml,
}
COMMANDS = (
    ("runs",),
    ("plot", "--out", "plot.png"),
    ("report", "--out", "report.html"),
    ("export", "--to", "netcdf", "--out", "run.nc"),
    ("export", "--to", "csv", "--out", "journal.csv"),
    ("export", "--to", "netlist", "--out", "trained.cir"),
    ("export", "--to", "networkx", "--out", "network.json"),
    ("resume", "--steps", "9"),
    ("resume", "--steps", "9", "--changed"),
)
OFTEN = [1 if command in ("plot", "report") else 8 for command, *_ in COMMANDS]
"""Drawing takes ten times as long as the rest."""

LEARNERS = {
    "kite": {"train.steps": 6},
    "adam": {"train.steps": 6, "train.optimizer": "adam", "train.batch_size": 1, "train.parameter": "log-conductance"},
    "identified": {"train.steps": 6, "train.identify_every": 2, "train.optimizer": "momentum"},
}

pytestmark = pytest.mark.slow  # some hundred commands


def run(*arguments):
    """What is wrong with what a command did with a damaged file; None if nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a command prints them, in a line each
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return "".join(traceback.format_exception(result.exception)[-4:])
    said = result.stderr.splitlines()
    if result.exit_code not in (0, 1, 2) or "Traceback" in result.stderr:
        return f"exit code {result.exit_code}: {result.stderr}"
    if result.exit_code == 2 and sum(line.startswith(("error: ", "broken: ")) for line in said) != 1:
        return f"not one line: {result.stderr}"
    return None


def changed(before, after):
    """The lines that are not as before, shortened."""
    old = set(before.split(b"\n"))
    return [line[:200] for line in after.split(b"\n") if line not in old]


def check(failures):
    kinds = {failure.strip().splitlines()[-1][:90]: (case, failure) for case, failure in failures}
    assert not kinds, f"{len(failures)} failures, one of each kind:\n" + "\n".join(
        f"{case}:\n{failure}" for case, failure in kinds.values()
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Run folders: each learner finished, cut off and killed, and a flow."""
    home = tmp_path_factory.mktemp("runs")
    for name in ("kite.toml", "kite.cir"):
        shutil.copy(ROOT / "netlists" / name, home)
    text = (home / "kite.toml").read_text(encoding="utf-8")
    (home / "flow.toml").write_text(text[: text.index("[train]")] + "[flow]\nt_end = 3.0\n", encoding="utf-8")
    found = []
    for name, overrides in LEARNERS.items():
        Run.create(home / name, load_experiment(home / "kite.toml", overrides)).go()
        shutil.copytree(home / name, home / f"{name}-killed")
        (home / f"{name}-killed" / "result.json").unlink()
        found += [home / name, home / f"{name}-killed"]
    Run.create(home / "flow", load_experiment(home / "flow.toml")).go()
    return [*found, home / "flow"]


def test_run_folders(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failures, numbers = [], random.Random(SEED)  # noqa: S311
    for case in range(COUNT):
        folder = tmp_path / "run"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(numbers.choice(folders), folder)
        name = numbers.choice([name for name in MUTATIONS if (folder / name).exists()])
        mutate = mutated_bytes if numbers.random() < 0.3 else MUTATIONS[name]
        (folder / name).write_bytes(mutate((folder / name).read_bytes(), numbers))
        command, *options = numbers.choices(COMMANDS, OFTEN)[0]
        if failure := run(command, folder, *options):
            failures.append((f"{case} {name} {command} {options}", failure))
    check(failures)


EXPERIMENTS = ("kite", "wheatstone", "regression", "ladder", "gates", "allostery", "xor")
WITH_FILES = (("show", "--out", "show.png"), ("analyze",), ("train", "--steps", "2", "--out", "out"), ("train", "--no-save"))


def test_experiment_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "netlists", tmp_path / "netlists")
    failures, numbers = [], random.Random(SEED)  # noqa: S311
    for case in range(COUNT):
        source = tmp_path / "netlists" / f"{numbers.choice(EXPERIMENTS)}.toml"
        mutate = mutated_bytes if numbers.random() < 0.2 else mutated_toml
        content = source.read_bytes()
        for _ in range(numbers.choice((1, 1, 2))):
            content = mutate(content, numbers)
        file = source.with_name("mutated.toml")
        file.write_bytes(content)
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        command, *options = numbers.choice(WITH_FILES)
        if command == "train" and "--steps" not in options:
            options += ["--set", "train.steps=1"]
        if failure := run(command, file, *options):
            failures.append((f"{case} {source.name} {command} {options}: {changed(source.read_bytes(), content)}", failure))
    check(failures)


def test_station_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "netlists", tmp_path / "netlists")
    source = (ROOT / "stations" / "allostery.toml").read_bytes()
    failures, numbers = [], random.Random(SEED)  # noqa: S311
    for case in range(COUNT):
        mutate = mutated_bytes if numbers.random() < 0.2 else mutated_toml
        content = mutate(source, numbers)
        file = tmp_path / "station.toml"
        file.write_bytes(content)
        options = ["--backend", "bench", "--station", file, "--no-save", "--steps", "1"]
        if failure := run("train", tmp_path / "netlists" / "allostery-bench.toml", *options):
            failures.append((f"{case}: {changed(source, content)}", failure))
    check(failures)
