"""The cells of a sweep: each point of the grid with each random draw."""

from __future__ import annotations

import hashlib
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Any

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import ExperimentError, HwlearnError
from hwlearn.experiments import Experiment, load_experiment
from hwlearn.experiments.sweeps.settings import Interval, Steps, Sweep, SweepSettings, evenly, whole


@dataclass(frozen=True)
class Cell:
    """One variant of the experiment.

    Attributes:
        name: of its run folder, the same in each call. overrides: keys of the experiment and their values.
        experiment: with its files read; None if it is refused, for the reason `error`.
    """

    name: str
    overrides: dict[str, Any]
    experiment: Experiment | None
    error: str | None = None


def load_cells(
    sweep: Sweep, given: Mapping[str, Any] = MappingProxyType({}), *, trust: bool = False, trust_code: bool = False
) -> list[Cell]:
    """The cells in the order of the file; each is trained, also one with the overrides of another.

    Args:
        sweep: from `load_sweep`.
        given: overrides of the experiment under those of each cell.
        trust, trust_code: see `load_experiment`.

    Raises:
        ExperimentError: every cell is refused: the reason of the first.
    """
    known, named, contents = dict[str, Any](), Counter[str](), dict[bytes, bytes]()
    cells = list[Cell]()
    for overrides in _overrides(sweep.settings):
        name = _name(overrides)
        named[name] += 1
        if named[name] > 1:
            name = f"{name}~{named[name]}"  # "~" is in no other name
        try:
            experiment = load_experiment(sweep.experiment, {**given, **overrides}, trust=trust, trust_code=trust_code)
            experiment.read_files(known)
            for path, content in experiment.sources.items():  # in memory once, however many cells name it
                experiment.sources[path] = contents.setdefault(content, content)
            cells.append(Cell(name, overrides, experiment))
        except HwlearnError as error:
            cells.append(Cell(name, overrides, None, str(error)))
    if all(cell.experiment is None for cell in cells):
        raise ExperimentError(f"{sweep.path}: every cell is refused; the first: {cells[0].error}")
    return cells


def _overrides(settings: SweepSettings) -> list[dict[str, Any]]:
    grid = [evenly(key, values) if isinstance(values, Steps) else values for key, values in settings.grid.items()]
    points = [dict(zip(settings.grid, point, strict=True)) for point in product(*grid)]
    return [{**point, **draw} for point in points for draw in _draws(settings)]


def _draws(settings: SweepSettings) -> list[dict[str, Any]]:
    """More draws begin with the same ones; each axis has a stream of its own, so another axis changes none."""
    if settings.random is None:
        return [{}]
    count, axes = settings.random.count, settings.random.axes
    drawn = []
    for key, interval in axes.items():
        stream = np.random.default_rng([settings.random.seed, zlib.crc32(key.encode())])
        drawn.append(_drawn(key, interval, stream.random(count)))
    return [dict(zip(axes, values, strict=True)) for values in zip(*drawn, strict=True)]


def _drawn(key: str, interval: Interval, at: Array) -> list[float]:
    """Values for numbers uniform in [0, 1); whole numbers are equally likely, or by ratios if `log`."""
    if not whole(key):
        return interval.at(at).tolist()
    if not interval.log:
        interval = interval.model_copy(update={"low": interval.low - 0.5, "high": interval.high + 0.5})
    return [min(max(round(x), math.ceil(interval.low)), math.floor(interval.high)) for x in interval.at(at).tolist()]


def _name(overrides: dict[str, Any]) -> str:
    """Keys and values, if a folder can be called so on any system; otherwise as far as it can, and a hash of them.

    Other overrides have another name, or, once in 1e19, another hash.
    """
    plain = ",".join(f"{key}={_text(value)}" for key, value in sorted(overrides.items()))
    safe = re.sub(r"[^a-z0-9._=,+-]", "_", plain)[:100]
    if safe == plain:
        return plain
    return f"{safe}-{hashlib.sha256(plain.encode()).hexdigest()[:16]}"


def _text(value: Any) -> str:
    """As JSON; a plain word without its quotes."""
    if isinstance(value, str) and _WORD.fullmatch(value):
        return value
    return json.dumps(value, separators=(",", ":"), sort_keys=True, default=repr)


_WORD = re.compile(r"(?!(?:true|false|null)\Z)[a-z][a-z0-9._+-]*(?<!\.new)")
"""A text that is no JSON; ".new" is the ending of a folder that is on its way."""
