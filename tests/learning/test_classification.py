"""Tasks with labels: from numbers to volts, split, trained, judged, on every circuit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn import (
    CrossEntropy,
    EquilibriumPropagation,
    ExactCircuit,
    Hinge,
    NgspiceCircuit,
    Task,
    evaluate,
    predict,
    train,
)
from hwlearn.errors import HwlearnError, TaskError
from hwlearn.learning.encoding import Encoding
from hwlearn.network.builders import crossbar, kite

RULE = EquilibriumPropagation(loss=CrossEntropy(scale=0.05), symmetric=True)


def blobs(seed=0, count=90):
    """Three clouds in the plane, and their names."""
    random = np.random.default_rng(seed)
    indices = np.arange(count) % 3
    return np.array([[0.0, 0.0], [5, 1], [1, 6]])[indices] + random.normal(size=(count, 2)), np.array(["a", "b", "c"])[indices]


class TestTask:
    def test_labels_become_one_hot_targets(self):
        task = Task.classification([[1.0, 5.0], [3.0, 5.0], [2.0, 5.0]], ["x", "y", "x"], volts=(-1.0, 1.0), bias=0.5)
        np.testing.assert_array_equal(task.inputs, [[-1, -1, 0.5], [1, -1, 0.5], [0, -1, 0.5]])
        np.testing.assert_array_equal(task.targets, [[1, 0], [0, 1], [1, 0]])
        assert task.classes == ("x", "y")
        assert task.labels.tolist() == ["x", "y", "x"]

    def test_twins_are_the_negative(self):
        task = Task.classification([[0.0], [4.0], [1.0]], [True, False, True], twins=True)
        np.testing.assert_array_equal(task.inputs, [[0, 0], [1, -1], [0.25, -0.25]])
        assert task.classes == (False, True)

    @given(st.integers(0, 10**6), st.floats(0.1, 0.6))
    @settings(max_examples=40, deadline=None)
    def test_split_is_stratified_and_fits_the_encoding_to_the_training_part(self, seed, part):
        features, labels = blobs(seed)
        one, two = Task.classification(features, labels).split(test=part, seed=seed)
        assert len(one) + len(two) == 90
        assert abs(len(two) - 90 * part) <= 1
        for k in range(3):
            assert abs((two.indices == k).sum() - 30 * part) <= 1.5
        rows = {tuple(row) for row in np.vstack((one.features, two.features))}
        assert rows == {tuple(row) for row in features}
        np.testing.assert_allclose((one.inputs.min(axis=0), one.inputs.max(axis=0)), ([0, 0], [1, 1]))
        np.testing.assert_array_equal(one.encoding.low, one.features.min(axis=0))
        assert two.encoding is one.encoding
        assert ((two.inputs >= 0) & (two.inputs <= 1)).all()
        again = Task.classification(features, labels).split(test=part, seed=seed)[1]
        np.testing.assert_array_equal(again.features, two.features)

    def test_a_table_with_names(self):
        pandas = pytest.importorskip("pandas")
        content = {"long": [1.0, 2.0, 3.0], "kind": ["x", "y", "x"], "wide": [0.0, 1.0, 0.0]}
        for frame in (content, pandas.DataFrame(content)):
            task = Task.from_frame(frame, labels="kind")
            np.testing.assert_array_equal(task.inputs, [[0, 0], [0.5, 1], [1, 0]])
            plain = Task.from_frame(frame, inputs=["long"], targets=["wide"])
            np.testing.assert_array_equal(plain.targets, [[0], [1], [0]])
        with pytest.raises(TaskError, match=r"no column 'knd' .*did you mean 'kind'"):
            Task.from_frame(content, labels="knd")

    def test_test_data_of_the_same_kind(self):
        task = Task.classification([[0.0], [2.0]], [10, 20])
        np.testing.assert_array_equal(task.like([[1.0], [5.0]], [20, 10]).inputs, [[0.5], [1.0]])
        with pytest.raises(TaskError, match="sample 0 is 30; the classes are 10, 20"):
            task.like([[1.0]], [30])

    def test_class_means_are_moved_apart(self):
        features, labels = blobs()
        task, circuit = Task.classification(features, labels), ExactCircuit(crossbar(2, 3, rails=(0.0, 1.0), seed=1))
        outputs = evaluate(circuit, task).outputs
        means = np.array([outputs[labels == name].mean(axis=0) for name in "abc"])
        moved = task.with_class_means(circuit, amplitude=3.0)
        np.testing.assert_allclose(moved.class_targets, outputs.mean(axis=0) + 3 * (means - outputs.mean(axis=0)))
        np.testing.assert_array_equal(moved.targets[labels == "b"], np.tile(moved.class_targets[1], (30, 1)))

    @pytest.mark.parametrize(
        ("features", "labels", "words"),
        [
            ([[1.0], [2.0]], ["a", "a"], "only one class, 'a'"),
            ([[1.0], [2.0]], ["a"], "2 samples of features, 1 labels"),
            ([[1.0], [np.nan]], ["a", "b"], "sample 1, feature 0 is nan"),
            ([1.0, 2.0], ["a", "b"], r"need \(samples, features\)"),
            ([[1.0], [2.0]], ["a", None], "sample 1 has none"),
        ],
    )
    def test_nonsense_is_refused(self, features, labels, words):
        with pytest.raises(TaskError, match=words):
            Task.classification(features, labels)


def test_an_encoding_is_written_down_and_read():
    one = Encoding.fitted([[0.0, 1.0], [4.0, 3.0]], (-0.5, 0.5), twins=True, bias=0.3)
    two = Encoding.from_dict(one.as_dict())
    features = [[1.0, 2.5], [-9.0, 9.0]]
    np.testing.assert_array_equal(two(features), one(features))
    np.testing.assert_allclose(one(features)[0], [-0.25, 0.25, 0.3, 0.25, -0.25, -0.3])
    np.testing.assert_allclose(one(features)[1, :2], [-0.5, 0.5])  # beyond the range: at its ends


def test_predict_and_evaluate_are_what_the_outputs_say():
    features, labels = blobs()
    task = Task.classification(features, labels)
    network = crossbar(2, 3, rails=(0.0, 1.0), seed=2)
    with NgspiceCircuit(network) as ngspice:
        for circuit in (ExactCircuit(network), ngspice):
            found = evaluate(circuit, task, Hinge())
            highest = found.outputs.argmax(axis=1)
            np.testing.assert_array_equal(predict(circuit, task.inputs), highest)
            assert predict(circuit, task.inputs, task).tolist() == [("a", "b", "c")[k] for k in highest]
            assert found.accuracy == np.mean(np.array(["a", "b", "c"])[highest] == labels)
            assert found.loss == Hinge().judge(found.outputs, task.targets)[1]
            for k in range(3):
                for j in range(3):
                    assert found.confusion[k, j] == ((task.indices == k) & (highest == j)).sum()
    plain = evaluate(circuit := ExactCircuit(network), Task(task.inputs, task.targets))
    assert np.isnan(plain.accuracy)
    assert plain.confusion is None
    with pytest.raises(HwlearnError, match="no classes"):
        predict(circuit, task.inputs, Task(task.inputs, task.targets))


class TestTraining:
    def test_classes_are_learned_and_scored(self):
        task, test = Task.classification(*blobs()).split(seed=1)
        circuit = ExactCircuit(crossbar(2, 3, rails=(0.0, 1.0), seed=0))
        result = train(circuit, task, RULE, epochs=15, batch_size=10, decay=0.9, test=test)
        assert result.steps == 15 * (len(task) // 10)
        assert result.test_accuracy.shape == result.test_losses.shape == result.accuracy.shape == (16,)
        assert result.test_accuracy[0] < 0.7
        assert result.test_accuracy[-1] > 0.9
        last = evaluate(circuit, test, RULE.loss)
        assert (result.test_accuracy[-1], result.test_losses[-1]) == (last.accuracy, last.loss)
        assert result.train_losses[-1] == evaluate(circuit, task, RULE.loss).loss
        assert result.train_losses[-1] < 0.2 * result.train_losses[0]

    @pytest.mark.parametrize("batch_size", [7, None])
    def test_goes_on_as_if_never_cut_off(self, batch_size):
        task, test = Task.classification(*blobs()).split(seed=1)
        network, kept = crossbar(2, 3, rails=(0.0, 1.0), seed=0), {}
        options = {"epochs": 40 if batch_size is None else 5, "batch_size": batch_size, "learning_rate": "auto", "decay": 0.9}

        def keep(state):
            if state.step == 33:
                kept.update(state.snapshot())

        whole = train(ExactCircuit(network), task, RULE, **options, test=test, callbacks=[keep])
        rest = train(ExactCircuit(network), task, RULE, **options, test=test, start=kept)
        np.testing.assert_array_equal(rest.conductances, whole.conductances)
        assert rest.test_losses[-1] == whole.test_losses[-1]

    def test_rates_by_pattern_and_decay(self):
        network = kite([1, 1.5, 1.3, 1, 1, 1.7], trainable=["R1", "R2", "R3", "R4", "R5"])
        task, rule = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]]), EquilibriumPropagation(symmetric=True)
        rates = np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0])
        first = rule.direction(ExactCircuit(network), task)
        once = network.conductances + rates * first
        second = rule.direction(ExactCircuit(network.with_conductances(once)), task)
        given = {"R1": 0.5, "r*": 0.1}
        end = train(ExactCircuit(network), task, rule, epochs=2, learning_rate=given, decay=0.5).conductances
        np.testing.assert_allclose(end, once + 0.5 * rates * second, rtol=1e-12)
        for wrong, words in (
            ({"R1": 0.5}, "no pattern fits R2"),
            ({"X*": 1.0, "*": 1.0}, "'X.' fits no edge"),
            ("fast", "auto"),
        ):
            with pytest.raises(HwlearnError, match=words):
                train(ExactCircuit(network), task, rule, steps=1, learning_rate=wrong)
        with pytest.raises(HwlearnError, match="give one of them"):
            train(ExactCircuit(network), task, rule, steps=1, epochs=1, learning_rate=1.0)


def test_a_crossbar_has_a_resistor_from_each_source_to_both_sides_of_each_output():
    network = crossbar(4, 3, rails=(0.0, 1.0), seed=0)
    assert len(network.edges) == 36
    assert [source.value for source in network.fixed_sources] == [0.0, 1.0]
    assert network.output_names[0] == "p0,q0" or len(network.outputs) == 3
    assert ((network.conductances >= 0.5) & (network.conductances <= 2)).all()
    assert len(np.unique(network.conductances)) == 36
    assert (crossbar(4, 3, rails=(0.0, 1.0), seed=1).conductances != network.conductances).all()
