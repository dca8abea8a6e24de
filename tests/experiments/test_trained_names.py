"""A trained netlist says the names of the board that it came from, and is read again under them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hwlearn import Network
from hwlearn.cli import app

BOARD = """KiCad board
V1 /IN1 0 1
V2 /IN-2 0 0
R1 /IN1 /OUT-A 1k
R2 /IN-2 /OUT-A 2k
R3 /OUT-A Net-_R3-Pad2_[0] 1k
R4 Net-_R3-Pad2_[0] 0 3k
.end
"""


def test_names_such_as_kicads_survive_new_train_and_train_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("board.cir").write_text(BOARD, encoding="utf-8")
    run = CliRunner().invoke
    assert run(app, ["new", "board.cir"]).exit_code == 0
    assert run(app, ["train", "board.toml", "--set", "task.targets=[[0.5]]", "--steps", "20", "--out", "first"]).exit_code == 0
    first = Network.from_netlist("first/trained.cir", inputs=["V1", "V2"], outputs=["/OUT-A"])
    assert set(first.nodes) == {"/IN1", "/IN-2", "/OUT-A", "Net-_R3-Pad2_[0]", "0"}
    Path("again.toml").write_text(
        Path("board.toml").read_text(encoding="utf-8").replace("board.cir", "first/trained.cir"), encoding="utf-8"
    )
    again = run(app, ["train", "again.toml", "--set", "task.targets=[[0.5]]", "--steps", "20", "--json", "--no-save"])
    assert again.exit_code == 0, again.output
    told = json.loads((tmp_path / "first" / "result.json").read_text(encoding="utf-8"))
    assert json.loads(again.stdout)["loss_initial"] == pytest.approx(told["loss_final"], rel=1e-6)
