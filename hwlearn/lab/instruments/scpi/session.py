"""`Session`: a conversation with one instrument in which no answer belongs to another question."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.scpi.text import answers, error_number, parse_number
from hwlearn.lab.instruments.scpi.visa import Broken, Line, Visa, Wire

log = logging.getLogger(__name__)

T = TypeVar("T")

QUEUE = ":SYST:ERR?"
PLAIN = Line()
STALE = 3
"""Answers to earlier questions that a serial line may still bring."""
PATIENCE = 5.0
"""So long [s] an instrument that is gone may take to come back: a plug that was pulled, a switch that restarts."""
LONGEST_QUEUE = 50
"""Entries after which an error queue that does not end is emptied by `*CLS`."""


class Refused(InstrumentError):
    """The instrument understood the message and did not do it, or did not understand it."""


class Session:
    """One instrument over PyVISA. Opening asks `*IDN?` and changes no output.

    Each message carries the question for the error queue along, so that a setting and its confirmation are one round trip.
    A time-out, a broken line or an answer of the wrong shape makes the connection suspect: it is closed, opened again and
    the instrument must identify as before. Many instruments ignore what follows a refused command in the same message, the
    question for the queue too: so the queue is read then, in a message of its own. If it explains the silence, the message
    was refused; if not, the message, which must be repeatable, is sent once more.

    Args:
        resource: VISA resource name, such as "TCPIP::192.168.1.20::5025::SOCKET".
        name: the instrument's name in the station file, for errors.
        idn: a part of the `*IDN?` answer that must be there.
        backend: PyVISA's, "@py" or "@ivi".
        timeout: of a message that needs no time of its own [s]; others get twice their own time on top.
        line: how lines go to and fro.
        wire: what carries them instead of PyVISA, for tests of drivers.
        must_lock: refuse an instrument that cannot be locked, or that another account uses, instead of warning.
        queue: the question for an entry of its error queue.

    Attributes:
        identity: the answer to `*IDN?`.
        round_trips: messages sent.
        seconds: time spent on them.
        recoveries: how often the connection failed and the same instrument was found again.
        patience: how long it is waited for when it is gone [s]; 0 is not at all.
        kept: messages that are sent again to an instrument that was found again, for it may have been switched off.

    Raises:
        InstrumentError: not there, in use by another process, or another instrument.
    """

    def __init__(
        self,
        resource: str,
        *,
        name: str,
        idn: str = "",
        backend: str = "@py",
        timeout: float = 2.0,
        line: Line = PLAIN,
        wire: Wire | None = None,
        must_lock: bool = True,
        queue: str = QUEUE,
    ) -> None:
        self.queue = queue
        self.name, self.resource, self.timeout = name, resource, timeout
        self.round_trips, self.seconds, self.recoveries = 0, 0.0, 0
        self.patience = PATIENCE
        self.kept: dict[str, str] = {}
        self._lock = threading.RLock()
        self._closed = False
        self._waiting = False  # an answer is still to come: its question was interrupted, as by Ctrl-C
        self._gone = False  # it has been waited for, and did not come back
        self._suspect = False  # the connection failed, and the same instrument has not been found again
        self._visa = wire or Visa(resource, name=name, backend=backend, line=line, must_lock=must_lock)
        try:
            self._visa.open()
            self._visa.clear()
            self.identity = self._identify()
            if idn not in self.identity:
                raise self.error(f"is {self.identity!r}, and the station file wants {idn!r}: check idn and resource")
            self._visa.identified(self.identity)
        except BaseException:
            self.close()
            raise

    def error(self, message: str) -> InstrumentError:
        """An error that names this instrument."""
        return InstrumentError(message, self.name, self.resource)

    def ask(self, message: str, *, replies: int = 1, seconds: float = 0.0) -> list[str]:
        """The answers to one message, in one round trip.

        Args:
            message: commands and queries joined by ';', each with its leading ':'. It must do the same if it is sent twice.
            replies: number of its queries.
            seconds: how long the instrument may need for it.

        Raises:
            InstrumentError: the instrument refused it, or gave no valid answer twice.
        """
        return self.read(message, lambda fields: fields, replies=replies, seconds=seconds)

    def read(self, message: str, parse: Callable[[list[str]], T], *, replies: int = 1, seconds: float = 0.0) -> T:
        """As `ask`, for answers that `parse` must understand: its ValueError makes the connection suspect too."""
        with self._lock:
            self._refuse_closed()
            timeout, known = self.timeout + 2 * seconds, not (self._suspect or self._waiting)
            try:
                if not known:
                    raise ValueError("an earlier question failed" if self._suspect else "an interrupted question")
                return self._once(message, parse, replies, timeout)
            except Broken as first:
                failed = f"{_said(first)} to {message}"
                self.recoveries += 1
            try:
                entries = self._recover()
                log.warning("%s: %s; opened again", self.name, failed)
                if known and any(map(_refuses, entries)):
                    self.recoveries -= 1  # the connection did not fail
                    raise self._refused(message, entries)
                return self._once(message, parse, replies, timeout)
            except Broken as second:
                self._suspect = True
                raise self.error(f"{_said(second)} to {message!r}, twice; check its connection") from None

    def alone(self, question: str) -> str:
        """The answer to a question that is sent without the one for the error queue, which not every language has.

        Raises:
            InstrumentError: no answer.
        """
        with self._lock:
            self._refuse_closed()
            try:
                return self._exchange(question, self.timeout).strip()
            except Broken as error:
                self._suspect = True
                raise self.error(f"{_said(error)} to {question!r}") from None

    def off(self, message: str, question: str) -> None:
        """Send a message alone and ahead of all else, ask whether it was done, and try twice.

        Nothing that was refused before can keep it from being heard, and no kept message is sent before it.

        Args:
            message: one command. question: whose answer is 0 once it is done.

        Raises:
            InstrumentError: it was not done.
        """
        with self._lock:
            self._refuse_closed()
            said = ""
            for _ in range(2):
                try:
                    if self._suspect or self._waiting:
                        self._reopen()
                    self._visa.write(message, self.timeout)
                    answer = self._exchange(question, self.timeout)
                    if not parse_number(answer):
                        return
                    said = f"answers {answer!r} to {question!r}"
                except Broken as error:
                    said = f"{_said(error)} to {question!r}"
                    self._suspect = True
            raise self.error(f"was told {message!r}, twice, and {said}")

    def empty_queue(self) -> list[str]:
        """The entries of the error queue, which is empty then."""
        entries: list[str] = []
        with self._lock:
            while error_number(entry := self._exchange(self.queue, self.timeout)):
                entries.append(entry)
                if len(entries) == LONGEST_QUEUE:
                    error_number(self._exchange(f"*CLS;{self.queue}", self.timeout))
                    break
        return entries

    def tell(self, message: str, *, seconds: float = 0.0) -> None:
        """Send settings and wait until they are done and free of errors, in one round trip."""
        self.read(f"{message};*OPC?", _acknowledged, seconds=seconds)

    def _once(self, message: str, parse: Callable[[list[str]], T], replies: int, timeout: float) -> T:
        fields = answers(self._exchange(f"{message};{self.queue}", timeout))
        if error_number(fields[-1]):
            entries = [fields[-1]]
            with suppress(*Broken):
                entries += self.empty_queue()
            raise self._refused(message, entries)
        if len(fields) != replies + 1:
            raise ValueError(f"{len(fields) - 1} answers for {replies}")
        return parse(fields[:-1])

    def _exchange(self, message: str, timeout: float) -> str:
        began = time.perf_counter()
        try:
            self.round_trips += 1
            self._waiting = True
            self._visa.write(message, timeout)
            answer = self._visa.read(timeout)
            self._waiting = False
            return answer
        finally:
            self.seconds += time.perf_counter() - began

    def _refused(self, message: str, entries: list[str]) -> Refused:
        return Refused(f"refused {message!r}: {', '.join(entries)}", self.name, self.resource)

    def _refuse_closed(self) -> None:
        if self._closed:
            raise self.error("is closed")

    def _identify(self) -> str:
        try:
            return self._exchange("*IDN?", self.timeout)
        except Broken as error:
            raise self.error(
                f"{_said(error)} to '*IDN?'; check its address, its cable and its line ends (terminator)"
            ) from None

    def _reopen(self) -> None:
        """A fresh connection to the same instrument, once it is there again."""
        self._suspect = True
        until, pause = time.monotonic() + (0.0 if self._gone else self.patience), 0.1
        self._gone = True  # it is waited for once
        while True:
            try:
                self._visa.reopen()
                identity = self._identify()
                break
            except InstrumentError:
                if time.monotonic() + pause > until:
                    raise
            time.sleep(pause)
            pause *= 2
        self._gone = False
        with suppress(*Broken):
            for _ in range(STALE if self._visa.serial else 0):  # what comes late on a serial line comes before the identity
                if identity != self.identity:
                    identity = self._visa.read(self.timeout)
        if identity != self.identity:
            raise self.error(f"was {self.identity!r} and is now {identity!r}")
        self._suspect = False

    def _recover(self) -> list[str]:
        """What was in the error queue of the same instrument, connected afresh, what must be kept sent again."""
        self._reopen()
        self._suspect = True
        entries = self.empty_queue()
        for message in self.kept.values():
            self._visa.write(message, self.timeout)  # alone: what is refused may take the question for the queue along
            if refused := self.empty_queue():
                raise self._refused(message, refused)
        self._suspect = False
        return entries

    def close(self) -> None:
        """Let go of the instrument, as it is; may be called twice."""
        with self._lock:
            self._closed = True
            self._visa.close()


def _acknowledged(fields: list[str]) -> None:
    if fields != ["1"]:
        raise ValueError(f"{fields} instead of an acknowledgement")


def _refuses(entry: str) -> bool:
    """Whether an entry is of a command that was not done; those of lost answers and of power-up (-400 and below) are not."""
    return not -900 < error_number(entry) <= -400


def _said(error: BaseException) -> str:
    """What an instrument answered instead of an answer."""
    text = " ".join(str(error).split())
    if "VI_ERROR_TMO" in text or isinstance(error, TimeoutError):
        return "gave no answer in time"
    return f"gave no valid answer ({text})"
