"""`check_effect`: each swept key makes another experiment somewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hwlearn.errors import ExperimentError, HwlearnError
from hwlearn.experiments.experiment import Experiment
from hwlearn.experiments.runs.fingerprint import OBJECTS, fingerprint
from hwlearn.experiments.sweeps.settings import Sweep

TRIED = 16
"""Cells, and values of an axis in each, that are looked at."""

WHY = {
    "train.seed": "it shuffles minibatches, and there are none; give train.batch_size, or vary circuit.initial.seed",
    "imperfect.seed": "nothing in [imperfect] is random",
    "circuit.seed": "nothing of the builder is random; vary circuit.initial.seed",
    "circuit.initial.seed": "low and high of [circuit.initial] are alike",
    "task.split_seed": "the split is the same",
}
"""What a seed is for that has no effect."""

Overrides = Mapping[str, Any]


def check_effect(sweep: Sweep, cells: Sequence[Overrides], load: Callable[[Overrides], Experiment]) -> None:
    """Refuse an axis whose values make the same experiment in all cells: the same circuit, task, rule and training.

    Args:
        sweep: whose axes are checked.
        cells: overrides of each cell.
        load: makes the experiment of overrides.

    Raises:
        ExperimentError: names the key, and says why.
    """
    for key in sweep.axes:
        if key.startswith("backend."):  # how a circuit is solved may change the time alone
            continue
        values = list({json.dumps(cell[key], sort_keys=True, default=repr): cell[key] for cell in cells}.values())
        if len(values) > 1 and not any(_differ(cell, key, values[:TRIED], load) for cell in _bases(cells, key)):
            why = f": {WHY[key]}" if key in WHY else ""
            raise ExperimentError(f"{sweep.path}: {key} has no effect{why}; its {len(values)} values give equal cells")


def _bases(cells: Sequence[Overrides], key: str) -> Iterator[Overrides]:
    """Cells that differ in more than a key."""
    seen = set[str]()
    for cell in cells:
        others = json.dumps({name: value for name, value in cell.items() if name != key}, sort_keys=True, default=repr)
        if others not in seen:
            seen.add(others)
            yield cell
        if len(seen) == TRIED:
            return


def _differ(cell: Overrides, key: str, values: list[Any], load: Callable[[Overrides], Experiment]) -> bool:
    """Whether any of the values makes another experiment of a cell; one that is refused is another."""
    found = set[str]()
    for value in values:
        try:
            found.add(_counting(load({**cell, key: value})))
        except HwlearnError:
            return True
        if len(found) > 1:
            return True
    return False


def _counting(experiment: Experiment) -> str:
    """What decides on the numbers of a run: circuit and task as they were made, and the keys that nothing makes idle."""
    made, idle = fingerprint(experiment), set(_idle(experiment))
    described = tuple(prefix for prefixes in OBJECTS.values() for prefix in prefixes)
    made["settings"] = {
        key: value for key, value in made["settings"].items() if key not in idle and not key.startswith(described)
    }
    return json.dumps(made, sort_keys=True, default=repr)


def _idle(experiment: Experiment) -> Iterator[str]:
    """Seeds of which nothing is drawn."""
    train, imperfect = experiment.settings.train, experiment.settings.imperfect
    if train is not None and (train.batch_size is None or train.batch_size >= len(experiment.task)):
        yield "train.seed"
    if imperfect is not None and not any(any(table.values()) for table in imperfect.named.values() if isinstance(table, dict)):
        yield "imperfect.seed"
