"""`hwlearn train --backend bench`: the same experiment, over real sockets, with devices of few codes and unknown tolerance."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.experiments.runs import Run
from hwlearn.lab.station import load_station

ROOT = Path(__file__).parents[2]
EXPERIMENT, STATION = ROOT / "netlists" / "allostery-bench.toml", ROOT / "stations" / "allostery.toml"

RULES = {  # nudge, learning rate, stop_loss: about 15 µV at the output; in A² for al, whose output has some 3.5 kΩ
    "ep": (2e-4, 2e-7, 1e-10),
    "cl": (1.0, 2e-3, 1e-10),
    "al": (5e3, 3.0, 1e-17),
}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_learns_on_the_virtual_bench(rule, tmp_path):
    nudge, learning_rate, stop_loss = RULES[rule]
    settings = {
        "rule.nudge": nudge,
        "rule.symmetric": "true",
        "train.learning_rate": learning_rate,
        "train.optimizer": "momentum",
        "train.stop_loss": stop_loss,
    }
    sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    command = ["train", EXPERIMENT, "--backend", "bench", "--station", STATION, "--rule", rule, "--steps", 400, *sets]
    done = CliRunner().invoke(app, [str(word) for word in (*command, "--out", tmp_path / "run", "--json")])
    assert done.exit_code == 0, done.output
    content = json.loads(done.stdout)
    assert content["backend"] == "bench"
    assert np.abs(np.subtract(content["outputs"], content["targets"])).max() < 1e-3  # 0.23 V to begin with
    assert content["loss_final"] < 2e-5 * content["loss_initial"]
    run = Run.load(tmp_path / "run")
    end = run.history.last("end")["circuit"]
    assert 15e-6 < end["noise"] < 25e-6  # the virtual bench has 20 µV
    assert {name: one["recoveries"] for name, one in end["instruments"].items()} == dict.fromkeys(
        ("daq", "dac", "smu", "pots"), 0
    )
    assert sum(end["writes"]) < 24 * 400
    tables = load_station(STATION).tables
    realised = [tables[name].conductances[code] for name, code in zip(run.network.edge_names, end["codes"], strict=True)]
    np.testing.assert_allclose(realised, list(content["conductances"].values()), rtol=1e-12)
