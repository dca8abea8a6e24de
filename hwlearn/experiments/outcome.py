"""`Outcome`: what a run of an experiment ended with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from hwlearn.arrays import Array
from hwlearn.circuits.ledger import Ledger
from hwlearn.experiments.grades import Grades
from hwlearn.learning.scores import Scores
from hwlearn.network import Network

LEAST, LARGEST = 1e-150, 1e150
"""Of what a run is told in numbers: beyond these, squares and reciprocals overflow."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """The end of a run, whatever ended it.

    Attributes:
        rule, backend: their names.
        steps: updates done; in continuous time, steps of the integrator.
        loss_initial, loss_final: ½ ‖o − y‖² [V²], mean over the samples, ports open: alike for all rules.
        inputs: (S, n_in) V or A. outputs, targets: (S, n_out) V. Outputs and loss_final are NaN if the circuit no longer
            answered.
        network: the network with its trained conductances.
        progress: (K,) step numbers, or times of a flow, that `losses` belong to.
        losses: (K,) the loss that the rule itself observes [`loss_unit`].
        nudge, symmetric: as used [`nudge_unit`].
        remedies: as in `Experiment`.
        kept_step: the step whose state was kept, see `train`; None for a flow.
        stopped_because: as in `TrainResult` and `FlowResult`; or "interrupted" (Ctrl-C), or "error".
        error: what ended the run if that was no plan: a KeyboardInterrupt or a MeasurementError.
        seconds: of training, without loading.
        overrides, notes: see `Experiment`.
        scores: before the first epoch and after each, of a training in epochs or with test samples [`score_unit`].
        grades: of a classification.
        ledger: what it cost: measured on a bench, else by a model of one; None if that is not known.
    """

    rule: str
    backend: str
    steps: int
    loss_initial: float
    loss_final: float
    inputs: Array
    outputs: Array
    targets: Array
    network: Network
    continuous: bool
    progress: Array
    losses: Array
    loss_unit: str
    nudge: float
    nudge_unit: str
    symmetric: bool
    remedies: dict[str, float]
    kept_step: int | None
    stopped_because: str
    error: BaseException | None
    seconds: float
    overrides: dict[str, Any]
    notes: tuple[str, ...]
    scores: Scores
    score_unit: str
    grades: Grades
    ledger: Ledger | None = None

    def __repr__(self) -> str:
        ended = f"{self.steps} steps (stopped because: {self.stopped_because})"
        losses = f"loss {self.loss_initial:.4g} → {self.loss_final:.4g} V²"
        return f"<Outcome of {self.network.title}: {self.rule} on {self.backend}, {ended}, {losses}>"

    @property
    def conductances(self) -> dict[str, float]:
        """Siemens, by element name."""
        return dict(zip(self.network.edge_names, self.network.conductances.tolist(), strict=True))

    def as_dict(self) -> dict[str, Any]:
        """For JSON: units are V, V², S, s and those that names with "unit" tell; None where there is no number."""
        return {
            "rule": self.rule,
            "backend": self.backend,
            "steps": self.steps,
            "loss_initial": _number(self.loss_initial),
            "loss_final": _number(self.loss_final),
            "stopped_because": self.stopped_because,
            "kept_step": self.kept_step,
            "outputs": [[_number(value) for value in row] for row in self.outputs.tolist()],
            "targets": self.targets.tolist(),
            "output_names": list(self.network.output_names),
            "conductances": self.conductances,
            **{f"{what.key}s": values for what, values in self.network.settings.items()},
            "nudge": self.nudge,
            "nudge_unit": self.nudge_unit,
            "symmetric": self.symmetric,
            "remedies": self.remedies,
            "rule_loss": _number(float(self.losses[-1])) if len(self.losses) else None,
            "rule_loss_unit": self.loss_unit,
            "seconds": self.seconds,
            "overrides": self.overrides,
            "notes": list(self.notes),
            **self._scores(),
            **self.grades.as_dict(),
            **({} if self.ledger is None else {"ledger": self.ledger.as_dict()}),
        }

    def _scores(self) -> dict[str, Any]:
        """The columns of the scores, if there are any."""
        if not len(self.scores.steps):
            return {}
        columns = {name: [_number(value) for value in column.tolist()] for name, column in vars(self.scores).items()}
        return {"scores": {"unit": self.score_unit, **columns}}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) and abs(value) <= LARGEST else None
