"""`Task`: what the circuit shall answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.drive import samples
from hwlearn.errors import DriveError, TaskError
from hwlearn.learning.columns import Columns
from hwlearn.learning.frame import Frame
from hwlearn.learning.splitting import part_of_each, shares
from hwlearn.network import Network

if TYPE_CHECKING:
    from hwlearn.learning.classification import Classification

BLOCK = 2**14
"""Samples that `condensed` takes at a time."""


LARGEST = 1e100
"""Volts or amperes of a task, whose squares and their products with conductances must be numbers still."""


@dataclass(frozen=True, eq=False, init=False)
class Task:
    """S samples of inputs and targets; losses are means over the samples.

    Args:
        inputs: (S, n_in) V (A for current inputs); (n_in,) is one sample.
        targets: (S, n_out) V.

    Raises:
        TaskError: not finite, beyond `LARGEST`, or different numbers of samples.
    """

    inputs: Array
    targets: Array

    def __init__(self, inputs: ArrayLike, targets: ArrayLike) -> None:
        for name, values in (("inputs", inputs), ("targets", targets)):
            try:
                array = samples(values, name).copy()
            except DriveError as error:
                raise TaskError(f"task: {error}") from None
            if np.abs(array).max(initial=0.0) > LARGEST:
                raise TaskError(f"task: {name} reach {np.abs(array).max():g}; squares of more than {LARGEST:g} overflow")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if len(self.inputs) != len(self.targets):
            raise TaskError(
                f"task: {len(self.inputs)} samples of inputs, {len(self.targets)} of targets{_flat(inputs, targets)}"
            )
        if not len(self.inputs):
            raise TaskError("task: no samples")

    def __repr__(self) -> str:
        return f"<Task: {len(self)} samples, {self.inputs.shape[1]} inputs, {self.targets.shape[1]} outputs>"

    def __len__(self) -> int:
        return len(self.inputs)

    def check(self, network: Network) -> None:
        """Refuse a task that does not fit the network's ports.

        Raises:
            TaskError: names the ports.
        """
        for array, names, what in (
            (self.inputs, network.input_names, "input"),
            (self.targets, network.output_names, "target"),
        ):
            if array.shape[1] != len(names):
                ports = "inputs" if what == "input" else "outputs"
                raise TaskError(
                    f"task: {array.shape[1]} {what} values per sample for {len(names)} {ports} ({', '.join(names) or 'none'})"
                )

    def condensed(self) -> Task:
        """A task of n_in + n_out + 1 samples (or this one, if it has no more) with the same first and second moments.

        What is quadratic in inputs and targets has the same mean over both. With z a sample's inputs and targets, μ their
        mean and Z − μ = Q U, the new samples are the corners of a simplex: μ + √(k/S) V U, where the columns of V (k×(k−1))
        are orthonormal and orthogonal to (1, …, 1). U comes from QR, block by block, and so is as exact as the samples.
        """
        ports = self.inputs.shape[1] + self.targets.shape[1]
        if len(self) <= ports + 1:
            return self
        mean = np.concatenate((self.inputs.mean(axis=0), self.targets.mean(axis=0)))
        triangle = np.empty((0, ports))
        for start in range(0, len(self), BLOCK):
            part = slice(start, start + BLOCK)
            block = np.concatenate((self.inputs[part], self.targets[part]), axis=1) - mean
            triangle = np.asarray(np.linalg.qr(np.concatenate((triangle, block)), mode="r"))
        corners = np.linalg.qr(np.concatenate((np.ones((ports + 1, 1)), np.eye(ports + 1, ports)), axis=1))[0][:, 1:]
        new = mean + np.sqrt((ports + 1) / len(self)) * corners @ triangle
        return Task(new[:, : self.inputs.shape[1]], new[:, self.inputs.shape[1] :])

    def batch(self, chosen: NDArray[np.intp]) -> Task:
        """The task of some of the samples, which were checked already."""
        part = object.__new__(Task)
        for name, values in (("inputs", self.inputs[chosen]), ("targets", self.targets[chosen])):
            values.setflags(write=False)
            object.__setattr__(part, name, values)
        return part

    @classmethod
    def classification(
        cls,
        features: ArrayLike,
        labels: Any,
        volts: Sequence[float] = (0.0, 1.0),
        *,
        twins: bool = False,
        bias: float | None = None,
        class_targets: ArrayLike | None = None,
    ) -> Classification:
        """A task of labelled samples.

        Args:
            features: (S, n) numbers; see `Encoding` for how they become inputs.
            labels: (S,) of any type that can be a key, such as text, numbers, dates, members of an enumeration.
            volts, twins, bias: see `Encoding`.
            class_targets: (K, n_out) V, a row for each of `classes`, which are sorted where they have an order; one-hot rows
                of 1 V if not given.

        Raises:
            TaskError: features that are no finite numbers, a missing label, or a single class.
        """
        from hwlearn.learning.classification import Classification

        return Classification.of(features, labels, class_targets, volts=volts, twins=twins, bias=bias)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        inputs: Sequence[str] | None = None,
        targets: Sequence[str] = (),
        labels: str | None = None,
        **options: Any,
    ) -> Task:
        """A task from a table with named columns, such as a pandas DataFrame or a dict of lists.

        Args:
            frame: the table; see `Frame`.
            inputs: columns that are inputs, or features where there are labels; all others if not given. A name that is a
                number may be given as one.
            targets: columns of targets [V]. Give these, or `labels`.
            labels: the column of labels; `options` are those of `Task.classification`.

        Raises:
            TaskError: a column that is not there; as in `Task` and `Task.classification`.
        """
        if (labels is None) == (not targets):
            raise TaskError("from_frame: give either the columns of targets, or that of labels")
        table = Frame(frame)
        named = tuple(map(str, (*targets, *([] if labels is None else [labels]))))
        given = [table.column(name) for name in named]  # before any number is looked at
        chosen = [name for name in table.names if name not in named] if inputs is None else list(map(str, inputs))
        if labels is not None:
            return cls.classification(table.numbers(chosen), given[0], **options)
        if options:
            raise TaskError(f"from_frame: {', '.join(options)}: for labels only")
        return Task(table.numbers(chosen), table.numbers(named))

    def split(self, test: float = 0.25, seed: int = 0) -> tuple[Task, Task]:
        """(training, test): `test` of the samples, drawn at random, are kept for the test.

        Raises:
            TaskError: no part between 0 and 1, or too few samples.
        """
        kept = part_of_each(np.zeros(len(self), dtype=np.intp), shares(test, len(self)), seed)
        return self.batch(np.flatnonzero(~kept)), self.batch(np.flatnonzero(kept))

    @classmethod
    def from_csv(cls, path: str | PathLike[str], inputs: Sequence[str], targets: Sequence[str]) -> Task:
        """A task from a CSV file with a header line.

        Args:
            path: see `Columns`.
            inputs, targets: names of the columns [V or A], in the order of the ports; case does not matter.

        Raises:
            TaskError: names file, line and column.
        """
        values = Columns(path).numbers([*inputs, *targets])
        return cls(values[:, : len(inputs)], values[:, len(inputs) :])


def _flat(inputs: ArrayLike, targets: ArrayLike) -> str:
    """What to do about inputs or targets that are flat where the others are a table, as the end of a message."""
    for name, one, other in (("targets", targets, inputs), ("inputs", inputs, targets)):
        if np.ndim(one) == 1 and np.ndim(other) == 2:
            return f"; {name} are flat, which is one sample: for one port give each sample its brackets, [[0.1], [0.2]]"
    return ""
