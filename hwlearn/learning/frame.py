"""`Frame`: named columns of a table in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import TaskError
from hwlearn.learning.conversion import converted
from hwlearn.text import did_you_mean


class Frame:
    """A DataFrame of pandas or polars, a table of pyarrow, a dict of columns, or a structured array of numpy.

    Attributes:
        names: of the columns, as text.

    Raises:
        TaskError: two columns have one name, or it is no table.
    """

    def __init__(self, frame: Any) -> None:
        if not hasattr(frame, "__iter__"):
            raise TaskError(f"from_frame: {frame!r} is no table; give a DataFrame, or a dict of columns")
        keys = frame.dtype.names if isinstance(frame, np.ndarray) else _keys(frame)
        if keys is None:
            raise TaskError("from_frame: an array without names of its columns; pass it to Task or Task.classification")
        self._frame, self._key = frame, {str(key): key for key in keys}
        self.names = tuple(map(str, keys))
        for name, count in Counter(self.names).items():
            if count > 1:
                raise TaskError(f"from_frame: {count} columns are called {name!r}; rename one")

    def column(self, name: str) -> Any:
        """One column, as the table has it.

        Raises:
            TaskError: there is none of that name.
        """
        if name not in self._key:
            raise TaskError(f"no column {name!r} (there are {', '.join(self.names)}){did_you_mean(name, self.names)}")
        return self._frame[self._key[name]]

    def numbers(self, names: Sequence[str]) -> Array:
        """(S, len(names)) finite numbers.

        Raises:
            TaskError: names column and sample.
        """
        found = [self._numbers(name) for name in names]
        if not found:
            raise TaskError(f"from_frame: no columns of numbers are left (there are {', '.join(self.names)})")
        for name, values in zip(names, found, strict=True):
            if len(values) != len(found[0]):
                raise TaskError(f"column {name!r}: {len(values)} samples, column {names[0]!r} has {len(found[0])}")
        return np.column_stack(found)

    def _numbers(self, name: str) -> Array:
        values = converted(self.column(name), "values", f"column {name!r}")
        if values.ndim != 1:
            raise TaskError(f"column {name!r}: shape {values.shape}, need a number for each sample")
        if len(strange := np.flatnonzero(~np.isfinite(values))):
            raise TaskError(f"column {name!r}: sample {strange[0]} is {values[strange[0]]}")
        return values


def _keys(frame: Any) -> list[Any]:
    """What columns are found by; `columns` of pyarrow are no names."""
    return list(getattr(frame, "column_names", getattr(frame, "columns", frame)))
