"""Labels of any type that can be a key: text, numbers, dates, members of an enumeration, tuples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwlearn.errors import NetworkError, TaskError
from hwlearn.network.arguments import unmasked

KINDS: Mapping[type, str] = {
    bool: "b",
    int: "iu",
    float: "f",
    complex: "c",
    str: "U",
    bytes: "S",
    np.datetime64: "M",
    np.timedelta64: "m",
}
"""Types that arrays of numpy hold as they are, and the kinds of these arrays."""


def listed(labels: Any) -> list[Any]:
    """(S,) labels as objects, those of numpy as Python's own where it has them.

    Raises:
        TaskError: not one label for each sample, one that is missing, or one that can be no key.
    """
    if not isinstance(labels, Iterable):
        raise TaskError(f"labels: {labels!r}; need one label for each sample")
    try:
        unmasked(labels, "labels")
    except NetworkError as error:
        raise TaskError(str(error)) from None
    if hasattr(labels, "__array__"):
        array = np.asarray(labels)
        array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
        if array.ndim != 1:
            raise TaskError(f"labels: shape {array.shape}, need one label for each sample")
        given = list(array)
    else:
        given = list(labels)
        if given and all(isinstance(row, list) and len(row) == 1 for row in given):  # a column
            given = [row[0] for row in given]
    found = [one.item() if isinstance(one, np.generic) and one.dtype.kind not in "mM" else one for one in given]
    for sample, label in enumerate(found):
        try:
            hash(label)
        except TypeError:
            raise TaskError(
                f"labels: sample {sample} is {label!r}; need one label for each sample, such as a text, a number or a tuple"
            ) from None
        if _missing(label):
            raise TaskError(f"labels: sample {sample} has none ({label})")
    return found


def _missing(label: Any) -> bool:
    """None, and what is not equal to itself: NaN, NaT. What cannot say so, as pandas.NA, is missing too."""
    try:
        return label is None or bool(label != label)  # noqa: PLR0124
    except TypeError:
        return True


def classes_of(labels: Sequence[Any]) -> tuple[Any, ...]:
    """Each label once, sorted; in the order of their first samples where they have no order."""
    found = tuple(dict.fromkeys(labels))
    try:
        ordered = tuple(sorted(found))
        return ordered if all(bool(one < two) for one, two in pairwise(ordered)) else found  # sets are sorted in part only
    except TypeError:
        return found


def indices_of(labels: Sequence[Any], classes: Sequence[Any]) -> NDArray[np.intp]:
    """(S,) which of the classes each label is.

    Raises:
        TaskError: it is none of them.
    """
    position = {label: k for k, label in enumerate(classes)}
    for sample, label in enumerate(labels):
        if label not in position:
            raise TaskError(f"labels: sample {sample} is {label!r}; the classes are {', '.join(map(repr, classes))}")
    return np.array([position[label] for label in labels], dtype=np.intp)


def as_array(labels: Sequence[Any]) -> NDArray[Any]:
    """Labels as an array that may be indexed: of their own kind, or of objects where numpy has none for them."""
    kinds = {type(label) for label in labels}
    if len(kinds) == 1 and (kind := KINDS.get(kinds.pop())):
        array = np.array(labels)
        if array.dtype.kind in kind and all(one == label for one, label in zip(array, labels, strict=True)):
            return array
    array = np.empty(len(labels), dtype=object)
    array[:] = labels
    return array
