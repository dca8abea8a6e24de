"""What files of a run folder must hold before anything is made of them; they may come from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    ValidationError,
    model_validator,
)
from pydantic_core import from_json

from hwlearn.arrays import Array
from hwlearn.errors import ExperimentError
from hwlearn.experiments.outcome import LARGEST, LEAST
from hwlearn.experiments.runs.copies import Place
from hwlearn.learning.rules import RULES


class Record(BaseModel):
    """A JSON object; what it holds besides is left alone, NaN and infinity are refused."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="allow")


def _rule(name: str) -> str:
    if name not in RULES and ":" not in name:
        raise ValueError(f"no rule: {name!r}")
    return name


def _without_nul(path: str) -> str:
    if "\0" in path:
        raise ValueError("a NUL character in a path")
    return path


def _reckonable(value: float) -> float:
    if abs(value) > LARGEST:
        raise ValueError(f"{value:g} is beyond {LARGEST:g}")
    return value


def _conductance(value: float) -> float:
    if not LEAST <= value <= LARGEST:
        raise ValueError(f"{value:g} S is no conductance between {LEAST:g} and {LARGEST:g} S")
    return value


Number = Annotated[float, AfterValidator(_reckonable)]
Conductance = Annotated[float, AfterValidator(_conductance)]
Part = Annotated[float, Field(ge=0, le=1)]
Counts = list[list[NonNegativeInt]]
Label = str | int | float | bool
RuleName = Annotated[str, AfterValidator(_rule)]
FilePath = Annotated[str, Field(min_length=1), AfterValidator(_without_nul)]


class Keys(Record):
    """The experiment's keys that are shown of every run."""

    rule: RuleName = Field(alias="rule.name")
    backend: str = Field(alias="backend.name")


class Fingerprint(Record):
    """See `hwlearn.experiments.runs.fingerprint`."""

    settings: Keys
    network: str
    task: str


class Versions(Record):
    """Of what the run was made with."""

    __pydantic_extra__: dict[str, str]
    hwlearn: str


class EncodingRecord(Record):
    """See `hwlearn.learning.encoding.Encoding`."""

    low: list[Number]
    high: list[Number]
    volts: Annotated[list[Number], Field(min_length=2, max_length=2)]
    twins: bool
    bias: Number | None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.low) != len(self.high):
            raise ValueError("low and high are not of the same features")
        return self


class ClassifierRecord(Record):
    """See `hwlearn.learning.classifier.Classifier`."""

    classes: Annotated[list[Label], Field(min_length=2)]
    class_targets: list[list[Number]]
    encoding: EncodingRecord

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.class_targets) != len(self.classes) or len({len(row) for row in self.class_targets}) != 1:
            raise ValueError("class_targets are not one row for each class")
        return self


class Info(Record):
    """run.json."""

    experiment: FilePath
    overrides: dict[str, Any]
    title: str
    loss_unit: str | None = None
    fingerprint: Fingerprint
    versions: Versions
    platform: str
    commit: str | None
    date: str
    classifier: ClassifierRecord | None = None
    store: Place = "files"
    files: dict[FilePath, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_unit(self) -> Self:
        """What a rule observes has a unit that is written down, or is known of the rule."""
        if self.loss_unit is None and self.fingerprint.settings.rule not in RULES:
            raise ValueError(f"no loss_unit of the rule {self.fingerprint.settings.rule!r}")
        return self


class ScoreColumns(Record):
    """See `hwlearn.learning.scores.Scores`."""

    unit: str
    steps: list[float]
    losses: list[Number | None]
    accuracy: list[Part | None]
    test_losses: list[Number | None]
    test_accuracy: list[Part | None]


class LedgerRecord(Record):
    """See `hwlearn.circuits.ledger.Ledger`."""

    energy: Number
    settling: Number
    reading: Number
    programming: Number
    seconds: Number
    readings: NonNegativeInt
    phases: NonNegativeInt
    writes: dict[str, NonNegativeInt]
    worn: dict[str, Number]


class Result(Record):
    """result.json, see `Outcome.as_dict`."""

    rule: str
    backend: str
    steps: NonNegativeInt
    loss_initial: Number | None
    loss_final: Number | None
    stopped_because: str
    kept_step: NonNegativeInt | None = None
    outputs: list[list[Number | None]]
    targets: list[list[Number]]
    output_names: list[str]
    conductances: dict[str, Conductance]
    nudge: float
    nudge_unit: str
    symmetric: bool
    remedies: dict[str, float]
    rule_loss: Number | None
    rule_loss_unit: str
    seconds: float
    overrides: dict[str, Any]
    notes: list[str]
    scores: ScoreColumns | None = None
    classes: list[Label] | None = None
    accuracy: Part | None = None
    confusion: Counts | None = None
    test_accuracy: Part | None = None
    test_confusion: Counts | None = None
    ledger: LedgerRecord | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        count = len(self.classes or ())
        for counts in (self.confusion, self.test_confusion):
            if counts is not None and [len(row) for row in counts] != [count] * count:
                raise ValueError(f"a confusion that is not one of the {count} classes")
        ports = len(self.output_names)
        sizes = [len(row) for row in self.outputs], [len(row) for row in self.targets]
        if sizes[0] != sizes[1] or set(sizes[0]) != {ports}:
            raise ValueError(f"outputs and targets are not of the same samples and the same {ports} outputs")
        return self


class Step(Record):
    """A line of the journal; `at` is the number of the step, or the time of a flow."""

    at: Annotated[float, Field(ge=0)]
    loss: float | None
    rate: float | None
    clipped: NonNegativeInt
    noise: float | None
    time: float
    celsius: dict[str, float] = Field(default_factory=dict)


class Instrument(Record):
    """What a bench says of an instrument."""

    identity: str


class CircuitFacts(Record):
    """`Circuit.provenance`."""

    instruments: dict[str, Instrument] = Field(default_factory=dict)


class Event(Record):
    """An event of the journal."""

    event: str
    date: str


class Start(Event):
    """The circuit answered."""

    loss_initial: float | None
    circuit: CircuitFacts


class Resume(Event):
    """The run went on from `at`."""

    at: Annotated[float, Field(ge=0)]


class Scored(Event):
    """What the circuit is worth at the step `at`."""

    at: Annotated[float, Field(ge=0)]
    loss: float | None
    accuracy: Part | None
    test_loss: float | None
    test_accuracy: Part | None


EVENTS: dict[str, type[Record]] = {"start": Start, "resume": Resume, "score": Scored}
"""The events of which something is made."""


def read_record(path: Path, content: bytes, kind: type[Record]) -> dict[str, Any]:
    """A JSON file as it is, once it is known to hold what its `kind` must.

    Raises:
        ExperimentError: names the file and the key.
    """
    try:
        found: dict[str, Any] = from_json(content, allow_inf_nan=False)
        kind.model_validate(found)
    except ValidationError as error:
        raise ExperimentError(f"{path}: not written by this version of hwlearn, or damaged: {why(error)}") from None
    except ValueError as error:
        raise ExperimentError(f"{path}: cannot be read: {error}") from None
    return found


def read_line(line: bytes, name: str) -> dict[str, Any]:
    """A line of the journal, whose step or time is under the key `name`.

    Raises:
        ValueError: says what is wrong.
    """
    content = from_json(line, allow_inf_nan=False)
    if not isinstance(content, dict):
        raise ValueError("no JSON object")
    kind: type[Record] = Step
    if "event" in content:
        kind = EVENTS.get(str(content["event"]), Event)
    try:
        kind.model_validate({**content, "at": content.get(name)})
    except ValidationError as error:
        raise ValueError(why(error)) from None
    return content


def check_snapshot(path: Path, snapshot: Mapping[str, Array], name: str) -> None:
    """Refuse a checkpoint that no run of steps (`name` is "step") or no flow ("t") has left.

    Raises:
        ExperimentError: names the file and the array.
    """
    edges = snapshot["wanted"].shape if "wanted" in snapshot else ()
    numbers = {name, "clipped", "rate", "optimizer.count", "optimizer.largest"}
    for key in (name, "wanted", *(["clipped"] if name == "step" else [])):
        if key not in snapshot:
            raise ExperimentError(f"{path}: not a checkpoint of this run: {key} is missing; start the run anew")
    for key, value in snapshot.items():
        fits = value.shape == () if key in numbers else value.shape in ((), edges) or not key.startswith("optimizer.")
        whole = key not in ("step", "clipped", "optimizer.count") or not (value % 1).any()
        if not (fits and whole and np.isfinite(value).all() and (value >= 0).all() | (key not in numbers)):
            raise ExperimentError(f"{path}: not a checkpoint of this run: {key} is no such number; start the run anew")
    if len(edges) != 1 or not (snapshot["wanted"] > 0).all():
        raise ExperimentError(f"{path}: not a checkpoint of this run: wanted are no conductances; start the run anew")


def why(error: ValidationError) -> str:
    """The first thing that is wrong, and the key."""
    first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    text = first["msg"].removeprefix("Value error, ")
    return f"{key}: {text}" if key else text
