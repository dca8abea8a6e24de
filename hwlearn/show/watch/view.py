"""`Watched`: what there is to see of a run that goes on, at each moment."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError
from hwlearn.experiments.prediction import predicted_decay
from hwlearn.experiments.runs.following import Following
from hwlearn.learning.train import task_loss
from hwlearn.show.facts.facts import Pairs
from hwlearn.show.facts.training import run_caption
from hwlearn.show.watch.left import seconds_left

POINTS = 1000
"""Points of a curve."""

SILENT = 10.0
"""Seconds without a step after which that is said; or 20 steps' time, if that is longer."""

Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Device:
    """An edge as its device is set: conductance asked for [S], code and writes where there are any."""

    edge: str
    conductance: float
    code: int | None
    writes: int | None


@dataclass(frozen=True, eq=False)
class View:
    """A run at one moment.

    Attributes:
        title, caption, state: in words. facts: names and values.
        at, losses, noise: (K,) of the steps that are drawn; noise in V.
        predicted: (K,) the loss from here on, and back, at the rate that coercivity predicts; NaN where nothing is predicted.
        targets, outputs: (S, n_out) V; outputs are those that the last free phases read, or else those of the model.
        outputs_source: which of the two, in words.
        output_names: (n_out,). no_model: why there are no outputs and no prediction, or an empty text.
        edges: names. seen_at: (L,) steps at which conductances (L, E) S were kept, or else seen.
        devices: one for each edge.
        events: dates and texts, the last one first.
        unit: of the losses. continuous: whether steps are times.
    """

    title: str
    caption: str
    state: str
    facts: Pairs
    at: Array
    losses: Array
    noise: Array
    predicted: Array
    targets: Array
    outputs: Array
    outputs_source: str
    output_names: tuple[str, ...]
    no_model: str
    edges: tuple[str, ...]
    seen_at: Array
    conductances: Array
    devices: tuple[Device, ...]
    events: Pairs
    unit: str
    continuous: bool


@dataclass(frozen=True, eq=False)
class _Model:
    """What the model says at some conductances."""

    outputs: Array
    decay: float
    why: str


_NOTHING = _Model(np.zeros((0, 0)), math.nan, "")


class Paced(Generic[Seen]):
    """Makes something anew, but takes no more than a twentieth of the time for it: the last one is good until then."""

    def __init__(self, make: Callable[[], Seen], clock: Callable[[], float] = time.monotonic) -> None:
        self._make, self._clock, self._due = make, clock, -math.inf
        self._made: Seen | None = None

    def __call__(self) -> Seen:
        began = self._clock()
        if self._made is None or began >= self._due:
            self._made = self._make()
            ended = self._clock()
            self._due = ended + 20 * (ended - began)
        return self._made


class Watched:
    """Looks at a run as often as it is asked.

    Args:
        following: the run. now: seconds since the epoch, as files have them.
    """

    def __init__(self, following: Following, now: Callable[[], float] = time.time) -> None:
        self._following, self._now = following, now
        self._model = Paced(self._modelled)
        self._seen_at: list[float] = []
        self._seen: list[Array] = []

    def look(self) -> View:
        """The run by now.

        Raises:
            ExperimentError: its folder is damaged or gone.
        """
        following = self._following
        following.look()
        self._remember()
        run, history, model = following.run, following.history, self._model()
        shown = _thinned(history.at)
        at, losses, noise = (np.array(column)[shown] for column in (history.at, history.losses, history.noise))
        edges = run.experiment.network.edge_names if not model.why else ()
        kept = following.trajectory
        if kept is not None and kept.conductances.shape[1] == len(edges):
            seen_at, conductances = kept.at, kept.conductances
        else:
            seen_at = np.array(self._seen_at)
            conductances = np.array(self._seen) if self._seen else np.zeros((0, len(edges)))
        return View(
            title=run.info["title"],
            caption=run_caption(run),
            state=self._state(),
            facts=self._facts(model),
            at=at,
            losses=losses,
            noise=noise,
            predicted=_predicted(at, losses, model.decay),
            targets=run.experiment.task.targets if not model.why else np.zeros((0, 0)),
            outputs=model.outputs if (read := self._read_outputs(model)) is None else read,
            outputs_source="as the exact model has them" if read is None else "as the last free phases read them",
            output_names=run.experiment.network.output_names if not model.why else (),
            no_model=model.why,
            edges=edges,
            seen_at=seen_at,
            conductances=conductances,
            devices=self._devices(edges),
            events=self._events(),
            unit=run.loss_unit,
            continuous=run.continuous,
        )

    def _state(self) -> str:
        """ "running", why it stopped, or that nobody has heard of it for a while."""
        following = self._following
        if (why := following.stopped_because) is not None:
            return f"stopped because: {why}"
        seconds = following.history.seconds
        if not seconds:
            return "waiting for the first step"
        quiet = self._now() - following.path.stat().st_mtime
        usual = (seconds[-1] - seconds[0]) / max(len(seconds) - 1, 1)
        if quiet > max(SILENT, 20 * usual):
            return f"no step for {quiet:,.0f} s: if it was killed, `hwlearn resume {following.run.folder}` goes on"
        return "running"

    def _facts(self, model: _Model) -> Pairs:
        run, history = self._following.run, self._following.history
        name, per = ("t", "per unit of time") if run.continuous else ("step", "per step")
        pairs = [("rule", run.settings["rule.name"]), ("backend", run.settings["backend.name"])]
        if not history.at:
            return tuple(pairs)
        end = self._end()
        pairs.append((name, _count(history.at[-1]) + (f" of {_count(end)}" if end is not None else "")))
        pairs.append(("loss that the rule observes", f"{history.losses[0]:.4g} → {history.losses[-1]:.4g} {run.loss_unit}"))
        if math.isfinite(model.decay):
            pairs.append(("predicted decay of the loss", f"{model.decay:.4g} {per}"))
        if self._following.stopped_because is None:
            pairs.append(("time left", seconds_left(history, end, self._goal(), model.decay)))
        if math.isfinite(history.noise[-1]):
            pairs.append(("noise of a reading", f"{history.noise[-1]:.3g} V"))
        if history.clipped[-1]:
            pairs.append(("resistors at a bound", str(history.clipped[-1])))
        if history.scores:
            both = (history.scores[-1].accuracy, history.scores[-1].test_accuracy)
            parts = [f"{value:.4g}" for value in both if math.isfinite(value)]
            pairs += [("accuracy", ", in the test ".join(parts))] if parts else []
        return (*pairs, *self._bench())

    def _bench(self) -> list[tuple[str, str]]:
        """What the circuit said of itself when it was last connected."""
        told = next((dict(event["circuit"]) for event in reversed(self._following.history.events) if "circuit" in event), {})
        instruments = [(name, str(found["identity"])) for name, found in told.get("instruments", {}).items()]
        return [*([("station", str(told["station"]))] if "station" in told else []), *instruments]

    def _events(self) -> Pairs:
        """Starts, stops, and what was refused or made again."""

        key = self._following.key

        def words(event: dict[str, Any]) -> str:
            where = f" at {key} {event[key]:g}" if key in event else ""
            why = f": {event['stopped_because']}" if "stopped_because" in event else ""
            said = str(event.get("text") or event.get("error") or "")
            return f"{event['event']}{where}{why}" + (f": {said}" if said else "")

        return tuple((str(event["date"]), words(event)) for event in reversed(self._following.history.events[-100:]))

    def _devices(self, edges: Sequence[str]) -> tuple[Device, ...]:
        g = self._following.conductances
        if g is None or len(g) != len(edges):
            return ()
        codes, writes = (_whole(self._following.of_edges(name), len(g)) for name in ("codes", "writes"))
        return tuple(map(Device, edges, g.tolist(), codes, writes))

    def _read_outputs(self, model: _Model) -> Array | None:
        """What was measured at the last step that is kept; None where nothing was, or not of all samples."""
        kept = self._following.trajectory
        if kept is None or kept.outputs is None or not len(kept.at) or kept.outputs.shape[1:] != model.outputs.shape:
            return None
        last = kept.outputs[-1]
        return last if np.isfinite(last).all() else None

    def _remember(self) -> None:
        """Keep the conductances that are seen, every second look of them when they are too many."""
        g, at = self._following.conductances, self._following.history.at
        if g is None or not at:
            return
        while self._seen_at and self._seen_at[-1] >= at[-1]:
            self._seen_at.pop()
            self._seen.pop()
        self._seen_at.append(at[-1])
        self._seen.append(g)
        if len(self._seen) > 2 * POINTS:
            self._seen_at, self._seen = self._seen_at[::2], self._seen[::2]

    def _modelled(self) -> _Model:
        """Outputs and rate that the exact model has at the last step's conductances."""
        run, g = self._following.run, self._following.conductances
        try:
            experiment = run.experiment
            if g is None:
                return _NOTHING
            network = experiment.network.with_conductances(g)
            with experiment.backend("exact").circuit(network, experiment.path.parent) as circuit:
                outputs = task_loss(circuit, experiment.task)[1]
        except HwlearnError as error:
            return _Model(_NOTHING.outputs, math.nan, str(error))
        try:
            return _Model(outputs, predicted_decay(experiment, g), "")
        except HwlearnError:
            return _Model(outputs, math.nan, "")

    def _end(self) -> float | None:
        """The last step, or the last time of a flow."""
        try:
            experiment = self._following.run.experiment
            table, flow = experiment.settings.train, experiment.settings.flow
            return flow.t_end if flow is not None else float(table.updates(len(experiment.task))) if table else None
        except HwlearnError:
            return None

    def _goal(self) -> float | None:
        settings = self._following.run.settings
        goal = settings.get("train.stop_loss", settings.get("flow.stop_loss"))
        return None if goal is None else float(goal)


def _predicted(at: Array, losses: Array, decay: float) -> Array:
    """The line of the predicted rate through the last loss."""
    seen = np.flatnonzero(losses > 0)
    if not (len(seen) and math.isfinite(decay)):
        return np.full(len(at), math.nan)
    drawn = losses[seen[-1]] * np.exp(-np.clip(decay * (at - at[seen[-1]]), -700, 700))
    return np.where(drawn <= 10 * losses[seen].max(), drawn, math.nan)


def _thinned(values: Sequence[float]) -> NDArray[np.intp]:
    """Which of them are drawn."""
    count = len(values)
    return np.unique(np.linspace(0, count - 1, min(count, POINTS)).round().astype(np.intp))


def _whole(values: Array | None, count: int) -> list[int | None]:
    """As whole numbers; None where there are none, as the code of a fixed resistor."""
    if values is None:
        return [None] * count
    return [int(value) if value >= 0 else None for value in values.tolist()]


def _count(value: float) -> str:
    """A step number with its thousands, or a time."""
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.6g}"
