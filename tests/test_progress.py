"""`progress=True`: a bar while something learns, and the same numbers as without."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from hwlearn import EquilibriumPropagation, ExactCircuit, Run, Task, flow, train
from hwlearn.errors import HwlearnWarning
from hwlearn.experiments import load_experiment
from hwlearn.experiments.sweeps import run_sweep
from hwlearn.network.builders import kite

KITE = Path(__file__).parents[1] / "netlists" / "kite.toml"
TASK = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])
RULE = EquilibriumPropagation(symmetric=True)


def circuit():
    return ExactCircuit(kite([1, 1.5, 1.3, 1, 1, 1.7]))


def test_a_training_shows_its_loss_and_learns_the_same(capsys):
    seen = []
    plain = train(circuit(), TASK, RULE, steps=30, learning_rate=2.0)
    told = train(circuit(), TASK, RULE, steps=30, learning_rate=2.0, progress=True, callbacks=[seen.append])
    np.testing.assert_array_equal(plain.conductances, told.conductances)
    assert len(seen) == 31
    printed = capsys.readouterr()
    assert "step 30/30" in printed.err
    assert f"loss {told.losses[-1]:.3e} V²" in printed.err
    assert not printed.out
    train(circuit(), TASK, RULE, steps=3, learning_rate=2.0)
    assert not capsys.readouterr().err


def test_a_flow_shows_its_time(capsys):
    plain, told = (flow(circuit(), TASK, RULE, 5.0, progress=progress) for progress in (None, True))
    np.testing.assert_array_equal(plain.losses, told.losses)
    assert "t = 5/5" in capsys.readouterr().err
    times = []
    flow(circuit(), TASK, RULE, (0.0, 1.0), progress=lambda t, loss: times.append(t))
    assert times


def test_an_error_ends_the_bar_and_is_told(capsys):
    with pytest.raises(ZeroDivisionError):
        train(circuit(), TASK, RULE, steps=30, learning_rate=2.0, progress=True, callbacks=[lambda state: 1 / 0])
    train(circuit(), TASK, RULE, steps=3, learning_rate=2.0, progress=True)  # no bar of before is in the way
    assert "step 3/3" in capsys.readouterr().err


def test_runs_and_sweeps_show_theirs(tmp_path, capsys):
    run = Run.create(tmp_path / "run", load_experiment(KITE, {"train.steps": 10}))
    run.go(progress=True)
    assert "10/10" in capsys.readouterr().err
    run.resume(progress=True, overrides={"train.steps": 15})
    assert "15/15" in capsys.readouterr().err
    (tmp_path / "s.toml").write_text(f'experiment = "{KITE.as_posix()}"\n[grid]\n"train.steps" = [2, 3]\n')
    run_sweep(tmp_path / "s.toml", tmp_path / "sweep", jobs=1, progress=True)
    assert "2/2 cells, 0 failed" in capsys.readouterr().err


def test_it_is_an_argument_that_help_shows():
    assert "progress" in inspect.signature(train).parameters
    assert "progress: show a bar" in inspect.getdoc(train)


def test_a_warning_is_told_where_train_was_called():
    with pytest.warns(HwlearnWarning) as told:
        train(circuit(), TASK, RULE, steps=30, learning_rate=1e9)
    assert {one.filename for one in told} == {__file__}
