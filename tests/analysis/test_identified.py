"""Re-identification: what it takes back, what it reports, and that it is remembered."""

import json
from pathlib import Path

import numpy as np
import pytest
from test_floors import PROBLEMS, SOLVED, WITHIN, near, pace
from typer.testing import CliRunner

from hwlearn import (
    Circuit,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    Hold,
    ImperfectCircuit,
    Network,
    Task,
    train,
)
from hwlearn.analysis.floors import bias_floor, identified_floor
from hwlearn.analysis.identified import IdentifiedCircuit, probe_drive
from hwlearn.circuits.imperfect import Effect, Noise, Tolerance, UpdateBias
from hwlearn.cli import app
from hwlearn.errors import HwlearnError
from hwlearn.experiments.runs import Run
from hwlearn.learning.train import task_loss
from hwlearn.learning.training_result import TrainState
from hwlearn.network.builders import grid
from hwlearn.testing.resistors import ResistorContract

RULE = EquilibriumPropagation(0.1, symmetric=True)
NETLISTS = Path(__file__).parents[2] / "netlists"


class TestIdentifiedCircuit(ResistorContract):
    """Off its tables by a tenth, and yet as good as exact."""

    tolerance = 1e-7
    realised = 1e-6

    def make(self, network: Network) -> Circuit:
        volts = Task(np.ones((1, len(network.inputs))), np.ones((1, len(network.outputs))))
        probe = probe_drive(network, volts)
        return IdentifiedCircuit(ImperfectCircuit(ExactCircuit(network), Tolerance(0.1), seed=1), probe, 5)


def made(name: str, effects: list[Effect], every: int | None) -> tuple[Circuit, ImperfectCircuit]:
    """The circuit of a problem, a little away from its solution, and the imperfect one in it."""
    network, task = PROBLEMS[name]
    away = 1 + 1e-3 * np.random.default_rng(7).standard_normal(len(network.edges))
    inner = ImperfectCircuit(ExactCircuit(network.with_conductances(SOLVED[name].conductances * away)), *effects, seed=2)
    return (inner if every is None else IdentifiedCircuit(inner, probe_drive(network, task), every)), inner


@pytest.mark.parametrize(
    ("name", "cases"), [("kite", [(1e-4, 6)]), ("grid", [(1e-6, 2), (1e-5, 2), (1e-4, 2), (1e-4, 6)])], ids=["kite", "grid"]
)
def test_floor_under_update_bias(name: str, cases: list[tuple[float, int]]) -> None:
    task = PROBLEMS[name][1]
    linear = near(name, "ep", 0.1, True)
    learning_rate, settle = pace(linear)
    steps = int(2.5 * settle)
    for size, every in cases:
        circuit, inner = made(name, [UpdateBias(size)], every)
        losses = []

        def note(state: TrainState, inner: ImperfectCircuit = inner, losses: list[float] = losses) -> None:
            if state.step > steps - 6 * max(1, settle // 20):
                losses.append(task_loss(inner.inside, task)[0])

        train(circuit, task, RULE, steps=steps, learning_rate=learning_rate, callbacks=[note])
        bias = inner.effects[0].bias  # type: ignore[attr-defined]
        floor = identified_floor(linear, learning_rate, bias, every)
        assert np.mean(losses) == pytest.approx(floor.loss, rel=WITHIN)
        assert floor.loss < bias_floor(linear, learning_rate, bias).loss / 5


def test_conductances_are_those_that_are_there() -> None:
    for every, off in ((None, 0.05), (10, 2e-3)):
        circuit, inner = made("kite", [Tolerance(0.1), UpdateBias(1e-4), Noise(1e-6)], every)
        train(circuit, PROBLEMS["kite"][1], RULE, steps=100, learning_rate=1.0)
        error = np.abs(circuit.conductances / inner.inside.conductances - 1).max()
        assert error > off if every is None else error < off


def test_an_edge_that_is_not_trained_is_known_and_left_alone() -> None:
    network = grid(3, 3, 1.0, outputs=["n1_1", "n0_2"], trainable=["R1", "R2", "R3", "R4", "R5"])
    assert not network.trainable.all()
    task = Task([[1.0, 0.0]], [[0.4, 0.5]])
    inner = ImperfectCircuit(ExactCircuit(network), Tolerance(0.1), seed=3)
    before = inner.inside.conductances.copy()
    circuit = IdentifiedCircuit(inner, probe_drive(network, task), 2)
    train(circuit, task, RULE, steps=6, learning_rate=0.5)
    fixed = ~network.trainable
    np.testing.assert_array_equal(inner.inside.conductances[fixed], before[fixed])
    np.testing.assert_allclose(circuit.conductances, inner.inside.conductances, rtol=1e-3)


def test_a_run_with_remedies_goes_on_as_if_it_had_not_stopped_and_says_what_they_were(tmp_path: Path) -> None:
    options = "train.identify_every=3 train.optimizer=momentum rule.push=1e-3 rule.rest=1e-5 train.learning_rate=0.2"
    settings = [part for option in options.split() for part in ("--set", option)]
    ends = []
    for name, pieces in (("whole", [14]), ("parts", [4, 14])):
        first, *more = pieces
        arguments = [str(NETLISTS / "kite.toml"), *settings, "--steps", str(first), "--out", str(tmp_path / name), "--json"]
        result = CliRunner().invoke(app, ["train", *arguments])
        assert result.exit_code == 0, result.output
        for steps in more:
            result = CliRunner().invoke(app, ["resume", str(tmp_path / name), "--steps", str(steps), "--json"])
            assert result.exit_code == 0, result.output
        ends.append(json.loads((tmp_path / name / "result.json").read_text(encoding="utf-8")))
        assert Run.load(tmp_path / name).experiment.remedies == ends[-1]["remedies"]
    assert ends[0]["conductances"] == ends[1]["conductances"]
    assert ends[0]["remedies"] == {"push": 1e-3, "rest": 1e-5, "momentum": 0.9, "identify_every": 3}
    plain = CliRunner().invoke(app, ["train", str(NETLISTS / "kite.toml"), "--steps", "1", "--no-save", "--json"])
    assert json.loads(plain.stdout)["remedies"] == {}


def test_nonsense_is_refused() -> None:
    network, task = PROBLEMS["kite"]
    probe = probe_drive(network, task)
    with pytest.raises(HwlearnError, match="every is 0"):
        IdentifiedCircuit(ExactCircuit(network), probe, 0)
    with pytest.raises(HwlearnError, match="held outputs"):
        IdentifiedCircuit(ExactCircuit(network), Drive([[1.0, 0.0]], Hold([[0.5, 0.5, 0.5]])), 5)
    with pytest.raises(HwlearnError, match="not identified"):
        IdentifiedCircuit(ExactCircuit(network), probe, 5).restore({})
