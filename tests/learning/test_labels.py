"""Labels of any type come back as they went in, from tables of any kind."""

import datetime
import enum
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn import ExactCircuit, Task, predict
from hwlearn.errors import TaskError
from hwlearn.learning.frame import Frame
from hwlearn.network.builders import crossbar


class Species(enum.Enum):
    SETOSA = 1
    VIRGINICA = 2


def task_of(labels):
    return Task.classification(np.arange(len(labels), dtype=np.float64)[:, None], labels)


KINDS = {
    "enumeration": [Species.VIRGINICA, Species.SETOSA],
    "date": [datetime.date(2021, 1, 1), datetime.date(2020, 1, 1)],
    "tuple": [(1, "b"), (1, "a")],
    "fraction": [Fraction(2, 3), Fraction(1, 3)],
    "large": [2**70, -(2**70)],
    "set": [frozenset("ab"), frozenset("c")],
    "mixed": ["a", 1],
    "type": [str, int],
    "bytes": [b"x\0", b"x"],
    "text": ["b", "a"],
    "truth": [True, False],
}


@pytest.mark.parametrize("labels", KINDS.values(), ids=KINDS.keys())
def test_labels_of_any_type_come_back(labels):
    task = task_of(labels * 3)
    assert [(type(one), one) for one in task.labels.tolist()] == [(type(one), one) for one in labels * 3]
    assert set(task.classes) == set(labels)
    part, test = task.split(test=0.34, seed=1)
    assert set(part.labels.tolist()) == set(test.labels.tolist()) == set(labels)
    answers = predict(ExactCircuit(crossbar(1, 2, rails=(0.0, 1.0), seed=0)), test.inputs, test)
    assert set(answers.tolist()) <= set(labels)
    assert list(Task.from_frame({"x": range(6), "kind": labels * 3}, labels="kind").labels) == labels * 3


def test_times_of_numpy_and_pandas_keep_their_type():
    times = np.array(["2021-01-01", "2020-01-01"] * 2, dtype="datetime64[ns]")
    assert task_of(times).classes == tuple(np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[ns]"))
    assert task_of(times).labels.dtype == times.dtype
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "when": times})
    assert (Task.from_frame(frame, labels="when").labels == times).all()


@given(st.lists(st.one_of(st.text(), st.integers(), st.booleans(), st.binary(), st.dates()), min_size=2, max_size=12))
@settings(max_examples=60, deadline=None)
def test_whatever_is_mixed(labels):
    if len(set(labels)) < 2:
        return
    task = task_of(labels)
    assert list(task.labels) == labels
    assert [task.classes[k] for k in task.indices] == labels
    assert len(task.classes) == len(set(labels))


def test_classes_without_an_order_stand_as_they_came():
    """Sets are ordered in part, by inclusion, and hash by a seed that differs from process to process."""
    assert task_of([frozenset("c"), frozenset("ab"), frozenset("c")]).classes == (frozenset("c"), frozenset("ab"))
    assert task_of([10, 9, 10]).classes == (9, 10)


def test_tables_of_any_kind_are_the_same():
    pandas = pytest.importorskip("pandas")
    rows = [(1.0, 0, "a"), (2.0, 1, "b"), (3.0, 0, "b")]
    structured = np.array(rows, dtype=[("x", float), ("y", int), ("kind", "U1")])
    numbered = pandas.DataFrame(rows, columns=[1, 2, "kind"])
    columns = {"x": [1.0, 2.0, 3.0], "y": (0, 1, 0), "kind": iter("abb")}
    for frame in (structured, columns, pandas.DataFrame(structured), numbered):
        task = Task.from_frame(frame, labels="kind")
        np.testing.assert_array_equal(task.inputs, [[0, 0], [0.5, 1], [1, 0]])
        assert task.labels.tolist() == ["a", "b", "b"]
    assert Frame(numbered).names == ("1", "2", "kind")
    numbered.columns = range(3)  # as pandas numbers the columns of an array
    assert Task.from_frame(numbered, inputs=[0, 1], labels=2).labels.tolist() == ["a", "b", "b"]


@pytest.mark.parametrize(
    ("frame", "options", "words"),
    [
        ({"x": [1.0, 2.0], "y": ["a", "b"]}, {"targets": ["x"]}, "column 'y': could not convert"),
        ({"x": [1.0, np.nan], "y": ["a", "b"]}, {"labels": "y"}, "column 'x': sample 1 is nan"),
        ({"x": [1.0, 2.0], "z": [1.0], "y": ["a", "b"]}, {"labels": "y"}, "column 'z': 1 samples, column 'x' has 2"),
        ({"y": ["a", "b"]}, {"labels": "y"}, "no columns of numbers are left"),
        ({"x": [1.0, 2.0], "y": ["a", {}]}, {"labels": "y"}, r"labels: sample 1 is \{\}"),
        ({"x": [1.0, 2.0], "y": ["a", "b"]}, {"labels": "xx"}, "no column 'xx' .*did you mean 'x'"),
        (np.zeros((2, 2)), {"labels": "y"}, "without names of its columns"),
        (None, {"labels": "y"}, "None is no table"),
        ({"x": np.ma.array([1.0, 2.0], mask=[0, 1]), "y": [0, 1]}, {"labels": "y"}, "^column 'x': values: a masked array"),
        ({"x": [1.0, 2.0], "y": np.ma.array([0, 1], mask=[0, 1])}, {"labels": "y"}, "^labels: a masked array"),
    ],
)
def test_what_a_table_lacks_is_named(frame, options, words):
    with pytest.raises(TaskError, match=words):
        Task.from_frame(frame, **options)


def test_missing_labels_and_doubled_columns_are_refused():
    pandas = pytest.importorskip("pandas")
    one = pandas.DataFrame({"x": [1.0, 2.0], "kind": pandas.array(["a", None], dtype="string")})
    with pytest.raises(TaskError, match="labels: sample 1 has none"):
        Task.from_frame(one, labels="kind")
    with pytest.raises(TaskError, match="2 columns are called 'x'"):
        Task.from_frame(pandas.concat([one, one[["x"]]], axis=1), labels="kind")


@pytest.mark.parametrize("labels", [None, 5])
def test_what_is_no_list_of_labels_is_told(labels):
    with pytest.raises(TaskError, match=f"labels: {labels}; need one label for each sample"):
        Task.classification([[0.0], [1.0]], labels)
