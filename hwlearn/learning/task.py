"""`Task`: what the circuit shall answer."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.drive import samples
from hwlearn.errors import DriveError, TaskError
from hwlearn.files import given
from hwlearn.network import Network
from hwlearn.text import read_decimal

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
            raise TaskError(f"task: {len(self.inputs)} samples of inputs, {len(self.targets)} of targets")
        if not len(self.inputs):
            raise TaskError("task: no samples")

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
        """The task of some of the samples."""
        return Task(self.inputs[chosen], self.targets[chosen])

    @classmethod
    def from_csv(cls, path: str | PathLike[str], inputs: Sequence[str], targets: Sequence[str]) -> Task:
        """A task from a CSV file with a header line.

        Args:
            path: comma separated, UTF-8; lines that start with # are comments.
            inputs, targets: names of the columns [V or A], in the order of the ports; case does not matter.

        Raises:
            TaskError: names file, line and column.
        """
        file = Path(path)
        try:
            text = given(file).decode("utf-8-sig")
        except FileNotFoundError:
            raise TaskError(f"{file}: no such file") from None
        except UnicodeDecodeError:
            raise TaskError(f"{file}: not UTF-8; save it as UTF-8") from None
        except OSError as error:
            raise TaskError(f"{file}: {error.strerror}") from None
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
        if len(lines) < 2:
            raise TaskError(f"{file}: needs a header line and one sample or more")
        header = [name.strip() for name in _cells(file, *lines[0])]
        position = {name.lower(): k for k, name in enumerate(header)}
        doubled = [name for k, name in enumerate(header) if position[name.lower()] != k]
        columns = []
        for name in (*inputs, *targets):
            if name.lower() not in position:
                close = get_close_matches(name.lower(), position, n=1)
                hint = f"; did you mean {header[position[close[0]]]!r}?" if close else ""
                raise TaskError(f"{file}:{lines[0][0]}: no column {name!r} (there are {', '.join(header)}){hint}")
            if name.lower() in map(str.lower, doubled):
                raise TaskError(f"{file}:{lines[0][0]}: column {name!r} is given twice")
            columns.append(position[name.lower()])
        values = np.empty((len(lines) - 1, len(columns)))
        for row, (number, line) in enumerate(lines[1:]):
            cells = _cells(file, number, line)
            if len(cells) != len(header):
                raise TaskError(f"{file}:{number}: {len(cells)} values for {len(header)} columns")
            for k, column in enumerate(columns):
                try:
                    values[row, k] = read_decimal(cells[column])
                except ValueError:
                    values[row, k] = np.nan
                if not np.isfinite(values[row, k]):
                    raise TaskError(f"{file}:{number}: column {header[column]!r}: {cells[column]!r} is not a finite number")
        return cls(values[:, : len(inputs)], values[:, len(inputs) :])


def _cells(file: Path, number: int, line: str) -> list[str]:
    try:
        return next(csv.reader([line]))
    except csv.Error as error:
        raise TaskError(f"{file}:{number}: no line of a CSV file: {error}") from None
