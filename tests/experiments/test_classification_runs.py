"""Runs that classify: what journal, result, list, plot and report tell of them, and predictions from the folder."""

import json
import shutil

import numpy as np
import pytest
from dots import COLOURS, FILE, dots
from typer.testing import CliRunner

from hwlearn import evaluate
from hwlearn.cli import app
from hwlearn.errors import ExperimentError, TaskError
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run, find_runs


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with an experiment, its data, and the run of it."""
    folder = tmp_path_factory.mktemp("classification")
    points, colours = dots()
    rows = [f"{x!r},{colour},{y!r}" for (x, y), colour in zip(points.tolist(), colours, strict=True)]
    (folder / "dots.csv").write_text("x,colour,y\n" + "\n".join(rows) + "\n")
    (folder / "dots.toml").write_text(FILE)
    outcome = Run.create(folder / "run", load_experiment(folder / "dots.toml")).go()
    return folder, outcome


def command(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def counts(classes, labels, answers):
    """Confusion by hand."""
    return [[sum(one == a and two == b for one, two in zip(labels, answers, strict=True)) for b in classes] for a in classes]


def test_each_epoch_is_scored_in_journal_and_result(finished):
    folder, outcome = finished
    run = Run.load(folder / "run")
    scores = run.history.scores
    assert [score.step for score in scores] == [0, 4, 8, 12]
    told = run.result["scores"]
    assert told["test_accuracy"] == [score.test_accuracy for score in scores]
    assert told["losses"] == [score.loss for score in scores] == outcome.scores.losses.tolist()
    assert told["unit"] == "V²"
    experiment = run.experiment
    with experiment.circuit() as circuit:
        first = evaluate(circuit, experiment.test, experiment.rule.loss)
        circuit.program(run.network.conductances)
        last = evaluate(circuit, experiment.test, experiment.rule.loss)
    assert (scores[0].test_loss, scores[0].test_accuracy) == (first.loss, first.accuracy)
    assert (scores[-1].test_loss, scores[-1].test_accuracy) == (last.loss, last.accuracy)


def test_the_folder_classifies_without_its_data(finished, tmp_path):
    folder, _ = finished
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    (moved / "dots.csv").unlink()
    points, colours = dots()
    run = Run.load(moved / "run", moved / "dots.toml")
    answers = run.predict(points)
    assert (answers == np.array(colours)).mean() > 0.9
    whole = counts(COLOURS, colours, answers.tolist())
    parts = np.add(run.result["confusion"], run.result["test_confusion"])
    assert parts.tolist() == whole
    assert run.predict(points, backend="ngspice").tolist() == answers.tolist()
    with pytest.raises(TaskError, match="3 per sample, the encoding was made for 2"):
        run.predict(np.ones((4, 3)))


def test_accuracy_is_that_of_the_confusion(finished):
    result = Run.load(finished[0] / "run").result
    for name in ("", "test_"):
        confusion = np.array(result[f"{name}confusion"])
        assert result[f"{name}accuracy"] == np.trace(confusion) / confusion.sum()
    assert np.array(result["test_confusion"]).sum(axis=1).tolist() == [5, 5, 5]


def test_lists_and_tables_tell_the_accuracy(finished):
    folder, _ = finished
    result = Run.load(folder / "run").result
    found = find_runs(folder).runs[0]
    assert (found.accuracy, found.test_accuracy) == (result["accuracy"], result["test_accuracy"])
    listed = command("runs", folder)
    assert "in the test" in listed.stdout
    assert f"{result['test_accuracy']:.4g}" in listed.stdout
    said = command("train", folder / "dots.toml", "--no-save", "--epochs", 1)
    assert "in the test" in said.stdout
    assert "test samples of   as blue   as green   as red" in said.stdout
    told = json.loads(command("train", folder / "dots.toml", "--no-save", "--epochs", 1, "--json").stdout)
    assert told["steps"] == 4
    assert np.sum(told["confusion"]) == 45


def test_it_is_drawn_and_reported(finished, tmp_path):
    folder, _ = finished
    assert command("plot", folder / "run", "--out", tmp_path / "run.svg").exit_code == 0
    drawn = (tmp_path / "run.svg").read_text()
    assert drawn.count("<!-- answer -->") == 1
    assert drawn.count("<!-- accuracy [1] -->") == 1
    assert command("report", folder / "run", "--out", tmp_path / "run.html").exit_code == 0
    page = (tmp_path / "run.html").read_text()
    row = Run.load(folder / "run").result["test_confusion"][0]
    assert "<td>blue</td>" + "".join(f"<td>{count}</td>" for count in row) in page


@pytest.mark.parametrize("after", [4, 6])
def test_scores_of_a_run_that_was_cut_off_are_those_of_one_that_was_not(finished, tmp_path, after):
    folder, outcome = finished
    run = Run.create(tmp_path / "cut", load_experiment(folder / "dots.toml"))

    def cut(done, total, loss):
        if done == after:
            raise KeyboardInterrupt

    run.go(cut)
    assert [score.step for score in Run.load(run.folder).history.scores] == [0, 4]
    found = Run.load(run.folder).resume()
    for name, column in vars(outcome.scores).items():
        assert getattr(found.scores, name).tolist() == column.tolist()
    assert [score.step for score in Run.load(run.folder).history.scores] == [0, 4, 8, 12]


def test_a_task_without_labels_has_nothing_to_predict(tmp_path):
    file = tmp_path / "kite.toml"
    task = "[task]\ninputs = [[1.0, 0.0]]\ntargets = [[0.6, 0.5, 0.4]]\n"
    file.write_text(f"[circuit]\nbuilder = 'kite'\n{task}[rule]\nname = 'ep'\n[train]\nsteps = 1\nlearning_rate = 0.1\n")
    run = Run.create(tmp_path / "run", load_experiment(file))
    run.go()
    assert "scores" not in run.result
    with pytest.raises(ExperimentError, match="its task has no labels"):
        run.predict([[1.0, 0.0]])


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("result.json", "confusion", [[1, 2], [3]]),
        ("result.json", "test_accuracy", 1.5),
        ("result.json", "scores", {"unit": "V²"}),
        ("run.json", "classifier", {"classes": ["a", "b"], "class_targets": [[1.0]], "encoding": None}),
    ],
)
def test_a_damaged_folder_is_refused_by_name(finished, tmp_path, file, key, value):
    shutil.copytree(finished[0] / "run", tmp_path / "run")
    path = tmp_path / "run" / file
    content = json.loads(path.read_text())
    assert key in content
    path.write_text(json.dumps({**content, key: value}))
    with pytest.raises(ExperimentError, match=rf"{file}.*{key}|{file}.*confusion"):
        Run.load(tmp_path / "run").result  # noqa: B018
