"""Imperfections on the virtual bench: the contract, and drifting pots with and without remedies."""

from pathlib import Path

import numpy as np
import pytest
import test_bench_contract as contract

from hwlearn import Circuit, ImperfectCircuit, Network
from hwlearn.analysis.floors import bias_floor
from hwlearn.analysis.linearised import Linearised
from hwlearn.analysis.manifold import project
from hwlearn.circuits.imperfect import Drift, Noise, NudgeGain, Offset, Tolerance, UpdateBias
from hwlearn.experiments import Experiment, load_experiment, run_experiment

ROOT = Path(__file__).parents[2]
DRIFT = 3e-4
STEPS = 60


class TestImperfectBench(contract.TestBenchContract):
    tolerance = 3 * contract.STEP + 1e-3

    def make(self, network: Network) -> Circuit:
        effects = [Tolerance(1e-5), UpdateBias(1e-9), NudgeGain(1e-6), Drift(1e-7), Offset(1e-7), Noise(1e-7, lsb=1e-7)]
        return ImperfectCircuit(super().make(network), *effects, seed=1)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The station of the allostery bench, with pots that drift at each new code, and so fine that this is seen."""
    text = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
    for old, new in [
        ("\nbits = 8", "\nbits = 16"),
        ("min_code = 1", "min_code = 256"),
        ("pot_tolerance = 0.2", f"pot_tolerance = 0.2\npot_drift = {DRIFT}"),
    ]:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path_factory.mktemp("bench") / "station.toml"
    path.write_text(text, encoding="utf-8")
    return path


def experiment(station: Path, **options: object) -> Experiment:
    """The allostery on that bench, from a solution on: on paper, so pots off by a fifth miss it."""
    settings = {key.replace("_", ".", 1): value for key, value in options.items()}
    base = {"backend.name": "bench", "backend.station": str(station), "train.steps": STEPS, "train.stop_loss": 1e-30}
    base["train.keep"] = "last"  # a floor is where training stays, not the best that it passes
    found = load_experiment(ROOT / "netlists" / "allostery-bench.toml", {**base, "train.optimizer": "plain", **settings})
    vars(found)["network"] = found.network.with_conductances(project(found.network, found.task).conductances)
    return found


def test_drifting_pots(station: Path) -> None:
    """The floor is that of the bias; overclamping and re-identification lower it by more than five times, in the error."""
    at = experiment(station)
    near = Linearised.of(project(at.network, at.task).jacobian, at.rule)
    learning_rate = 0.1 / float(near.rates.max())

    def end(**options: object) -> float:
        outcome = run_experiment(experiment(station, train_learning_rate=learning_rate, **options))
        assert outcome.error is None
        return float(outcome.losses[-STEPS // 3 :].mean())

    creep = DRIFT * np.random.default_rng((1, 1)).uniform(-1, 1, 24)  # as the virtual bench draws it
    g = at.network.conductances
    floor = bias_floor(near, learning_rate, -(g**2) * (1 / g - 1000) * creep)
    push = 2 * float(np.abs(floor.error).max())
    plain = end()
    assert plain == pytest.approx(floor.loss, rel=0.5)
    assert end(rule_push=push, rule_rest=0.05 * push) < plain / 25
    assert end(train_identify_every=5) < plain / 25
