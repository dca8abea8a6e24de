"""An update bias on the virtual bench: its floor is as predicted there too, and overclamping lowers it."""

from pathlib import Path

import numpy as np
import pytest

from hwlearn import EquilibriumPropagation, ExactCircuit, ImperfectCircuit, Rule, train
from hwlearn.analysis.floors import bias_floor
from hwlearn.analysis.linearised import Linearised
from hwlearn.analysis.manifold import project
from hwlearn.bench.circuit import BenchCircuit
from hwlearn.circuits.imperfect import UpdateBias
from hwlearn.experiments import load_experiment
from hwlearn.learning.remedies import Overclamped
from hwlearn.learning.train import TrainState, task_loss
from hwlearn.station import load_station

ROOT = Path(__file__).parent.parent


def test_overclamping_lowers_the_floor_on_the_virtual_bench(tmp_path: Path) -> None:
    text = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
    assert "\nbits = 8" in text  # whose steps would hide the bias
    path = tmp_path / "station.toml"
    path.write_text(text.replace("\nbits = 8", "\nbits = 16"), encoding="utf-8")
    station = load_station(path)
    experiment = load_experiment(ROOT / "netlists" / "allostery-bench.toml")
    task, rule, bias = experiment.task, EquilibriumPropagation(2e-4, symmetric=True), UpdateBias(2e-8)
    solved = project(experiment.network, task)
    network = experiment.network.with_conductances(solved.conductances)
    near = Linearised.of(solved.jacobian, rule)
    learning_rate = 0.1 / float(near.rates.max())

    def end(used: Rule, steps: int = 50) -> float:
        losses = []
        with ImperfectCircuit(BenchCircuit(network, station), bias, seed=2) as circuit:

            def note(state: TrainState) -> None:
                if state.step > 0.7 * steps:
                    losses.append(task_loss(circuit.inside, task)[0])

            train(circuit, task, used, steps=steps, learning_rate=learning_rate, callbacks=[note])
        return float(np.mean(losses))

    with ImperfectCircuit(ExactCircuit(network), bias, seed=2) as circuit:
        floor = bias_floor(near, learning_rate, circuit.effects[0].bias)  # type: ignore[attr-defined]
    push = 2 * float(np.abs(floor.error).max())
    plain = end(rule)
    assert plain == pytest.approx(floor.loss, rel=0.5)  # the pots are off by up to 20 %
    assert end(Overclamped(rule, push, 0.05 * push)) < plain / 25
