"""`TaskTable`: the table `[task]` of an experiment file, and the samples that it describes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveFloat, model_validator

from hwlearn.circuits.exact.backend import ExactBackend
from hwlearn.errors import TaskError
from hwlearn.learning.classification import Classification
from hwlearn.learning.data_files import DataFile, data_file
from hwlearn.learning.task import Task
from hwlearn.network import Network
from hwlearn.toml import Table


def _rows(value: object) -> object:
    """One sample may come without its outer brackets."""
    return [value] if isinstance(value, list) and value and not any(isinstance(item, list) for item in value) else value


Rows = Annotated[list[list[float]], BeforeValidator(_rows), Field(min_length=1)]
Labels = Annotated[list[str | int | float | bool], Field(min_length=2)]

LABELLED = ("encoding", "class_means")
"""Keys that are for labels only."""


class EncodingTable(Table):
    """How features become input voltages: see `hwlearn.learning.encoding.Encoding`."""

    volts: Annotated[list[float], Field(min_length=2, max_length=2)] = Field(default_factory=lambda: [0.0, 1.0])
    twins: bool = False
    bias: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.volts[0] >= self.volts[1]:
            raise ValueError(f"volts = {self.volts}: give the lower end first")
        return self


class TaskTable(Table):
    """`[task]`: samples in the file, or in a CSV or npz file beside it; with labels it is a classification.

    Attributes:
        inputs, targets: (S, n_in) V (A for current inputs) and (S, n_out) V. With labels, inputs are features of any unit.
        labels: the column of labels in `data`, or (S,) labels for `inputs`: texts, numbers.
        data: CSV file with a header line, or npz file, relative to the experiment file.
        input_columns, target_columns: its columns, or arrays; the names of the ports if not given. With labels, inputs are all
            other columns.
        test_data: a file like `data`, whose samples are only scored.
        split: part of the samples that is kept for the test, of each class alike, such as 0.25.
        split_seed: which samples these are; 0 if not given.
        encoding: makes inputs of features; fitted to the training samples.
        class_means: targets are not one-hot, but the mean outputs of the classes in the untrained circuit, moved apart by this
            factor: see `hwlearn.learning.classification.Classification.with_class_means`.
    """

    inputs: Rows | None = None
    targets: Rows | None = None
    labels: str | Labels | None = None
    data: str | None = None
    input_columns: list[str] | None = None
    target_columns: list[str] | None = None
    test_data: str | None = None
    split: Annotated[float, Field(gt=0, lt=1)] | None = None
    split_seed: NonNegativeInt | None = None
    encoding: EncodingTable | None = None
    class_means: PositiveFloat | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = self.model_fields_set
        if self.data is None:
            if others := sorted(given & {"input_columns", "target_columns", "test_data"}):
                raise ValueError(f"{', '.join(others)}: for a CSV file only; give data as well")
            if self.inputs is None or (self.targets is None and self.labels is None):
                raise ValueError("give inputs and targets, or data")
            if isinstance(self.labels, str):
                raise ValueError(f"labels = {self.labels!r} is a column, and there is no data; give a list of labels, or data")
        else:
            if others := sorted(given & {"inputs", "targets"}):
                raise ValueError(f"{', '.join(others)}: give either data or inputs and targets")
            if isinstance(self.labels, list):
                raise ValueError("labels: name their column in data")
        if self.labels is None and (others := [key for key in LABELLED if key in given]):
            raise ValueError(f"{', '.join(others)}: for labels only; give labels as well")
        if self.labels is not None and (others := sorted(given & {"targets", "target_columns"})):
            raise ValueError(f"{', '.join(others)}: give either labels or targets")
        if self.split is not None and self.test_data is not None:
            raise ValueError("split, test_data: give one of them")
        if self.split is None and self.split_seed is not None:
            raise ValueError("split_seed: there is no split; give split as well")
        return self

    def samples(
        self, network: Network, beside: Callable[[str], Path], ports: tuple[Sequence[str], Sequence[str]]
    ) -> tuple[Task, Task | None]:
        """Training samples, and those for the test if there are any.

        Args:
            network: untrained. beside: where a file is that is named here. ports: names of inputs and outputs.

        Raises:
            TaskError: names the file and the line, or the key.
        """
        task, test = self._labelled(beside) if self.labels is not None else self._plain(beside, ports)
        if self.split is not None:
            task, test = task.split(self.split, self.split_seed or 0)
        for one in (task, test):
            if one is not None:
                one.check(network)
        if self.class_means is not None:
            assert isinstance(task, Classification)
            with ExactBackend(name="exact").circuit(network, beside(".")) as circuit:
                task = task.with_class_means(circuit, self.class_means)
            test = test.with_class_targets(task.class_targets) if isinstance(test, Classification) else None
        return task, test

    def _plain(self, beside: Callable[[str], Path], ports: tuple[Sequence[str], Sequence[str]]) -> tuple[Task, Task | None]:
        if self.data is None:
            for name in ("inputs", "targets"):
                self._even(name)
            assert self.inputs is not None
            assert self.targets is not None
            return Task(self.inputs, self.targets), None
        inputs, targets = self.input_columns or ports[0], self.target_columns or ports[1]

        def read(name: str) -> Task:
            data = data_file(beside(name))
            return Task(data.numbers(inputs), data.numbers(targets))

        return read(self.data), None if self.test_data is None else read(self.test_data)

    def _labelled(self, beside: Callable[[str], Path]) -> tuple[Classification, Classification | None]:
        encoding = {} if self.encoding is None else self.encoding.model_dump()
        if self.data is None:
            self._even("inputs")
            assert self.inputs is not None
            return Task.classification(self.inputs, self.labels, **encoding), None
        column = str(self.labels)
        data = data_file(beside(self.data))
        features = self.input_columns or data.others(column)
        task = Task.classification(data.numbers(features), data.labels(column), **encoding)
        if self.test_data is None:
            return task, None
        other = data_file(beside(self.test_data))
        return task, task.like(other.numbers(features), _of_classes(task.classes, other, column))

    def _even(self, name: str) -> None:
        if len({len(row) for row in getattr(self, name)}) > 1:
            raise TaskError(f"task.{name}: the samples have different lengths")


def _of_classes(classes: tuple[Any, ...], data: DataFile, column: str) -> list[Any]:
    """Labels of test data as those of the training samples, where they are written alike."""
    known, found = {str(one): one for one in classes}, []
    for sample, label in enumerate(data.labels(column)):
        if str(label) not in known:
            raise TaskError(
                f"{data.place(sample)}: column {column!r}: {label!r} is none of the classes of the training samples "
                f"({', '.join(map(repr, classes))})"
            )
        found.append(known[str(label)])
    return found
