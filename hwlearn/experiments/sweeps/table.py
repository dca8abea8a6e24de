"""`Results`: a row for each cell."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwlearn.experiments.runs.disk import refusing_to_lose
from hwlearn.experiments.sweeps.cells import Cell
from hwlearn.experiments.sweeps.work import Done
from hwlearn.files import replace


@dataclass(frozen=True)
class Row:
    """The result of a cell, or its state while there is none.

    Attributes:
        cell: name of its run folder. overrides: its values by key.
        state: why the training stopped; "failed"; "waiting" while it has not ended.
        steps: done. loss_initial, loss_final: ½ ‖o − y‖² [V²]. rule_loss: what the rule observed last [`rule_loss_unit`].
        seconds: of training.
        accuracy, test_accuracy: of a classification, 0 … 1.
        energy: J that the sources gave. bench_seconds: of settling, reading and programming; see `Outcome.ledger`.
        most_writes: changes of the code that was changed most.
        error: why it failed. notes: warnings, and what the rule made be dropped.
        rule: that trained it.
    """

    cell: str
    overrides: Mapping[str, Any]
    state: str = "waiting"
    steps: int | None = None
    loss_initial: float | None = None
    loss_final: float | None = None
    rule_loss: float | None = None
    rule_loss_unit: str | None = None
    seconds: float | None = None
    accuracy: float | None = None
    test_accuracy: float | None = None
    energy: float | None = None
    bench_seconds: float | None = None
    most_writes: int | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()
    rule: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON; None where there is nothing."""
        return {**vars(self), "overrides": dict(self.overrides), "notes": list(self.notes)}


def row(cell: Cell, done: Done) -> Row:
    """The row of a cell that has ended."""
    found = done.result or {}
    names = (
        "steps",
        "loss_initial",
        "loss_final",
        "rule_loss",
        "rule_loss_unit",
        "seconds",
        "accuracy",
        "test_accuracy",
        "rule",
    )
    return Row(
        cell.name,
        cell.overrides,
        "failed" if done.error is not None else str(found["stopped_because"]),
        **{name: found.get(name) for name in names},
        **_cost(found.get("ledger")),
        error=done.error,
        notes=(*found.get("notes", ()), *done.notes),
    )


def _cost(ledger: Mapping[str, Any] | None) -> dict[str, Any]:
    if ledger is None:
        return {}
    most = max(ledger["writes"].values(), default=0)
    return {"energy": ledger["energy"], "bench_seconds": ledger["seconds"], "most_writes": most}


@dataclass(frozen=True)
class Results:
    """The results of a sweep so far.

    Attributes:
        name: of the sweep file. folder: of the sweep. axes: the keys that vary.
        rows: one a cell, in the order of the file.
        skipped: how many had ended in an earlier call.
    """

    name: str
    folder: Path
    axes: tuple[str, ...]
    rows: tuple[Row, ...]
    skipped: int

    @property
    def failed(self) -> tuple[Row, ...]:
        """The cells that failed."""
        return tuple(row for row in self.rows if row.state == "failed")

    def as_dict(self) -> dict[str, Any]:
        """For JSON: losses in V², seconds in s; None where there is no number."""
        return {
            "sweep": self.name,
            "folder": str(self.folder),
            "axes": list(self.axes),
            "failed": len(self.failed),
            "skipped": self.skipped,
            "cells": [row.as_dict() for row in self.rows],
        }

    def write_csv(self) -> None:
        """Write results.csv, one line a cell."""
        path = self.folder / "results.csv"
        head = ("cell", *self.axes, "state", "steps", "loss_initial [V²]", "loss_final [V²]", "rule_loss", "rule_loss unit")
        lines = io.StringIO(newline="")
        writer = csv.writer(lines)
        costs = ("energy [J]", "bench_seconds [s]", "most_writes")
        writer.writerow([*head, "seconds [s]", "accuracy", "test_accuracy", *costs, "error", "notes"])
        for row in self.rows:
            values = [text(row.overrides[key]) for key in self.axes]
            losses = [row.loss_initial, row.loss_final, row.rule_loss, row.rule_loss_unit]
            spent = [row.energy, row.bench_seconds, row.most_writes]
            rest = [row.seconds, row.accuracy, row.test_accuracy, *spent, row.error, "; ".join(row.notes)]
            writer.writerow([row.cell, *values, row.state, row.steps, *losses, *rest])
        with refusing_to_lose(path):
            replace(path, lines.getvalue().encode())


def text(value: Any) -> str:
    """A value of an axis: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
