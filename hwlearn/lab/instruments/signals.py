"""Signals that would end the process without its `finally` clauses."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def ending_signals_raise() -> Iterator[None]:
    """SIGTERM and SIGHUP raise SystemExit(128 + number) inside, as SIGINT raises KeyboardInterrupt: every `with` is left.

    An ignored signal, as under `nohup`, stays ignored. Only the main thread can catch signals; in others nothing changes.
    """
    if not _main():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    before = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}
    for number in before:
        signal.signal(number, _leave)
    try:
        yield
    finally:
        if _main():  # a circuit may be closed by another thread than the one that made it
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def ending_signals_wait() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP wait until the block is done, then act: an impatient second Ctrl-C must not leave outputs on.

    If the block raises, its error goes on and the signals are forgotten.
    """
    if not _main():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda which, _: came.append(which)) for number in (signal.SIGINT, *ENDING)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


def _main() -> bool:
    return threading.current_thread() is threading.main_thread()


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
