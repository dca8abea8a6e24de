"""Run folders that earlier versions made are listed, plotted, reported and exported; tests/data/runs has some of each version.

Whoever changes what the hash of a network is made of raises `fingerprint.VERSION` and adds folders of the new version.
"""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.errors import ExperimentError, HwlearnWarning
from hwlearn.experiments.runs import Run
from hwlearn.experiments.runs.fingerprint import VERSION

DATA = Path(__file__).parents[1] / "data" / "runs"
FOLDERS = sorted(DATA.glob("version-*/*"))


@pytest.fixture
def of(tmp_path):
    """A copy of a run folder, beside its experiment file."""

    def copy(folder):
        shutil.copytree(folder, tmp_path / "runs" / folder.name)
        for name in (f"{folder.name}.toml", f"{folder.name}.cir"):
            shutil.copy(DATA / name, tmp_path)
        return tmp_path / "runs" / folder.name, tmp_path / f"{folder.name}.toml"

    return copy


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name} {path.name}")
def test_an_earlier_run_is_listed_reported_and_exported(folder, of):
    run, experiment = of(folder)
    earlier = int(folder.parent.name.removeprefix("version-")) < VERSION
    for command in (
        ["report"],  # draws what plot does
        ["export", "--to", "netlist"],
        ["export", "--to", "csv"],
        ["export", "--to", "networkx"],
    ):
        done = CliRunner().invoke(app, [command[0], str(run), *command[1:], "--experiment", str(experiment)])
        assert done.exit_code == 0, done.stderr
        assert ("made by an earlier hwlearn (0.1.0)" in done.stderr) == (earlier and command[-1] != "csv")
    listed = CliRunner().invoke(app, ["runs", str(run.parent), "--json"])
    assert [one["state"] for one in json.loads(listed.stdout)["runs"]] == ["steps"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name} {path.name}")
def test_an_earlier_run_goes_on_where_its_network_is_known_or_said_to_be_the_same(folder, of):
    path, experiment = of(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HwlearnWarning)
        run = Run.load(path, experiment)
        if int(folder.parent.name.removeprefix("version-")) < VERSION:
            with pytest.raises(
                ExperimentError, match="of an earlier hwlearn, so that its network cannot be compared; --changed"
            ):
                run.resume(overrides={"train.steps": 8})
        outcome = run.resume(overrides={"train.steps": 8}, changed=True)
    assert outcome is not None
    assert outcome.steps == 8
    before = json.loads((folder / "result.json").read_text())["loss_final"]
    assert np.isfinite(outcome.loss_final)
    assert outcome.loss_final < before


def test_the_newest_version_is_there_and_compared():
    folder = DATA / f"version-{VERSION}" / "xor"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Run.load(folder, DATA / "xor.toml").experiment.network.elements


def test_a_run_of_other_edges_is_refused(of):
    path, experiment = of(DATA / "version-1" / "kite")
    netlist = experiment.with_suffix(".cir")
    netlist.write_text(netlist.read_text().replace("RMW", "RWM"))
    with pytest.raises(ExperimentError, match=r"kite\.toml has other edges than the run"):
        Run.load(path, experiment).experiment  # noqa: B018
