"""`further`: whether a run may go on with an experiment, and whether anything is left to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hwlearn.errors import ExperimentError
from hwlearn.experiments import Experiment
from hwlearn.experiments.runs.fingerprint import differences, fingerprint

if TYPE_CHECKING:
    from hwlearn.experiments.runs.run import Run

DONE = ("steps", "loss", "time", "event", "callback", "not finite")
"""Reasons to stop after which there is nothing to go on with."""


def further(run: Run, now: Experiment, given: Mapping[str, Any], *, changed: bool) -> bool:
    """Whether there is something to do for a run that goes on with an experiment.

    Args:
        run: the run folder.
        now: the experiment to go on with.
        given: keys that shall be other from here on. changed: whether files may be, too.

    Raises:
        ExperimentError: the run cannot go on with this experiment, or not without `changed`; says what is other.
    """
    new, old = fingerprint(now), run.info["fingerprint"]
    if old.get("wiring") != new.get("wiring"):
        raise ExperimentError(
            f"{run.folder}: the bench is wired otherwise than when the run began, and its codes would mean other "
            "resistors; start a new run"
        )
    if ("flow.t_end" in new["settings"]) != run.continuous:
        raise ExperimentError(f"{run.folder}: steps do not go on as a flow, nor a flow in steps; start a new run")
    found = differences(old, new, given)
    if found and not changed:
        raise ExperimentError(
            f"{run.folder}: {now.path.absolute()} is not what the run began with: {'; '.join(found)}; --changed goes on "
            "with it"
        )
    if run.checkpoint is not None and len(run.checkpoint["wanted"]) != len(now.network.edges):
        raise ExperimentError(f"{run.folder}: the network has {len(now.network.edges)} edges now; start a new run")
    ended = run.result is not None and run.state in DONE
    return not ended or bool(found) or (bool(given) and not _reached(run, now))


def _reached(run: Run, experiment: Experiment) -> bool:
    """Whether the run is as far as the experiment says by now.

    Raises:
        ExperimentError: it is further.
    """
    key, wanted = _wanted(experiment)
    done = float(run.checkpoint[run.step_key]) if run.checkpoint is not None else 0.0
    if wanted < done:
        raise ExperimentError(
            f"{run.folder}: {key} asks for {wanted:g}, but the run has come to {done:g}; nothing was changed"
        )
    return wanted == done


def _wanted(experiment: Experiment) -> tuple[str, float]:
    """The key that says how far a run goes, and how far, in steps or seconds."""
    settings = experiment.settings
    if settings.flow is not None:
        return "flow.t_end", settings.flow.t_end
    assert settings.train is not None
    key = "train.steps" if settings.train.epochs is None else "train.epochs"
    return key, settings.train.updates(len(experiment.task))
