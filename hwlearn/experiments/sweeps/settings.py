"""`load_sweep`: from a TOML file to a checked `Sweep`.

    experiment = "kite.toml"                                      # relative to this file

    [grid]                                                        # each value with each other
    "rule.name" = ["ep", "cl"]
    "circuit.initial.seed" = { low = 0, high = 9, count = 10 }    # evenly from low to high; log = true by ratios

    [random]                                                      # each draw with each point of the grid
    count = 20
    seed = 0
    "train.learning_rate" = { low = 0.01, high = 1, log = true }

A key that takes whole numbers gets whole numbers, high included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args, get_origin

import numpy as np
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeInt,
    PositiveInt,
    Tag,
    ValidationError,
    model_validator,
)

from hwlearn.arrays import Array
from hwlearn.errors import ExperimentError
from hwlearn.experiments.settings import TABLES, keys_of, kind_of
from hwlearn.text import did_you_mean
from hwlearn.toml import SWEEP, Table, read_toml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MOST_CELLS = 1_000_000
"""Cells after which a sweep is taken for an accident."""


class Interval(Table):
    """From `low` to `high`; with `log`, equal ratios count alike."""

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        if self.log and self.low <= 0:
            raise ValueError("low must be positive for log")
        return self

    def at(self, fractions: Array) -> Array:
        """Values at fractions of the interval, 0 at `low` and 1 at `high`."""
        if self.log:
            values = self.low ** (1 - fractions) * self.high**fractions
        else:
            values = self.low * (1 - fractions) + self.high * fractions
        return np.clip(values, self.low, self.high)


class Steps(Interval):
    """`count` values, both ends among them."""

    count: Annotated[int, Field(ge=2)]


def _dotted(table: object) -> object:
    """`rule.name = …` without quotes is a table in TOML: taken for what it says."""
    if not isinstance(table, dict):
        return table
    found: dict[str, Any] = {}
    for key, value in table.items():
        inner = key in TABLES and isinstance(value, dict)
        found.update({f"{key}.{last}": content for last, content in value.items()} if inner else {key: value})
    return found


Values = Annotated[
    Annotated[list[Any], Field(min_length=1), Tag("values")] | Annotated[Steps, Tag("steps")],
    Discriminator(lambda value: "steps" if isinstance(value, dict | Steps) else "values"),
]


class RandomTable(Table):
    """`[random]`: `count` draws of all its axes together."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Interval]

    count: PositiveInt
    seed: NonNegativeInt = 0

    @property
    def axes(self) -> dict[str, Interval]:
        """The intervals by key."""
        return self.__pydantic_extra__


class SweepSettings(Table):
    """A whole sweep file."""

    experiment: str
    grid: Annotated[dict[str, Values], BeforeValidator(_dotted)] = Field(default_factory=dict)
    random: Annotated[RandomTable | None, BeforeValidator(_dotted)] = None

    @model_validator(mode="after")
    def _has_axes(self) -> Self:
        drawn = self.random.axes if self.random is not None else {}
        if not (self.grid or drawn):
            raise ValueError('nothing varies: give [grid] "rule.name" = ["ep", "cl"], or [random]')
        known = [f"{table}.{key}" for table in TABLES for key in keys_of(table)]
        for key in (*self.grid, *drawn):
            if key not in known and ":" not in key:
                raise ValueError(f"{key} is no key of an experiment{did_you_mean(key, known)}")
        if both := sorted(self.grid.keys() & drawn.keys()):
            raise ValueError(f"{both[0]} is in [grid] and in [random]: give it once")
        sizes = [v.count if isinstance(v, Steps) else len(v) for v in self.grid.values()]
        if (cells := math.prod(sizes) * (self.random.count if self.random is not None else 1)) > MOST_CELLS:
            raise ValueError(f"{cells} cells: a sweep has {MOST_CELLS} at most")
        for key, interval in {**self.grid, **drawn}.items():
            if not isinstance(interval, Interval):
                continue
            if not {int, float} & _kinds(key):
                raise ValueError(f"{key} is no number: list its values in [grid]")
            if whole(key) and not (interval.low.is_integer() and interval.high.is_integer()):
                raise ValueError(f"{key} takes whole numbers: low and high must be whole")
            if isinstance(interval, Steps) and (most := len(set(evenly(key, interval)))) < interval.count:
                raise ValueError(f"{key}: only {most} different values for a count of {interval.count}")
        return self


@dataclass(frozen=True)
class Sweep:
    """A checked sweep file; made by `load_sweep`.

    Attributes:
        settings: the file's content. path: the sweep file. source: all of it, as it was read.
    """

    settings: SweepSettings
    path: Path
    source: bytes

    @property
    def experiment(self) -> Path:
        """The experiment file."""
        return self.path.parent / self.settings.experiment

    @property
    def axes(self) -> tuple[str, ...]:
        """The keys that vary."""
        drawn = self.settings.random.axes if self.settings.random is not None else {}
        return (*self.settings.grid, *drawn)


def load_sweep(path: str | PathLike[str]) -> Sweep:
    """Read and check a sweep file.

    Raises:
        ExperimentError: names the file and the line or the key.
    """
    file = Path(path)
    source, content = read_toml(file, SWEEP, ExperimentError)
    try:
        settings = SweepSettings.model_validate(content)
    except ValidationError as error:
        raise ExperimentError(f"{file}: {'; '.join(map(_message, error.errors()))}") from None
    return Sweep(settings, file, source)


def evenly(key: str, steps: Steps) -> list[float]:
    """The values of an axis, to six digits of the least step between them; whole numbers where the key takes these."""
    values = steps.at(np.linspace(0, 1, steps.count))
    if whole(key):
        return [round(x) for x in values.tolist()]
    least = float(np.diff(values / np.abs(values).max()).min())
    digits = 17 if least <= 0 else min(6 + max(math.ceil(-math.log10(least)), 0), 17)
    return [float(f"{x:.{digits}g}") for x in values.tolist()]


def whole(key: str) -> bool:
    """Whether a key of an experiment takes whole numbers only."""
    return float not in _kinds(key)


def _kinds(key: str) -> set[Any]:
    table, _, name = key.partition(".")
    return _types(kind_of(table, name))


def _types(annotation: Any) -> set[Any]:
    """Plain types of an annotation, through unions and constraints."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (None, list, Literal):
        return {annotation if origin is None else origin}
    return set().union(*map(_types, inner[:1] if origin is Annotated else inner))


def _message(error: ErrorDetails) -> str:
    key = ": ".join(str(part) for part in error["loc"] if part not in ("values", "steps"))
    text = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    match error["type"]:
        case "extra_forbidden":
            where = SweepSettings.model_fields if len(error["loc"]) == 1 else Steps.model_fields
            return f"unknown key {key}{did_you_mean(str(error['loc'][-1]), where)}"
        case "missing":
            return f"{key} is missing"
        case "value_error":
            return f"{key}: {text}" if key else text
    return f"{key} = {error['input']!r}: must be {text}" if "Input should be" in error["msg"] else f"{key}: {text}"
