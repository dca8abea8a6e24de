"""`TrainTable`: the table `[train]` of an experiment file."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, NonNegativeInt, PositiveFloat, PositiveInt, Tag, model_validator

from hwlearn.experiments.names import OneOf
from hwlearn.learning.keeping import Keep
from hwlearn.learning.optimizers import OPTIMIZERS
from hwlearn.learning.trajectory import ROWS
from hwlearn.toml import Table


def _way(rate: object) -> str:
    return "patterns" if isinstance(rate, dict) else "auto" if isinstance(rate, str) else "number"


Rate = Annotated[
    Annotated[PositiveFloat, Tag("number")]
    | Annotated[Literal["auto"], Tag("auto")]
    | Annotated[dict[str, PositiveFloat], Field(min_length=1), Tag("patterns")],
    Discriminator(_way),
]
"""One for all edges, the rule's own, or one for each pattern of edge names."""


class Schedule(Table):
    """What `[train]` and `[flow]` share.

    Attributes:
        trajectory: points of the conductances along the run that are kept, at most, in up to 64 MB; 1000 if not given, 0 for
            none.
    """

    trajectory: NonNegativeInt | None = None

    @property
    def rows(self) -> int:
        """Points that are kept."""
        return ROWS if self.trajectory is None else self.trajectory


class TrainTable(Schedule):
    """`[train]`: the arguments of `hwlearn.learning.train.train`.

    Attributes:
        parameter: "conductance", "log-conductance", or what the trained edges are set by, such as "gate-voltage".
        keep: which state the circuit is left in, "best" or "last"; on a noisy circuit the best if not given.
        identify_every: updates from one measurement of what the edges conduct to the next; see
            `hwlearn.analysis.identified.IdentifiedCircuit`. Not at all if not given.
    """

    steps: NonNegativeInt = 1000
    epochs: NonNegativeInt | None = None
    learning_rate: Rate
    decay: Annotated[float, Field(gt=0, le=1)] | None = None
    optimizer: Annotated[str, OneOf(OPTIMIZERS)] = "plain"
    parameter: str = "conductance"
    batch_size: PositiveInt | None = None
    stop_loss: PositiveFloat | None = None
    keep: Keep | None = None
    seed: NonNegativeInt = 0
    identify_every: PositiveInt | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.epochs is not None and "steps" in self.model_fields_set:
            raise ValueError(f"steps = {self.steps} and epochs = {self.epochs}: give one of them")
        if self.learning_rate == "auto" and self.optimizer == "adam":
            raise ValueError('learning_rate = "auto" is for plain steps and momentum; give adam a number')
        return self

    def updates(self, samples: int) -> int:
        """How many updates of a task with this number of samples."""
        if self.epochs is None:
            return self.steps
        return self.epochs * (1 if self.batch_size is None else samples // self.batch_size)

    @property
    def arguments(self) -> dict[str, Any]:
        """For `train`."""
        own = self.model_dump(exclude={"identify_every", "trajectory"}, exclude_none=True)
        if self.epochs is not None:
            own.pop("steps")
        return own
