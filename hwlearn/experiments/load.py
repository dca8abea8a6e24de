"""`load_experiment`: from a TOML file and overrides to a checked `Experiment`."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hwlearn.errors import ExperimentError, RegistryError
from hwlearn.experiments.experiment import Experiment
from hwlearn.experiments.members import parameters
from hwlearn.experiments.messages import in_a_line
from hwlearn.experiments.names import Code
from hwlearn.experiments.settings import Settings
from hwlearn.files import given_from
from hwlearn.learning.rules import RULES
from hwlearn.toml import EXPERIMENT, read_toml


def load_experiment(
    path: str | PathLike[str],
    overrides: Mapping[str, Any] | None = None,
    *,
    trust: bool = False,
    trust_code: bool = False,
    copies: Mapping[str, bytes] | None = None,
) -> Experiment:
    """Read and check an experiment file.

    Args:
        path: TOML; netlist and CSV files are relative to it.
        overrides: dotted keys and values that replace those of the file, such as {"train.steps": 100}. Where they choose
            another rule, nudge, symmetric, stop_loss and remedies of the file are dropped unless given: they belong to the
            file's rule.
        trust: see `Network.from_netlist`. No key of the file: a file must not grant itself trust.
        trust_code: whether "module:Class" in the file may be imported, and so run, from a module beside it or installed. What
            is installed as an entry point is a plain name and needs no trust.
        copies: what is read instead of the files, by absolute path; the files themselves if None.

    Raises:
        ExperimentError: names the file and the line or the key.
    """
    file = Path(path)
    given = dict(overrides or {})
    sources = dict[str, bytes]()
    with given_from(copies, sources):
        source, content = read_toml(file, EXPERIMENT, ExperimentError)
        trusted = Code(trust_code, file.parent)
        changed, notes = _fit_rule(content, given, trusted)
        _one_of(changed, given)
        for key, value in given.items():
            _set(file, changed, key, value)
        try:
            settings = Settings.model_validate(changed, context=trusted)
        except ValidationError as error:
            raise ExperimentError(f"{file}: {in_a_line(error)}") from None
    return Experiment(settings, file, source, trust, given, tuple(notes), trust_code, copies, sources)


def _fit_rule(content: dict[str, Any], given: Mapping[str, Any], trusted: Code) -> tuple[dict[str, Any], list[str]]:
    """A copy of the content without what belongs to the file's rule if `given` chooses another, and notes that say so."""
    changed, notes = deepcopy(content), list[str]()
    table = changed.get("rule")
    old, new = table.get("name") if isinstance(table, dict) else None, given.get("rule.name")
    if not (isinstance(old, str) and isinstance(new, str)) or old == new:
        return changed, notes
    try:
        before, after = trusted.member(RULES, old), trusted.member(RULES, new)
    except RegistryError:  # told with the other mistakes
        return changed, notes

    def drop(table: str, key: str, unit: str = "") -> None:
        keys = changed.get(table)
        if isinstance(keys, dict) and key in keys and f"{table}.{key}" not in given:
            notes.append(f"{key} = {keys.pop(key)}{unit} of the file is for {old} and was dropped")

    for key, unit in (("nudge", ""), ("push", " V"), ("rest", " V"), ("threshold", "")):
        drop("rule", key, unit)
    kept = {"name", *parameters(after)}
    for key in [key for key in changed["rule"] if key not in kept]:
        drop("rule", key)
    if after.loss_unit != before.loss_unit:
        drop("train", "stop_loss", f" {before.loss_unit}")
        drop("flow", "stop_loss", f" {before.loss_unit}")
    train = changed.get("train")
    if after.nudge_unit != before.nudge_unit and isinstance(train, dict) and "train.learning_rate" not in given:
        notes.append(f"learning_rate = {train.get('learning_rate')} of the file was chosen for {old} and is kept")
    return changed, notes


def _one_of(content: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Leave out the file's epochs where steps are asked for instead, and the other way round."""
    table = content.get("train")
    for key, other in (("steps", "epochs"), ("epochs", "steps")):
        if isinstance(table, dict) and f"train.{key}" in given and f"train.{other}" not in given:
            table.pop(other, None)


def _set(file: Path, content: dict[str, Any], key: str, value: Any) -> None:
    *tables, last = key.split(".")
    for name in tables:
        content = content.setdefault(name, {})
        if not isinstance(content, dict):
            raise ExperimentError(f"{file}: {key} cannot be set: {name} is no table")
    content[last] = value
