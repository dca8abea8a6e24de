"""A run folder from somebody else is data: it starts no command, and writes nothing outside of itself."""

import io
import json
import os
import resource
import shutil
import subprocess
import tracemalloc
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.errors import ExperimentError, HwlearnError
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run, export
from hwlearn.experiments.runs.arrays import read_arrays
from hwlearn.experiments.runs.commit import commit_of
from hwlearn.experiments.sweeps import run_sweep

NETLIST = "divider\nV1 a 0 1\nR1 a b 1k\nR2 b 0 1k\n"
SHELL = "{netlist}.control\nshell touch {proof}\n.endc\n"
EXPERIMENT = """
[circuit]
netlist = "divider.cir"
[ports]
inputs = ["V1"]
outputs = ["b"]
[task]
inputs = [[1.0]]
targets = [[0.6]]
[rule]
name = "ep"
[train]
steps = 20
learning_rate = 1e-7
"""
COMMANDS = (
    ("plot",),
    ("report",),
    ("export", "--to", "netlist"),
    ("export", "--to", "csv"),
    ("export", "--to", "networkx"),
    ("export", "--to", "netcdf"),
    ("resume", "--steps", "30"),
)
WRITTEN = ("plot.png", "report.html", "trained.cir", "journal.csv", "network.json", "run.nc")


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def experiment(tmp_path):
    (tmp_path / "divider.cir").write_text(NETLIST)
    file = tmp_path / "divider.toml"
    file.write_text(EXPERIMENT)
    return file


@pytest.fixture
def folder(tmp_path, experiment):
    Run.create(tmp_path / "run", load_experiment(experiment)).go()
    return tmp_path / "run"


def content(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_run_folder_grants_itself_trust(tmp_path, folder, command):
    proof = tmp_path / "proof"
    shell = SHELL.format(netlist=NETLIST, proof=proof).encode()
    name = sha256(shell).hexdigest()
    (folder / "files" / name).write_bytes(shell)
    info = json.loads((folder / "run.json").read_text())
    files = {**info["files"], str(tmp_path / "divider.cir"): name}
    (folder / "run.json").write_text(json.dumps({**info, "trust": True, "files": files}))
    result = run(command[0], folder, *command[1:])
    if command != ("export", "--to", "csv"):
        assert (result.exit_code, "--trust-netlist" in result.stderr) == (2, True)
    assert not proof.exists()
    assert run(command[0], folder, *command[1:], "--trust-netlist").exit_code == 0
    assert proof.exists() == (command != ("export", "--to", "csv"))


def test_run_json_says_nothing_of_trust(experiment, tmp_path):
    made = Run.create(tmp_path / "trusted", load_experiment(experiment, trust=True))
    assert made.trust
    assert "trust" not in made.info
    assert not Run.load(made.folder).trust


def test_a_run_folder_does_not_talk_to_the_terminal(folder):
    info = json.loads((folder / "run.json").read_text())
    odd = "\x1b]0;owned\x07\x9b2J"
    (folder / "run.json").write_text(json.dumps({**info, "title": odd, "experiment": f"/nowhere/{odd}"}))
    for command in (("runs", folder), ("report", folder)):
        result = run(*command)
        assert "owned" in result.output
        assert not {"\x1b", "\x07", "\x9b"} & set(result.output)


@pytest.mark.parametrize("key", ["circuit.trust", "trust", "backend.command"])
def test_overrides_of_a_run_folder_are_checked_as_those_of_a_user(folder, key):
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**info, "overrides": {key: True}}))
    with pytest.raises(ExperimentError, match="unknown key"):
        Run.load(folder).resume(overrides={"train.steps": 30})


def test_an_experiment_that_is_no_file_is_not_read(tmp_path, folder):
    os.mkfifo(tmp_path / "pipe")
    info = json.loads((folder / "run.json").read_text())
    for odd in ("/dev/zero", str(tmp_path / "pipe"), str(tmp_path)):
        (folder / "run.json").write_text(json.dumps({**info, "experiment": odd, "files": {}}))
        with pytest.raises(ExperimentError, match="not there any more"):
            Run.load(folder).experiment  # noqa: B018


@pytest.mark.parametrize("command", COMMANDS)
def test_links_in_a_run_folder_are_not_written_through(tmp_path, folder, command):
    outside = tmp_path / "outside"
    for name in (*WRITTEN, *(f"{name}.new" for name in (*WRITTEN, *content(folder))), "latest.npy", "experiment.toml"):
        outside_file = outside / name
        outside.mkdir(exist_ok=True)
        outside_file.write_text("kept")
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(outside_file)
    result = run(command[0], folder, *command[1:])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "is a link" in result.stderr
    assert {file.read_text() for file in outside.iterdir()} == {"kept"}


@pytest.mark.parametrize("name", ["journal.jsonl", "run.json", "checkpoint.npz", "result.json", ".lock"])
@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_what_a_resume_writes_in_place_is_no_link(tmp_path, folder, name, kind):
    outside = tmp_path / "outside"
    outside.write_bytes((folder / name).read_bytes() if (folder / name).exists() else b"kept")
    kept = outside.read_bytes()
    (folder / name).unlink(missing_ok=True)
    if kind == "hard":
        (folder / name).hardlink_to(outside)
    else:
        (folder / name).symlink_to(outside)
    result = run("resume", folder, "--steps", "30")
    assert result.exit_code in (0, 2)
    assert result.stderr.count("\n") == 1
    assert outside.read_bytes() == kept


def bomb(path, members, *, compressed=True, shape=None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        for name, size in members.items():
            header = io.BytesIO()
            described = {"descr": "<f8", "fortran_order": False, "shape": shape or (size // 8,)}
            np.lib.format.write_array_header_1_0(header, described)
            with archive.open(f"{name}.npy", "w") as file:
                file.write(header.getvalue())
                for _ in range(size >> 20):
                    file.write(bytes(1 << 20))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"members": {"wanted": 1 << 28}}, "compressed"),
        ({"members": {"wanted": 0}, "compressed": False, "shape": (1 << 50,)}, "shape"),
        ({"members": {"wanted": 0}, "compressed": False, "shape": (-1, -(1 << 50))}, "shape"),
    ],
)
def test_an_npz_that_would_fill_the_memory_is_refused(folder, options, words):
    bomb(folder / "checkpoint.npz", **options)
    before = content(folder)
    tracemalloc.start()
    try:
        with pytest.raises(ExperimentError, match=f"not a whole checkpoint .*{words}"):
            Run.load(folder).resume(overrides={"train.steps": 30})
        assert tracemalloc.get_traced_memory()[1] < 50 << 20
    finally:
        tracemalloc.stop()
    assert content(folder) == before


def test_parts_that_overlap_are_refused(tmp_path):
    file = tmp_path / "one.npz"
    np.savez(file, first=np.zeros(1000))
    whole = file.read_bytes()
    at, end = whole.index(b"PK\1\2"), whole.index(b"PK\5\6")
    entry, tail = whole[at:end], bytearray(whole[end:])
    tail[8:10] = tail[10:12] = (1000).to_bytes(2, "little")
    tail[12:16] = (1000 * len(entry)).to_bytes(4, "little")
    file.write_bytes(whole[:at] + 1000 * entry + tail)
    with file.open("rb", buffering=0) as opened, pytest.raises(ValueError, match=r"would be \d+ bytes"):
        read_arrays(opened)


def test_rows_that_declare_another_size_are_not_read(folder):
    header = io.BytesIO()
    shape = (2, 1 << 50)
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    (folder / "latest.npy").write_bytes(header.getvalue())
    assert Run.load(folder).checkpoint["step"] == 20


REFUSED = (
    {"train.optimizer": "adam"},
    {"train.identify_every": 5},
    {"train.batch_size": 7},
    {"train.parameter": "gate-voltage"},
    {"rule.name": "nobody"},
    {"backend.name": "bench", "backend.station": "nowhere.toml"},
)


@pytest.mark.parametrize("overrides", REFUSED, ids=str)
def test_a_refused_resume_leaves_the_run_as_it_was(folder, overrides):
    before = content(folder)
    with pytest.raises(HwlearnError):
        Run.load(folder).resume(overrides={"train.steps": 30, **overrides})
    assert content(folder) == before


def test_a_resume_that_is_cut_off_before_its_first_step_leaves_the_run_as_it_was(folder, monkeypatch):
    before = content(folder)

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("hwlearn.circuits.exact.ExactCircuit._program", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Run.load(folder).resume(overrides={"train.steps": 30})
    assert content(folder) == before


def test_steps_do_not_go_on_as_a_flow(folder, experiment):
    before = content(folder)
    experiment.write_text(EXPERIMENT[: EXPERIMENT.index("[train]")] + "[flow]\nt_end = 10\n")
    with pytest.raises(ExperimentError, match="start a new run"):
        Run.load(folder).resume(changed=True)
    assert content(folder) == before


@pytest.mark.parametrize("command", COMMANDS[:-1])
def test_a_full_disk_leaves_what_was_exported_before(folder, command):
    assert run(command[0], folder, *command[1:]).exit_code == 0
    before = content(folder)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))
        result = run(command[0], folder, *command[1:])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr
    assert content(folder) == before


def test_a_folder_of_a_sweep_that_leads_elsewhere_is_refused(tmp_path, experiment):
    sweep = tmp_path / "sweep.toml"
    sweep.write_text('experiment = "divider.toml"\n[grid]\n"train.learning_rate" = [0.1, 0.2]\n')
    home, outside = tmp_path / "home", tmp_path / "outside"
    (first, _) = run_sweep(sweep, home, jobs=1).rows
    shutil.move(home / first.cell, outside)
    (home / first.cell).symlink_to(outside)
    before = content(outside)
    with pytest.raises(ExperimentError, match="is a link"):
        run_sweep(sweep, home, jobs=1)
    assert content(outside) == before


@pytest.mark.parametrize("name", ["results.csv", "sweep.toml", ".sweep", "results.csv.new"])
def test_links_in_the_folder_of_a_sweep_are_not_written_through(tmp_path, experiment, name):
    sweep = tmp_path / "sweep.toml"
    sweep.write_text('experiment = "divider.toml"\n[grid]\n"train.seed" = [0]\n')
    home, outside = tmp_path / "home", tmp_path / "outside"
    run_sweep(sweep, home, jobs=1)
    outside.write_text("kept")
    (home / name).unlink(missing_ok=True)
    (home / name).symlink_to(outside)
    if name.endswith(".new"):
        run_sweep(sweep, home, jobs=1)
    else:
        with pytest.raises(ExperimentError, match="is a link"):
            run_sweep(sweep, home, jobs=1)
    assert outside.read_text() == "kept"


# The commit


def git(folder, *arguments):
    quiet = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    names = ["-c", "user.name=x", "-c", "user.email=x@x"]
    done = subprocess.run(
        [str(shutil.which("git")), *names, "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=quiet,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "file").write_text("one")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    return folder


def test_the_commit_is_that_of_git(repository, tmp_path):
    (repository / "below").mkdir()
    head = git(repository, "rev-parse", "HEAD")
    assert commit_of(repository) == commit_of(repository / "below") == head
    git(repository, "pack-refs", "--all")
    assert commit_of(repository) == head
    git(repository, "worktree", "add", "-q", "-b", "other/branch", str(tmp_path / "tree"))
    (tmp_path / "tree" / "file").write_text("two")
    git(tmp_path / "tree", "commit", "-qam", "two")
    assert commit_of(tmp_path / "tree") == git(tmp_path / "tree", "rev-parse", "HEAD") != head
    git(repository, "checkout", "-q", "--detach")
    assert commit_of(repository) == head
    assert commit_of(tmp_path) is None


@pytest.mark.parametrize("head", ["ref: refs/../../secret", "ref: /etc/passwd", "secret", "", "ref: refs/heads/none", "\xff"])
def test_an_odd_head_is_no_commit(repository, head):
    (repository / ".git" / "HEAD").write_bytes(head.encode("latin-1"))
    assert commit_of(repository) is None


def test_a_repository_runs_nothing(repository, tmp_path, monkeypatch):
    proof = tmp_path / "proof"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {proof}\n")
    program.chmod(0o755)
    for key in ("core.fsmonitor", "filter.x.clean", "core.pager", "core.editor"):
        git(repository, "config", key, str(program))
    (repository / ".gitattributes").write_text("* filter=x\n")
    (repository / "file").write_text("other")
    (repository / "divider.cir").write_text(NETLIST)
    (repository / "divider.toml").write_text(EXPERIMENT)
    made = Run.create(repository / "run", load_experiment(repository / "divider.toml"))
    made.go()
    assert made.info["commit"] == commit_of(repository)
    assert not proof.exists()


@pytest.mark.parametrize("to", ["netlist", "csv", "networkx", "netcdf"])
def test_an_output_that_is_no_plain_file_is_refused(folder, to, tmp_path):
    (tmp_path / "link").symlink_to(Path("/dev/null"))
    for odd in ("/dev/null", tmp_path / "link", tmp_path):
        with pytest.raises(HwlearnError, match=r"plain file|link|directory"):
            export(Run.load(folder), to, odd)
    assert not Path("/dev/null").is_file()
