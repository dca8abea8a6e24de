"""`Journal`: what happened to a run, one JSON object a line, only ever added to.

A line is a step, {"step" or "t", "loss", "rate", "clipped", "noise", "time"}, and "celsius" where there are thermometers; or
an event, {"event", "date", …}: "start", "score" (loss and accuracy before the first epoch and after each), "warning" (what a
bench refused or did again), "resume" or "end", with the error if one ended it. A "resume" at step k takes back the lines of
steps k and later before it: they are made again.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from hwlearn.errors import ExperimentError
from hwlearn.experiments.runs.disk import refusing_to_lose
from hwlearn.experiments.runs.records import read_line
from hwlearn.files import added_to, read, write
from hwlearn.learning.scores import Score


class Journal:
    """The journal of a run, open for adding.

    Args:
        path: made if it is not there; a last line that was torn by a crash is cut off.
        name: of the steps' key: "step", or "t" in continuous time.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        with refusing_to_lose(path):
            self._file = added_to(path)  # without a buffer: a line is with the system once it is written
            _cut_torn_line(self._file)

    def event(self, kind: str, **details: Any) -> None:
        """Add an event, dated."""
        date = datetime.now(UTC).isoformat(timespec="seconds")
        content = {"event": kind, "date": date, **details}
        with refusing_to_lose(self._path):
            write(self._file, json.dumps(content, allow_nan=False, ensure_ascii=False).encode() + b"\n")

    def step(
        self, at: float, loss: float, rate: float, clipped: int, noise: float, time: float, celsius: Mapping[str, float]
    ) -> None:
        """Add a step."""
        warm = f', "celsius": {json.dumps(celsius, ensure_ascii=False)}' if celsius else ""
        line = (
            f'{{"{self._name}": {at}, "loss": {_number(loss)}, "rate": {_number(rate)}, "clipped": {clipped}, '
            f'"noise": {_number(noise)}, "time": {time:.6f}{warm}}}\n'
        )
        with refusing_to_lose(self._path):
            write(self._file, line.encode())

    def score(self, score: Score) -> None:
        """Add what the circuit is worth at the step that was added last."""
        self.event("score", **{name: value if math.isfinite(value) else None for name, value in score._asdict().items()})

    @contextmanager
    def noting_warnings(self) -> Iterator[None]:
        """Inside, what hwlearn warns of in its log becomes an event."""
        handler, log = _Warnings(self), logging.getLogger("hwlearn")
        log.addHandler(handler)
        try:
            yield
        finally:
            log.removeHandler(handler)

    def close(self) -> None:
        with refusing_to_lose(self._path):
            self._file.close()


class _Warnings(logging.Handler):
    """Adds warnings to a journal."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(ExperimentError):  # a disk that is full is told by the next step
            self._journal.event("warning", text=record.getMessage())


@dataclass
class History:
    """What a journal tells: steps that were not taken back, and events.

    Attributes:
        at: step numbers, or times of a flow. losses: observed by the rule. rates: decay of the loss per step or unit of time.
        clipped: edges left at a bound. noise: of a reading [V]. seconds: of training until then. NaN where unknown.
        celsius: by thermometer [°C].
        events: as written, but scores.
        scores: of the epochs.
    """

    at: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    clipped: list[int] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    celsius: list[dict[str, float]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)

    def last(self, kind: str) -> dict[str, Any] | None:
        """The last event of a kind."""
        return next((event for event in reversed(self.events) if event["event"] == kind), None)

    def add(self, line: bytes, name: str) -> None:
        """Take in a line; `name` is the key of a step's place.

        Raises:
            ValueError: not a line of a journal; says why.
        """
        content = read_line(line, name)
        if "event" in content:
            if content["event"] == "score":
                self.scores.append(Score(content[name], *(_nan(content[key]) for key in Score._fields[1:])))
                return
            if content["event"] == "resume":
                self.take_back(content[name])
            self.events.append(content)
            return
        if self.at and content[name] < self.at[-1]:
            raise ValueError(f"{name} {content[name]} comes after {self.at[-1]}")
        self.at.append(content[name])
        self.losses.append(_nan(content["loss"]))
        self.rates.append(_nan(content["rate"]))
        self.clipped.append(content["clipped"])
        self.noise.append(_nan(content["noise"]))
        self.seconds.append(content["time"])
        self.celsius.append(content.get("celsius", {}))

    def take_back(self, at: float) -> None:
        """Forget the steps from `at` on."""
        while self.at and self.at[-1] >= at:
            for column in (self.at, self.losses, self.rates, self.clipped, self.noise, self.seconds, self.celsius):
                column.pop()
        while self.scores and self.scores[-1].step >= at:
            self.scores.pop()


def read_journal(path: Path, name: str) -> History:
    """Read a journal.

    Raises:
        ExperimentError: not a journal; a torn last line is none.
    """
    history = History()
    try:
        lines = read(path).split(b"\n")
    except FileNotFoundError:
        return history
    except OSError as error:
        raise ExperimentError(f"{path}: {error.strerror}") from None
    for number, line in enumerate(lines[:-1], 1):
        try:
            history.add(line, name)
        except ValueError as error:
            raise ExperimentError(f"{path}: line {number}: not a line of a journal ({error}); delete it to go on") from None
    return history


def _cut_torn_line(file: FileIO) -> None:
    file.seek(0)
    content = file.readall()
    if content and not content.endswith(b"\n"):
        file.truncate(content.rfind(b"\n") + 1)


def _number(value: float) -> str:
    """As JSON."""
    return repr(float(value)) if math.isfinite(value) else "null"


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
