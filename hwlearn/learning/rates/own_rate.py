"""`OwnRate`: learning_rate = "auto" of plain steps, a part of the limit 2/λ_max of the rule where the circuit is now."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.errors import SimulationError
from hwlearn.learning.projected import pressed
from hwlearn.learning.rates.error_dynamics import error_dynamics
from hwlearn.learning.rates.learning_rate import LearningRate
from hwlearn.learning.rates.modes import Modes, modes
from hwlearn.learning.rule import Reading, Rule
from hwlearn.learning.task import Task

MOST, CAREFUL = 0.8, 0.5
"""Part of the limit 2/λ_max that is taken at most; and where single steps are noisy, by readings or by minibatches."""

FARTHEST = 0.3
"""How far the step goes for which the rate is taken, at most, as a part of the conductances that it moves (in norm)."""

STEADY = 0.1
"""A rate that changed by less than this part may wait twice as long until it is taken anew."""

LONGEST, EPOCH = 100, 25
"""Steps after which the rate is taken anew at the latest; with minibatches, if an epoch is no longer."""

EAGER, LEAST = 20, 10
"""How often the rate may be taken anew at once; and steps that it is kept for at least, after that."""

GREW, ROUNDING = 1e-3, 1e-20
"""Part by which a loss must grow to count; and losses below this part of the first one, which grow by rounding."""


class OwnRate(LearningRate):
    """α = f · 2/λ_max, with λ_max that of the rule for its loss at the present conductances (`error_dynamics`).

    f is λ_max/(λ_max + λ_min), the best of fixed rates, but at most `MOST`, and `CAREFUL` in noisy circuits and with
    minibatches, whose steps scatter. Edges that a bound holds count as fixed. In noisy circuits the next reading may push
    them off it: each step there is also held to what the model says along its own way. The model is linear in the step, so
    the step for which the rate is taken moves the conductances by `FARTHEST` at most. The rate is taken anew after one step,
    two, four and so on, as long as it hardly changes, and at once where the loss grew; with many minibatches, once in an
    epoch.

    Args:
        decay: see `LearningRate`.
        circuit: that is trained. task: all of its samples. rule: that trains it.
        per_epoch: steps of an epoch with minibatches; None without.
        inertia: see `Optimizer`; α is less by it, so that errors that persist fall as fast as by plain steps.
    """

    def __init__(
        self, decay: float, circuit: Circuit, task: Task, rule: Rule, per_epoch: int | None = None, inertia: float = 1.0
    ) -> None:
        super().__init__(decay)
        self._dynamics = error_dynamics(circuit, task, rule)
        self._circuit, self._per_epoch, self._inertia = circuit, per_epoch, inertia
        self._start = np.random.default_rng(0).uniform(0.5, 1.5, len(circuit.network.edges))  # has a part of every mode
        self._taken, self._due, self._wait = 0, 0, 1
        self._before = self._first = math.inf
        self.rate, self.part, self._brake = 1.0, math.nan, math.inf

    @property
    def model(self) -> str:
        """What the rate rests on, in words."""
        return self._dynamics.model

    def look(self, step: int, reading: Reading, wanted: Array, slopes: Array | None) -> None:
        """Take the rate anew, if it is time to.

        Raises:
            SimulationError: the model has no solution here, and there is no rate yet.
        """
        scattered = self._per_epoch is not None or reading.noise != 0
        if not scattered and self._grew(reading.loss):
            self._due = min(self._due, self._due - self._wait + self._least)
        self._brake = math.inf
        if step < self._due and self._taken:
            if self._per_epoch is not None:  # the next minibatch may push harder than the one of the refresh
                self.rate = self._restrained(self.rate, reading.direction, wanted, self._scale(reading.direction, slopes))
            elif scattered and self._any_at_a_bound(wanted):
                self._brake = self._along(reading.direction, self._free(reading.direction, wanted, slopes))
            return
        before = self.rate
        try:
            self._take(reading.direction, wanted, slopes, CAREFUL if scattered else MOST)
        except SimulationError:
            if not self._taken:
                raise
        steady = abs(self.rate - before) <= STEADY * before
        self._taken += 1
        longest = LONGEST if self._per_epoch is None else max(self._per_epoch, EPOCH)
        self._wait = min(2 * self._wait, longest) if steady else self._least
        if longest > LONGEST:  # a look at all samples costs as much as an epoch
            self._wait = longest
        self._due = step + self._wait

    def at(self, epoch: int) -> float:
        return min(self.rate, self._brake) * self.decay**epoch

    @property
    def _least(self) -> int:
        """Steps that the rate is kept for at least."""
        return 1 if self._taken < EAGER else LEAST

    def _grew(self, loss: float) -> bool:
        """Whether the loss is larger than before the last step, beyond rounding."""
        before, self._before = self._before, loss
        if math.isinf(self._first):
            self._first = loss
        return loss > before * (1 + GREW) and before > ROUNDING * self._first

    def _take(self, direction: Array, wanted: Array, slopes: Array | None, most: float) -> None:
        scale = self._free(direction, wanted, slopes)
        found = self._modes(scale)
        if found.fastest == 0:  # nothing moves the outputs from here, so any rate will do
            return
        self.part = found.fraction(most)
        self.rate = self._restrained(self.part * 2 / (found.fastest * self._inertia), direction, wanted, scale)

    def limit(self, slopes: Array | None = None) -> float:
        """2/λ_max of all trainable edges at the present conductances: above it plain steps run away."""
        ones = np.ones(len(self._start))
        scale = np.maximum(self._scale(ones, slopes), self._scale(-ones, slopes))
        fastest = self._modes(scale).fastest
        return 2 / fastest if fastest > 0 else math.inf

    def _scale(self, direction: Array, slopes: Array | None) -> Array:
        """(E,) √ of what each edge makes of a step of the rate 1, for a direction of 1; see `_modes`."""
        told = np.ones_like(direction) if slopes is None else slopes
        return np.where(self._circuit.network.trainable, told * np.sqrt(self._circuit.heeded(direction)), 0.0)

    def _free(self, direction: Array, wanted: Array, slopes: Array | None) -> Array:
        """`_scale`, 0 where a bound holds an edge."""
        return np.where(pressed(direction, wanted, self._circuit.bounds), 0.0, self._scale(direction, slopes))

    def _any_at_a_bound(self, wanted: Array) -> bool:
        lower, upper = self._circuit.bounds
        return bool((((wanted <= lower) | (wanted >= upper)) & self._circuit.network.trainable).any())

    def _along(self, direction: Array, scale: Array) -> float:
        """The limit for a step along a direction, as `CAREFUL` as others; infinity where it moves nothing."""
        way = scale * direction
        moved = self._inertia * float(np.linalg.norm(scale * self._dynamics.here()(scale * way)))
        return CAREFUL * 2 * float(np.linalg.norm(way)) / moved if moved > 0 else math.inf

    def _modes(self, scale: Array) -> Modes:
        """Of parameters that change the conductances by `scale` (E,) per unit, 0 where an edge is held."""
        product = self._dynamics.here()
        return modes(lambda change: scale * product(scale * change), self._start * scale)

    def _restrained(self, rate: float, direction: Array, wanted: Array, scale: Array) -> float:
        """The rate, or less, so that a step moves the conductances by `FARTHEST` at most."""
        way = self._inertia * float(np.linalg.norm(scale**2 * direction))
        size = float(np.linalg.norm(wanted[scale != 0]))
        return min(rate, FARTHEST * size / way) if way > 0 else rate

    def snapshot(self) -> dict[str, Array]:
        own: dict[str, float] = {"rate": self.rate, "rate.due": self._due, "rate.wait": self._wait, "rate.taken": self._taken}
        own |= {"rate.before": self._before, "rate.first": self._first}
        return {name: np.array(float(value)) for name, value in own.items() if math.isfinite(value)}

    def restore(self, snapshot: Mapping[str, ArrayLike]) -> None:
        kept = {name: float(np.asarray(value)) for name, value in snapshot.items() if name.partition(".")[0] == "rate"}
        self.rate = kept.get("rate", 1.0)
        self._due, self._wait = int(kept.get("rate.due", 0)), int(kept.get("rate.wait", 1))
        self._taken = int(kept.get("rate.taken", 0))
        self._before, self._first = kept.get("rate.before", math.inf), kept.get("rate.first", math.inf)
