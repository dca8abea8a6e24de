"""What must be the same for a run to go on: the keys of the experiment, network, task and wiring.

A fingerprint holds what changes the circuit or the training. How a path is spelled, on which line a card stands and at what
value a netlist leaves an input, which each sample replaces, change nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from hwlearn.experiments import Experiment
from hwlearn.network import Network

VERSION = 2
"""Of what the hash of a network is made of. It rises whenever that changes, so that no older run is told that its network did.
Runs without a number are of version 1."""

OBJECTS = {"network": ("circuit.", "ports."), "task": ("task.",)}
"""What is compared as it was made, and the keys that describe it: spelled otherwise, these may describe the same."""

ONE_OF = {"train.steps", "train.epochs"}
"""Keys of which either takes the place of the other."""


def fingerprint(experiment: Experiment) -> dict[str, Any]:
    """The settings, by dotted key, and SHA-256 of what the files beside the experiment file said."""
    content = experiment.settings.model_dump(mode="json", exclude_none=True)
    backend = experiment.backend()
    kept = type(backend).model_fields.keys() - backend.incidental
    content["backend"] = {key: value for key, value in content["backend"].items() if key in kept}
    keys = {f"{table}.{key}": value for table, values in content.items() for key, value in values.items()}
    found = {"version": VERSION, "settings": keys}
    found |= {"network": _of_network(experiment.network), "task": _of_task(experiment)}
    network = experiment.network
    with experiment.named():
        found |= backend.fingerprint(network, experiment.path.parent)
    return found


def is_comparable(before: dict[str, Any]) -> bool:
    """Whether a run's network can be compared with one of now: an earlier hwlearn may have taken its hash in another way."""
    return bool(before.get("version", 1) == VERSION)


def unlike(before: dict[str, Any], experiment: Experiment, *names: str) -> list[str]:
    """Which of the named, network or task, are others than before, whatever the settings; the network if it is comparable."""
    now = dict[str, str]()
    if "task" in names:
        now["task"] = _of_task(experiment)
    if "network" in names and is_comparable(before):
        now["network"] = _of_network(experiment.network)
    return [name for name, value in now.items() if value != before[name]]


def differences(before: dict[str, Any], now: dict[str, Any], meant: Collection[str] = ()) -> list[str]:
    """What has changed, in words, besides the keys that were meant to."""
    old, new = before["settings"], now["settings"]
    others = [name for name in OBJECTS if before[name] != now[name] and (name != "network" or is_comparable(before))]
    alike = tuple(prefix for name, prefixes in OBJECTS.items() if name not in others for prefix in prefixes)
    if ONE_OF & {*meant}:
        meant = {*meant, *ONE_OF}
    changed = [
        f"{key} was {old.get(key, 'not given')} and is {new.get(key, 'not given')}"
        for key in sorted({*old, *new}.difference(meant))
        if old.get(key) != new.get(key) and not key.startswith(alike)
    ]
    if not is_comparable(before):
        changed.append("the run is of an earlier hwlearn, so that its network cannot be compared")
    return changed + [f"the {name} is another one" for name in others]


def _of_network(network: Network) -> str:
    inputs = tuple(replace(source, value=0.0) for source in network.inputs)
    elements = tuple((element.card, element.nodes) for element in network.elements)
    dialect = (network.dialect,) if network.dialect else ()
    graph = (network.nodes, network.edges, inputs, network.fixed_sources, network.outputs, network.devices)
    arrays = (network.conductances, network.lower, network.upper, network.trainable)
    return _hash(repr((graph, elements, network.directives, *dialect)).encode(), *(array.tobytes() for array in arrays))


def _of_task(experiment: Experiment) -> str:
    parts = (experiment.task,) if experiment.test is None else (experiment.task, experiment.test)
    return _hash(*(values.tobytes() for part in parts for values in (part.inputs, part.targets)))


def _hash(*parts: bytes) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()
