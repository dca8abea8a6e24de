"""`trying`: calls of somebody else's code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.roles import Instrument
from hwlearn.lab.instruments.signals import ending_signals_wait


@contextmanager
def trying(instrument: Instrument, what: str) -> Iterator[None]:
    """Whatever is raised inside is an `InstrumentError` that says what was done; signals that end the process wait.

    So no answer is left in a line for the next question.
    """
    try:
        with ending_signals_wait():
            yield
    except InstrumentError as error:
        text = str(error).removeprefix(str(instrument.error("")))
        raise instrument.error(f"{what}: {text}") from error
    except Exception as error:  # whatever a driver of somebody else raises
        raise instrument.error(f"{what}: {type(error).__name__}: {error}") from error
