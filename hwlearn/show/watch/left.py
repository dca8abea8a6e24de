"""`seconds_left`: how long a run still takes."""

from __future__ import annotations

import math

from hwlearn.experiments.runs.journal import History

LATELY = 100
"""Steps that the speed is taken from."""


def seconds_left(history: History, end: float | None, goal: float | None, decay: float) -> str:
    """How long it is to the last step, or to the loss at which the run stops if that is sooner, in words.

    Args:
        history: of a run that goes on. end: its last step, or time of a flow. goal: the loss at which it stops.
        decay: of the loss, predicted, per step or unit of time; not finite if unknown, or if one step does it all.
    """
    at, seconds = history.at[-LATELY:], history.seconds[-LATELY:]
    if len(at) < 2 or at[-1] == at[0]:
        return "not known yet"
    speed = (seconds[-1] - seconds[0]) / (at[-1] - at[0])
    ways = [] if end is None else [(speed * (end - at[-1]), "at this speed")]
    loss = history.losses[-1]
    if goal is not None and 0 < decay < math.inf and loss > 0:
        ways.append((speed * max(math.log(loss / goal), 0.0) / decay, "by the predicted rate"))
    if not ways:
        return "not known"
    seconds_to_go, why = min(ways)
    return f"{in_words(max(seconds_to_go, 0.0))}, {why}"


def in_words(seconds: float) -> str:
    """Such as "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
