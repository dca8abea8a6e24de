"""The cells of a sweep: each point of the grid with each random draw."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import ExperimentError, HwlearnError
from hwlearn.experiments import Experiment, load_experiment
from hwlearn.experiments.sweeps.settings import Interval, Steps, Sweep, SweepSettings, whole


@dataclass(frozen=True)
class Cell:
    """One variant of the experiment.

    Attributes:
        name: of its run folder, the same for the same overrides. overrides: keys of the experiment and their values.
        experiment: with its files read; None if it is refused, for the reason `error`.
    """

    name: str
    overrides: dict[str, Any]
    experiment: Experiment | None
    error: str | None = None


def load_cells(sweep: Sweep, *, trust: bool = False, trust_code: bool = False) -> list[Cell]:
    """The cells in the order of the file; those with the same overrides are one.

    Args:
        sweep: from `load_sweep`.
        trust, trust_code: see `load_experiment`.

    Raises:
        ExperimentError: every cell is refused: the reason of the first.
    """
    known: dict[str, Any] = {}
    cells: dict[str, Cell] = {}
    for overrides in _overrides(sweep.settings):
        name = _name(overrides)
        if name in cells:
            continue
        try:
            experiment = load_experiment(sweep.experiment, overrides, trust=trust, trust_code=trust_code)
            experiment.read_files(known)
            cells[name] = Cell(name, overrides, experiment)
        except HwlearnError as error:
            cells[name] = Cell(name, overrides, None, str(error))
    found = list(cells.values())
    if all(cell.experiment is None for cell in found):
        raise ExperimentError(f"{sweep.path}: every cell is refused; the first: {found[0].error}")
    return found


def _overrides(settings: SweepSettings) -> list[dict[str, Any]]:
    grid = [_listed(key, values) for key, values in settings.grid.items()]
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
        drawn.append(_between(key, interval, stream.random(count), closed=False))
    return [dict(zip(axes, values, strict=True)) for values in zip(*drawn, strict=True)]


def _listed(key: str, values: list[Any] | Steps) -> list[Any]:
    if isinstance(values, Steps):
        return list(dict.fromkeys(_between(key, values, np.linspace(0, 1, values.count), closed=True)))
    return values


def _between(key: str, interval: Interval, at: Array, *, closed: bool) -> list[float]:
    """Values at fractions of an interval, to six digits; whole numbers are equally likely if `at` is uniform in [0, 1)."""
    low, high = interval.low, interval.high
    half = 0.5 if whole(key) and not (closed or interval.log) else 0.0
    values = low * (high / low) ** at if interval.log else low - half + (high - low + 2 * half) * at
    exact = np.rint(values).astype(int).tolist() if whole(key) else [float(f"{x:.6g}") for x in values.tolist()]
    return [min(max(x, type(x)(low)), type(x)(high)) for x in exact]


def _name(overrides: dict[str, Any]) -> str:
    """Keys and values, as far as a folder can be called so on any system; then a hash says the rest."""
    plain = ",".join(f"{key}={_text(value)}" for key, value in sorted(overrides.items()))
    safe = re.sub(r"[^a-z0-9._=,+-]", "_", plain)[:100]
    if safe == plain:
        return plain
    return f"{safe}-{zlib.crc32(json.dumps(overrides, sort_keys=True).encode()):08x}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
