"""Experiment files that classify: labels, encoding, split, epochs, and what is refused of them."""

import csv
from pathlib import Path

import numpy as np
import pytest
from dots import FILE, dots

from hwlearn import CrossEntropy, EquilibriumPropagation, ExactCircuit, Task, train
from hwlearn.errors import ExperimentError
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.experiments.runs import Run
from hwlearn.experiments.sweeps import run_sweep
from hwlearn.network.builders import crossbar


@pytest.fixture
def folder(tmp_path):
    points, colours = dots()
    with (tmp_path / "dots.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "colour", "y"])
        writer.writerows([repr(x), colour, repr(y)] for (x, y), colour in zip(points.tolist(), colours, strict=True))
    (tmp_path / "dots.toml").write_text(FILE)
    return tmp_path


def changed(folder: Path, old: str, new: str) -> Path:
    assert old in FILE
    file = folder / "changed.toml"
    file.write_text(FILE.replace(old, new))
    return file


def test_the_file_says_what_python_says(folder):
    outcome = run_experiment(load_experiment(folder / "dots.toml"))
    points, colours = dots()
    task, test = Task.classification(points, colours).split(0.25, seed=1)
    circuit = ExactCircuit(crossbar(2, 3, rails=(0.0, 1.0), seed=3))
    rule = EquilibriumPropagation(loss=CrossEntropy(0.05), symmetric=True)
    result = train(circuit, task, rule, epochs=3, batch_size=10, learning_rate="auto", decay=0.9, test=test)
    assert list(outcome.conductances.values()) == result.conductances.tolist()
    assert outcome.steps == 3 * (45 // 10)


def test_samples_of_csv_npz_and_the_file_itself_are_the_same(folder):
    points, colours = dots()
    np.savez(folder / "dots.npz", xy=points, colour=np.array(colours))
    inline = f"inputs = {points.tolist()}\nlabels = {colours}\n"
    sources = [
        folder / "dots.toml",
        changed(folder, 'data = "dots.csv"', 'data = "dots.npz"'),
        changed(folder, 'data = "dots.csv"\nlabels = "colour"\n', inline),
    ]
    for file in sources:
        experiment = load_experiment(file)
        expected = Task.classification(points, colours).split(0.25, seed=1)
        for found, wanted in zip((experiment.task, experiment.test), expected, strict=True):
            assert found.inputs.tolist() == wanted.inputs.tolist()
            assert found.labels.tolist() == wanted.labels.tolist()


def test_whole_numbers_are_labels_in_their_own_order(folder):
    rows = "\n".join(f"{k}.5,{label}" for k, label in enumerate([10, 9, 2, 10, 9, 2]))
    (folder / "dots.csv").write_text(f"x,colour\n{rows}\n")
    experiment = load_experiment(
        folder / "dots.toml", {"task.encoding": {"bias": 1.0}, "task.split": 0.5, "train.batch_size": 1}
    )
    assert experiment.task.classes == (2, 9, 10)
    assert experiment.task.inputs[:, 1].tolist() == [1.0, 1.0, 1.0]


def test_test_data_is_encoded_as_the_training_data(folder):
    (folder / "more.csv").write_text("x,y,colour\n3,5,red\n100,1,green\n")
    experiment = load_experiment(changed(folder, "split = 0.25\nsplit_seed = 1", 'test_data = "more.csv"'))
    points, _ = dots()
    low, high = points.min(axis=0), points.max(axis=0)
    expected = np.clip((np.array([[3.0, 5.0], [100.0, 1.0]]) - low) / (high - low), 0, 1)
    assert np.allclose(experiment.test.inputs, expected, atol=1e-15)
    assert experiment.test.labels.tolist() == ["red", "green"]
    assert len(experiment.task) == 60


def test_class_means_are_those_of_the_untrained_circuit(folder):
    experiment = load_experiment(folder / "dots.toml", {"task.class_means": 3.0})
    task, g = experiment.task, experiment.network.conductances.reshape(4, 3, 2)
    weights = g / g.sum(axis=0)  # a node between sources is at the mean of their voltages, weighted by conductance
    volts = np.column_stack((task.inputs, np.zeros(len(task)), np.ones(len(task))))
    outputs = volts @ (weights[:, :, 0] - weights[:, :, 1])
    mean = outputs.mean(axis=0)
    for k in range(3):
        expected = mean + 3.0 * (outputs[task.indices == k].mean(axis=0) - mean)
        assert np.allclose(task.class_targets[k], expected, atol=1e-13)
    assert experiment.test.class_targets.tolist() == task.class_targets.tolist()


def test_rates_by_pattern_hold_edges_apart(folder):
    rates = {"R1": 1e-9, "*": 5.0}
    network = load_experiment(folder / "dots.toml").network
    found = run_experiment(load_experiment(folder / "dots.toml", {"train.learning_rate": rates})).network.conductances
    moved = np.abs(found - network.conductances)
    assert 0 < moved[0] < 1e-7 < moved[1:].min()


def test_a_plain_task_is_split_too(folder):
    (folder / "plain.csv").write_text("V_i0,V_i1,a,b,c\n" + "".join(f"0.{k},0.5,0.1,0.2,0.{k}\n" for k in range(1, 9)))
    text = FILE.replace('"dots.csv"\nlabels = "colour"', '"plain.csv"\ntarget_columns = ["a", "b", "c"]')
    (folder / "plain.toml").write_text(text.replace('name = "cross-entropy"\nscale = 0.05', 'name = "squared-error"'))
    experiment = load_experiment(folder / "plain.toml", {"train.batch_size": 2})
    assert (len(experiment.task), len(experiment.test)) == (6, 2)
    both = {*experiment.task.inputs[:, 0].tolist(), *experiment.test.inputs[:, 0].tolist()}
    assert both == {k / 10 for k in range(1, 9)}


def test_steps_asked_for_take_the_place_of_the_epochs(folder):
    assert run_experiment(load_experiment(folder / "dots.toml", {"train.steps": 5})).steps == 5


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("epochs = 3", "epochs = 3\nsteps = 7", "[train]: steps = 7 and epochs = 3: give one of them"),
        ("epochs = 3", "epochs = -1", "train.epochs = -1: must be greater than or equal to 0"),
        ("epochs = 3", "epoch = 3", "unknown key train.epoch; did you mean train.epochs?"),
        ('"auto"', '"fast"', "train.learning_rate = 'fast': must be 'auto'"),
        ('"auto"', "-1.0", "train.learning_rate = -1.0: must be greater than 0"),
        ('"auto"', '{ "R*" = -1.0 }', "train.learning_rate = -1.0: must be greater than 0"),
        ('"auto"', "{}", "train.learning_rate"),
        ('"auto"', '"auto"\noptimizer = "adam"', "give adam a number"),
        ('"auto"', '{ "Q*" = 1.0, "*" = 1.0 }', "learning_rate: pattern 'Q*' fits no edge"),
        ('"auto"', '{ "R1*" = 1.0 }', "learning_rate: no pattern fits R2"),
        ("decay = 0.9", "decay = 1.5", "train.decay = 1.5: must be less than or equal to 1"),
        ("batch_size = 10", "batch_size = 46", "batch_size is 46; it must be between 1 and the 45 samples"),
        ("split = 0.25", "split = 1.0", "task.split = 1.0: must be less than 1"),
        ("split = 0.25\n", "", "split_seed: there is no split"),
        ("split_seed = 1", 'test_data = "dots.csv"', "split, test_data: give one of them"),
        ('"colour"', '"color"', "dots.csv:1: no column 'color' (there are x, colour, y); did you mean 'colour'?"),
        ('labels = "colour"', "encoding = {}", "encoding: for labels only"),
        ('labels = "colour"', "labels = [1, 2]", "labels: name their column in data"),
        ('data = "dots.csv"\n', "inputs = [[1.0, 2.0]]\n", "there is no data"),
        ('labels = "colour"', 'labels = "colour"\ntarget_columns = ["x"]', "give either labels or targets"),
        (
            'labels = "colour"',
            'labels = "colour"\nencoding = { volt = [0, 1] }',
            "task.encoding.volt; did you mean task.encoding.volts?",
        ),
        (
            'labels = "colour"',
            'labels = "colour"\nencoding = { volts = [1, 0] }',
            "[task.encoding]: volts = [1.0, 0.0]: give the lower end first",
        ),
        (
            'labels = "colour"',
            'labels = "colour"\nencoding = { bias = "1" }',
            "task.encoding.bias = '1': must be a valid number",
        ),
        ("split =", "encoding = { twins = true }\nsplit =", "4 input values per sample for 2 inputs"),
        ('"dots.csv"', '"none.csv"', "none.csv: no such file"),
        ('"dots.csv"', '"none.npz"', "none.npz: no such file"),
        ('"dots.csv"', '"text.npz"', "text.npz: no npz file of plain arrays"),
        ('"dots.csv"', '"pickled.npz"', "pickled.npz: no npz file of plain arrays"),
        ('"dots.csv"', '"other.npz"', "other.npz: no array 'colour' (there are xy, colours); did you mean 'colours'?"),
        ('"dots.csv"', '"nan.npz"', "nan.npz: array 'xy': sample 1 holds what is no finite number"),
        ('"dots.csv"', '"bad.csv"', "bad.csv:3: column 'y': 'much' is not a finite number"),
        ('"dots.csv"', '"empty.csv"', "empty.csv:3: column 'colour': empty"),
        ('"dots.csv"', '"one.csv"', "only one class, 'red'"),
    ],
)
def test_what_is_refused_names_file_and_key(folder, old, new, words):
    (folder / "text.npz").write_text("no archive")
    np.savez(folder / "pickled.npz", xy=np.ones((2, 2)), colour=np.array([None, {}], dtype=object))
    np.savez(folder / "other.npz", xy=np.ones((2, 2)), colours=["red", "blue"])
    np.savez(folder / "nan.npz", xy=np.array([[1.0, 2.0], [np.nan, 1.0]]), colour=["red", "blue"])
    (folder / "bad.csv").write_text("x,y,colour\n1,1,red\n1,much,blue\n")
    (folder / "empty.csv").write_text("x,y,colour\n1,1,red\n1,2,\n")
    (folder / "one.csv").write_text("x,y,colour\n1,1,red\n1,2,red\n")
    file = changed(folder, old, new)
    with pytest.raises(ExperimentError) as caught:
        run_experiment(load_experiment(file))
    assert str(caught.value).startswith(f"{file}: ")
    assert words in str(caught.value)


def test_a_label_that_no_training_sample_has_is_named_with_its_line(folder):
    (folder / "more.csv").write_text("# of another day\nx,y,colour\n3,5,red\n100,1,pink\n")
    file = changed(folder, "split = 0.25\nsplit_seed = 1", 'test_data = "more.csv"')
    with pytest.raises(
        ExperimentError, match=r"more\.csv:4: column 'colour': 'pink' is none of the classes .*'blue', 'green'"
    ):
        load_experiment(file).test  # noqa: B018


def test_keys_of_the_encoding_and_the_split_vary_in_sweeps(folder):
    (folder / "sweep.toml").write_text(
        'experiment = "dots.toml"\n[grid]\n"task.split_seed" = { low = 0, high = 1, count = 2 }\n'
        '"task.encoding.bias" = [0.5]\n"circuit.rows" = [3]\n"train.learning_rate" = ["auto", 0.1]\n'
    )
    results = run_sweep(folder / "sweep.toml", folder / "out", jobs=1)
    assert [row.state for row in results.rows] == ["steps"] * 4
    assert [row.overrides["task.split_seed"] for row in results.rows] == [0, 0, 1, 1]
    assert len({row.loss_final for row in results.rows}) == 4


@pytest.mark.parametrize("after", [0, 1, 6, 8])
def test_a_run_cut_off_within_an_epoch_goes_on_to_the_last_bit(folder, after):
    whole = Run.create(folder / "whole", load_experiment(folder / "dots.toml")).go()
    run = Run.create(folder / "cut", load_experiment(folder / "dots.toml"))

    def cut(done, total, loss):
        if done == after:
            raise KeyboardInterrupt

    run.go(cut)
    assert Run.load(run.folder).state == "interrupted"
    found = Run.load(run.folder).resume()
    assert found.conductances == whole.conductances
    assert found.losses.tolist() == whole.losses.tolist()


def test_a_run_goes_on_for_more_epochs_and_in_steps_instead(folder):
    longer = Run.create(folder / "longer", load_experiment(folder / "dots.toml", {"train.epochs": 5})).go()
    run = Run.create(folder / "run", load_experiment(folder / "dots.toml"))
    run.go()
    assert run.resume() is None
    assert run.resume(overrides={"train.steps": 16}).steps == 16
    assert run.resume(overrides={"train.epochs": 5}).conductances == longer.conductances


def test_other_test_data_are_another_task(folder):
    (folder / "more.csv").write_text("x,y,colour\n3,5,red\n")
    file = changed(folder, "split = 0.25\nsplit_seed = 1", 'test_data = "more.csv"')
    run = Run.create(folder / "run", load_experiment(file))
    run.go()
    (folder / "more.csv").write_text("x,y,colour\n3,5,blue\n")
    with pytest.raises(ExperimentError, match="the task is another one"):
        Run.load(run.folder, file).resume()
