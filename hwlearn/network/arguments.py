"""How `Network` reads what it is given."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.errors import NetworkError
from hwlearn.network.ports import Port, Source
from hwlearn.text import did_you_mean

P = TypeVar("P", Source, Port)


def ports(specs: Iterable[Any], read: Callable[[Any], P]) -> tuple[P, ...]:
    """Ports from a list of descriptions. A text alone is a list of one, not of its letters."""
    return tuple(map(read, [specs] if isinstance(specs, str | Source | Port) else specs))


def no_doubles(names: Sequence[str], what: str) -> None:
    """Refuse a name that is given twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise NetworkError(f"{what} {name!r} is given twice; leave one out, or rename it")
        seen.add(name)


def unmasked(values: object, what: str) -> None:
    """Refuse a masked array: its mask would be lost, and what it hides be taken for a value.

    Raises:
        NetworkError: names the argument.
    """
    if isinstance(values, np.ma.MaskedArray) or (
        isinstance(values, list | tuple) and any(isinstance(value, np.ma.MaskedArray) for value in values)
    ):
        raise NetworkError(
            f"{what}: a masked array; give what is not masked as an ordinary array, .compressed() or .filled(…)"
        )


def per_edge(values: ArrayLike, shape: tuple[int], what: str) -> NDArray[np.float64]:
    """(E,) copy of one value or (E,) values."""
    unmasked(values, what)
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:  # text, complex numbers, rows of different lengths, 10**400
        raise NetworkError(f"{what}: {error}") from None
    if array.shape not in ((), shape):
        raise NetworkError(f"{what}: shape {array.shape}, need one value or {shape}")
    return np.broadcast_to(array, shape).copy()


def mask_of(trainable: ArrayLike | Iterable[str] | None, names: Sequence[str], what: str = "trainable") -> NDArray[np.bool_]:
    """(E,) mask from a mask or from name patterns, which ignore case."""
    if trainable is None:
        return np.ones(len(names), dtype=bool)
    unmasked(trainable, what)
    if not isinstance(trainable, Iterable):
        raise NetworkError(f"{what} is {trainable!r}; give patterns of names, or a mask")
    chosen = [trainable] if isinstance(trainable, str) else list(trainable)
    if chosen and all(isinstance(pattern, str) for pattern in chosen):
        mask = np.zeros(len(names), dtype=bool)
        for pattern in chosen:
            hits = [fnmatch.fnmatchcase(name.lower(), str(pattern).lower()) for name in names]
            if not any(hits):
                raise NetworkError(f"{what} pattern {pattern!r} fits no edge{did_you_mean(str(pattern), names)}")
            mask |= hits
        return mask
    array = np.array(chosen, dtype=bool)
    if array.shape not in ((len(names),), (0,)):
        raise NetworkError(f"{what} mask has shape {array.shape}, need ({len(names)},)")
    return array if array.size else np.zeros(len(names), dtype=bool)
