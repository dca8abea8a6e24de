"""`load_experiment`: from a TOML file and overrides to a checked `Experiment`."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from hwlearn.errors import ExperimentError
from hwlearn.experiments.experiment import Experiment
from hwlearn.experiments.settings import TABLES, Settings
from hwlearn.learning.rules import RULES
from hwlearn.toml import read_toml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def load_experiment(
    path: str | PathLike[str], overrides: Mapping[str, Any] | None = None, *, trust: bool = False
) -> Experiment:
    """Read and check an experiment file.

    Args:
        path: TOML; netlist and CSV files are relative to it.
        overrides: dotted keys and values that replace those of the file, such as {"train.steps": 100}. Where they choose
            another rule, nudge, symmetric, stop_loss and remedies of the file are dropped unless given: they belong to the
            file's rule.
        trust: see `Network.from_netlist`. No key of the file: a file must not grant itself trust.

    Raises:
        ExperimentError: names the file and the line or the key.
    """
    file = Path(path)
    given = dict(overrides or {})
    source, content = read_toml(file, ExperimentError)
    changed, notes = _fit_rule(content, given)
    for key, value in given.items():
        _set(file, changed, key, value)
    try:
        settings = Settings.model_validate(changed)
    except ValidationError as error:
        raise ExperimentError(f"{file}: {'; '.join(_messages(error.errors()))}") from None
    return Experiment(settings, file, source, trust, given, tuple(notes))


def _fit_rule(content: dict[str, Any], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A copy of the content without what belongs to the file's rule if `given` chooses another, and notes that say so."""
    changed, notes = deepcopy(content), list[str]()
    table = changed.get("rule")
    old, new = table.get("name") if isinstance(table, dict) else None, given.get("rule.name")
    if not (isinstance(old, str) and isinstance(new, str)) or old == new or old not in RULES or new not in RULES:
        return changed, notes
    before, after = RULES.get(str(old)), RULES.get(str(new))

    def drop(table: str, key: str, unit: str = "") -> None:
        keys = changed.get(table)
        if isinstance(keys, dict) and key in keys and f"{table}.{key}" not in given:
            notes.append(f"{key} = {keys.pop(key)}{unit} of the file is for {old} and was dropped")

    for key, unit in (("nudge", ""), ("push", " V"), ("rest", " V"), ("threshold", "")):
        drop("rule", key, unit)
    if new == "clamp":
        drop("rule", "symmetric")
    if after.loss_unit != before.loss_unit:
        drop("train", "stop_loss", f" {before.loss_unit}")
        drop("flow", "stop_loss", f" {before.loss_unit}")
    train = changed.get("train")
    if after.nudge_unit != before.nudge_unit and isinstance(train, dict) and "train.learning_rate" not in given:
        notes.append(f"learning_rate = {train.get('learning_rate')} of the file was chosen for {old} and is kept")
    return changed, notes


def _set(file: Path, content: dict[str, Any], key: str, value: Any) -> None:
    *tables, last = key.split(".")
    for name in tables:
        content = content.setdefault(name, {})
        if not isinstance(content, dict):
            raise ExperimentError(f"{file}: {key} cannot be set: {name} is no table")
    content[last] = value


def _messages(errors: list[ErrorDetails]) -> list[str]:
    """One message for each key; the branches of a union count as one."""
    messages: dict[str, str] = {}
    for error in errors:
        location = [part for k, part in enumerate(error["loc"]) if k < 2 or isinstance(part, int)]
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
        messages.setdefault(key, _message(error, key))
    return list(messages.values())


def _message(error: ErrorDetails, key: str) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return f"unknown key {key}{_suggestion(key)}"
    if kind == "missing":
        return f"{key} is missing" if "." in key else f"table [{key}] is missing"
    if kind == "model_type":
        return f"{key} must be a table, [{key}]"
    text = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if kind == "value_error":
        return f"[{key}]: {text}" if key else text
    return f"{key} = {error['input']!r}: must be {text}" if "Input should be" in error["msg"] else f"{key}: {text}"


def _suggestion(key: str) -> str:
    table, _, name = key.rpartition(".")
    if not table:
        close = get_close_matches(name, TABLES, n=1)
        return f"; did you mean [{close[0]}]?" if close else f"; the tables are {', '.join(TABLES)}"
    own = TABLES[table].model_fields
    if close := get_close_matches(name, own, n=1):
        return f"; did you mean {table}.{close[0]}?"
    homes = [home for home, model in TABLES.items() if name in model.model_fields]
    return f"; it belongs in [{homes[0]}]" if homes else f"; [{table}] has {', '.join(own)}"
