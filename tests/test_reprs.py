"""What `print` says of a result: one short line that tells how it went."""

import re
from pathlib import Path

import pytest

import hwlearn
from hwlearn import (
    EquilibriumPropagation,
    ExactCircuit,
    NgspiceCircuit,
    Run,
    Task,
    analyze,
    flow,
    train,
    train_many,
)
from hwlearn.analysis.operating import operating_point
from hwlearn.experiments import load_experiment
from hwlearn.inference.comparison import compare_circuits
from hwlearn.network.builders import kite

NETWORK = kite([1, 1.5, 1.3, 1, 1, 1.7])
TASK = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])
RULE = EquilibriumPropagation()
KITE = Path(__file__).parent.parent / "netlists" / "kite.toml"


def compared():
    with ExactCircuit(NETWORK) as one, NgspiceCircuit(NETWORK) as two:
        return compare_circuits(TASK, RULE, {"exact": one, "ngspice": two})


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (lambda: TASK, r"<Task: 1 samples, 2 inputs, 3 outputs>"),
        (
            lambda: train(ExactCircuit(NETWORK), TASK, RULE, steps=20, learning_rate=0.5),
            r"<TrainResult: 20 steps \(stopped because: steps\), loss NUMBER → NUMBER>",
        ),
        (
            lambda: flow(ExactCircuit(NETWORK), TASK, RULE, 2.0),
            r"<FlowResult: t = 0 … 2 \(stopped because: time\), loss NUMBER → NUMBER>",
        ),
        (
            lambda: train_many(NETWORK, [TASK] * 3, RULE, steps=20, learning_rate=0.5),
            r"<ManyResult: 3 trainings of 20 steps, median loss NUMBER → NUMBER>",
        ),
        (
            lambda: analyze(NETWORK, TASK),
            r"<Analysis of kite: reachable, rank 3 of 3, coercivity constant NUMBER V²/S²>",
        ),
        (
            lambda: analyze(NETWORK, Task([[1.0, 0.0]], [[1.6, 0.5, 0.4]])),
            r"<Analysis of kite: NOT reachable, rank . of 3, coercivity constant NUMBER V²/S²>",
        ),
        (
            lambda: operating_point(NETWORK, TASK),
            r"<OperatingPoint of kite: rank 3 of 3, coercivity constant NUMBER V²/S²>",
        ),
        (compared, r"<Comparison with exact, ep: <ngspice: agrees>>"),
        (lambda: load_experiment(KITE), rf"<Experiment {re.escape(str(KITE))}: ep on exact>"),
    ],
)
def test_results_say_how_it_went(made, text):
    assert re.fullmatch(text.replace("NUMBER", r"[-+.e0-9]+"), repr(made()))


def test_a_run_says_what_it_is(tmp_path):
    experiment = load_experiment(KITE, {"train.steps": 3})
    run = Run.create(tmp_path / "run", experiment)
    assert repr(run) == f"<Run {tmp_path / 'run'}: {experiment.network.title}, ep on exact, killed>"
    outcome = run.go()
    assert repr(run).endswith("ep on exact, steps>")
    assert repr(outcome).startswith(f"<Outcome of {experiment.network.title}: ep on exact, 3 steps (stopped because: steps)")
    (tmp_path / "run" / "result.json").write_text("{")
    assert repr(Run.load(tmp_path / "run")).endswith(", damaged>")


def test_public_names_are_all_there():
    for name in hwlearn.__all__:
        assert getattr(hwlearn, name).__name__ == name
