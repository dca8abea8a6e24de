"""`run_experiment`: train as an experiment says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.errors import HwlearnError, MeasurementError
from hwlearn.experiments.cost import POINTS, cost_of
from hwlearn.experiments.experiment import Experiment
from hwlearn.experiments.grades import Grades, grades_of
from hwlearn.experiments.memristors import as_they_are
from hwlearn.experiments.outcome import Outcome
from hwlearn.learning.flow import flow
from hwlearn.learning.rule import Reading
from hwlearn.learning.scores import Score, Scores
from hwlearn.learning.task import Task
from hwlearn.learning.train import task_loss, train
from hwlearn.learning.training_result import TrainState
from hwlearn.learning.trajectory import Trajectory

Progress = Callable[[float, float, float], object]
OnScore = Callable[[Score], object]

PATIENCE = 0.5  # seconds that an interrupted run may still take to measure where it stands


@dataclass(frozen=True)
class Earlier:
    """What a run had done before it was cut off.

    Attributes:
        loss_initial: as in `Outcome`.
        at, losses: of the steps (or times of a flow) before the snapshot.
        seconds: of training.
        snapshot: `TrainState.snapshot`, or {"t", "wanted"} of a flow.
        scores: of the epochs before the snapshot.
    """

    loss_initial: float
    at: tuple[float, ...]
    losses: tuple[float, ...]
    seconds: float
    snapshot: Mapping[str, Array]
    scores: tuple[Score, ...] = ()


class Point(NamedTuple):
    """The state of the circuit at a step: a row of `Trajectory`.

    Attributes:
        conductances: (E,) S, as realised. codes: see `Circuit.codes`. outputs: (S, n_out) V, None where not read.
    """

    conductances: Array
    codes: NDArray[np.intp] | None
    outputs: Array | None


class Recorder(Protocol):
    """Writes a run down. `earlier` is what it had done before, if it goes on."""

    earlier: Earlier | None

    def begin(self, circuit: Circuit, loss_initial: float) -> None:
        """The circuit is there."""

    def note(
        self,
        at: float,
        loss: float,
        clipped: int,
        noise: float,
        snapshot: Mapping[str, Array],
        point: Point,
        score: Score | None = None,
        celsius: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """A step is about to be made from `snapshot`, or the last one was made; at the start of an epoch it has a score.
        Temperatures by thermometer [°C]."""

    def end(self, circuit: Circuit, stopped_because: str, kept: int | None, error: BaseException | None) -> None:
        """The training is over, and left the circuit in the state of the step `kept`; it may be closed. None for a flow.

        `error` is what ended it, if that was no plan.
        """


@dataclass
class _Trace:
    """What is known of a run while it goes on."""

    progress: Progress | None
    recorder: Recorder | None
    scored: OnScore | None = None
    steps: int = 0
    at: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    conductances: Array | None = None
    kept: int | None = None
    stopped_because: str = ""
    along: Trajectory | None = None
    error: BaseException | None = None

    def note(self, done: float, total: float, loss: float) -> None:
        self.at.append(done)
        self.losses.append(loss)
        if self.progress is not None:
            self.progress(done, total, loss)

    def score(self, score: Score) -> None:
        self.scores.append(score)
        if self.scored is not None:
            self.scored(score)


def run_experiment(
    experiment: Experiment,
    progress: Progress | None = None,
    recorder: Recorder | None = None,
    scored: OnScore | None = None,
) -> Outcome:
    """Train the experiment's circuit. In one piece: the outcome names each of its fields once.

    Ctrl-C and a circuit that stops answering end the training, not this function: the outcome holds the last good
    conductances, and `Outcome.error` what happened.

    Args:
        experiment: from `load_experiment`.
        progress: called with (steps or time done, of how much, loss that the rule observes).
        recorder: writes the run down, and tells what it had done before; see `hwlearn.experiments.runs.Run`.
        scored: called with the score of each epoch.

    Raises:
        ExperimentError: the experiment does not fit together.
        MeasurementError, KeyboardInterrupt: before the first step was made.
    """
    network, task, rule = experiment.network, experiment.task, experiment.rule
    settings = experiment.settings
    trace, earlier = _Trace(progress, recorder, scored), None if recorder is None else recorder.earlier
    with experiment.named(), _circuit(experiment) as circuit:
        if earlier is None:
            loss_initial, outputs = task_loss(circuit, task)
        else:
            loss_initial = earlier.loss_initial
            trace.at, trace.losses, trace.scores = list(earlier.at), list(earlier.losses), list(earlier.scores)
        if recorder is not None:
            recorder.begin(circuit, loss_initial)
        started = time.perf_counter()
        try:
            if settings.train is not None:
                _train(experiment, circuit, trace)
            else:
                _flow(experiment, circuit, trace)
        except (KeyboardInterrupt, MeasurementError) as error:
            if trace.conductances is None:
                raise
            trace.error = error
            trace.stopped_because = "interrupted" if isinstance(error, KeyboardInterrupt) else "error"
        seconds = time.perf_counter() - started + (earlier.seconds if earlier else 0.0)
        if recorder is not None:
            recorder.end(circuit, trace.stopped_because, trace.kept, trace.error)
        final = circuit.conductances if trace.conductances is None else trace.conductances
        loss_final, outputs, grades = _in_the_end(experiment, circuit, final, cut_short=trace.error is not None)
        trained = as_they_are(network.with_found(final), circuit.provenance())
        ledger = circuit.ledger
    if ledger is None and trace.along is not None:
        ledger = cost_of(experiment, trace.along)
    return Outcome(
        rule=rule.name,
        backend=settings.backend.name,
        steps=trace.steps,
        loss_initial=loss_initial,
        loss_final=loss_final,
        inputs=task.inputs,
        outputs=outputs,
        targets=task.targets,
        network=trained,
        continuous=settings.flow is not None,
        progress=np.array(trace.at),
        losses=np.array(trace.losses),
        loss_unit=rule.loss_unit,
        nudge=rule.amplitude(network),
        nudge_unit=rule.nudge_unit,
        symmetric=rule.symmetric,
        remedies=experiment.remedies,
        kept_step=trace.kept,
        stopped_because=trace.stopped_because,
        error=trace.error,
        seconds=seconds,
        overrides=dict(experiment.overrides),
        notes=experiment.notes,
        scores=Scores.of(trace.scores),
        score_unit=rule.loss.unit,
        grades=grades,
        ledger=ledger,
    )


def _circuit(experiment: Experiment) -> Circuit:
    """The circuit that is trained: identified again and again, if the experiment says so."""
    circuit, table = experiment.circuit(), experiment.settings.train
    if table is None or table.identify_every is None:
        return circuit
    from hwlearn.analysis.identified import IdentifiedCircuit, probe_drive

    amperes = 0.5 * experiment.backend().largest_injection(experiment.path.parent)
    try:
        drive = probe_drive(experiment.network, experiment.task, amperes=amperes)
        return IdentifiedCircuit(circuit, drive, table.identify_every)
    except BaseException:
        circuit.close()
        raise


def _train(experiment: Experiment, circuit: Circuit, trace: _Trace) -> None:
    table = experiment.settings.train
    assert table is not None

    recorder, total = trace.recorder, table.updates(len(experiment.task))

    def note(state: TrainState) -> None:
        if recorder is not None:
            point, warm = Point(state.conductances, circuit.codes, state.outputs), circuit.celsius()
            recorder.note(state.step, state.loss, state.clipped, state.noise, state.snapshot(), point, state.score, warm)
        if state.score is not None:
            trace.score(state.score)
        trace.steps, trace.conductances, trace.kept = state.step, state.conductances, state.step
        if state.best is not None:  # what a training that is cut short was sure of
            trace.conductances, trace.kept = state.best.conductances, state.best.step
        trace.note(state.step, total, state.loss)

    start = recorder.earlier.snapshot if recorder is not None and recorder.earlier is not None else None
    options: dict[str, Any] = {
        **table.arguments,
        "test": experiment.test,
        "callbacks": [note],
        "start": start,
        "trajectory": POINTS if recorder is None else 0,  # a recorder keeps its own
    }
    result = train(circuit, experiment.task, experiment.rule, **options)
    trace.steps, trace.conductances, trace.stopped_because = result.steps, result.conductances, result.stopped_because
    trace.kept, trace.along = result.kept, None if recorder is not None else result.trajectory


def _flow(experiment: Experiment, circuit: Circuit, trace: _Trace) -> None:
    table = experiment.settings.flow
    assert table is not None
    recorder, start, task = trace.recorder, 0.0, experiment.task
    whole = experiment.rule.sufficient(circuit, task) is task
    at, losses = list(trace.at), list(trace.losses)
    if recorder is not None and recorder.earlier is not None:
        snapshot = recorder.earlier.snapshot
        start = min(float(snapshot["t"]), table.t_end * (1 - 1e-12))  # a flow that was cut off after its last step
        circuit.program(snapshot["wanted"])

    def note(done: float, loss: float) -> None:
        trace.steps, trace.conductances = trace.steps + 1, circuit.conductances
        trace.note(done, table.t_end, loss)

    def accepted(done: float, conductances: Array, reading: Reading) -> None:
        if recorder is not None:
            point = Point(circuit.conductances, circuit.codes, reading.outputs if whole else None)
            snapshot = {"t": np.array(done), "wanted": conductances}
            recorder.note(done, reading.loss, 0, reading.noise, snapshot, point, celsius=circuit.celsius())

    result = flow(
        circuit,
        task,
        experiment.rule,
        (start, table.t_end),
        method=table.method,
        rtol=table.rtol,
        stop_loss=table.stop_loss,
        trajectory=POINTS if recorder is None else 0,
        progress=note,
        accepted=accepted,
    )
    trace.at, trace.losses = at + result.at.tolist(), losses + result.losses.tolist()
    trace.steps, trace.conductances = len(trace.at) - 1, result.conductances
    trace.along = None if recorder is not None else result.trajectory
    trace.stopped_because = result.stopped_because


def _in_the_end(
    experiment: Experiment, circuit: Circuit, conductances: Array, *, cut_short: bool
) -> tuple[float, Array, Grades]:
    """Loss [V²], outputs (S, n_out) [V] and grades after the last step; no grades of a run that was cut short."""
    if cut_short:
        return *_last_loss(circuit, experiment.task, conductances, experiment.backend().hardware), Grades()
    loss, outputs = task_loss(circuit, experiment.task)
    return loss, outputs, grades_of(experiment, circuit, outputs)


def _last_loss(circuit: Circuit, task: Task, conductances: Array, hardware: bool) -> tuple[float, Array]:
    """Loss [V²] and outputs (S, n_out) [V] after a run that was cut short.

    NaN if the circuit does not answer soon, and of hardware: who stops a bench wants it safe, not driven once more.
    """
    answer = [(float("nan"), np.full(task.targets.shape, np.nan))]
    if hardware:
        return answer[0]

    def ask() -> None:
        try:
            circuit.program(conductances)
            answer.append(task_loss(circuit, task))
        except HwlearnError:
            pass

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return answer[-1]
