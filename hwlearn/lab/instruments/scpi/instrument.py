"""`ScpiInstrument`: an instrument that is told what to do by messages."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.found import Found, Unusable
from hwlearn.lab.instruments.roles import Instrument, Wired
from hwlearn.lab.instruments.scpi.look import Setting
from hwlearn.lab.instruments.scpi.session import PATIENCE, QUEUE, Refused, Session
from hwlearn.lab.instruments.scpi.visa import Broken, Line
from hwlearn.lab.instruments.settings import Setup

log = logging.getLogger(__name__)


class ScpiInstrument(Instrument):
    """The base of SCPI drivers: a session.

    Args:
        session: connected. line_hz: frequency of the mains [Hz].

    Attributes:
        bilingual: whether it has other languages than SCPI, and `*LANG?` tells which it speaks.
        language: that it speaks. queue: what was in its error queue when it was connected.
    """

    address: ClassVar[str] = "VISA resource name"
    bilingual: ClassVar[bool] = False
    language = "SCPI"
    queue: Sequence[str] = ()
    _unsafe = False  # could not be made safe

    def __init__(self, session: Session, line_hz: int = 50) -> None:
        super().__init__(session.name)
        self.session, self.line_hz = session, line_hz

    @classmethod
    def connect(cls, setup: Setup) -> Self:
        table = setup.table
        line = Line(
            table.terminator,
            table.open_delay_s,
            table.baud_rate,
            table.data_bits,
            table.parity,
            table.stop_bits,
            table.flow_control,
        )
        resource = setup.resource or ""
        session = Session(
            resource,
            name=setup.name,
            idn=table.idn,
            backend=setup.backend,
            timeout=setup.timeout_s,
            line=line,
            must_lock=setup.must_lock,
            queue=table.scpi.errors if table.scpi else QUEUE,
        )
        made = cls(session, setup.line_hz)
        try:
            if cls.bilingual:
                made.language = session.alone("*LANG?").upper()
            if made.language == cls.language:
                made.queue = session.empty_queue()
        except (InstrumentError, *Broken) as error:
            session.close()
            raise session.error(f"does not answer {session.queue} ({error}); does it speak SCPI?") from None
        return made

    @property
    def identity(self) -> str:
        return self.session.identity

    @property
    def recoveries(self) -> int:
        return self.session.recoveries

    def report(self) -> dict[str, Any]:
        session = self.session
        return {**super().report(), "round_trips": session.round_trips, "seconds": session.seconds}

    def error(self, message: str) -> InstrumentError:
        return self.session.error(message)

    def look(self, wired: Wired) -> list[Found]:
        if self.language != type(self).language:
            chosen = f"send '*LANG {type(self).language}', or choose {type(self).language} in its menu"
            return [Unusable(f"speaks {self.language}: {chosen}, then switch it off and on")]
        found = [Found(f"has in its error queue, from before: {entry}") for entry in self.queue]
        for channels in self._places(wired):
            settings = self._modes(channels)
            for setting, answer in zip(settings, self._answers([setting.query for setting in settings]), strict=True):
                found += setting.found(answer, channels) if answer is not None else []
        return found

    def _answers(self, queries: Sequence[str]) -> Sequence[str | None]:
        """Of some questions; None from an instrument that has no such mode, or not now. One round trip if it has all."""
        if not queries:
            return []
        try:
            return self.session.ask(";".join(queries), replies=len(queries))
        except Refused as error:
            log.debug("%s", error)
            return [None] if len(queries) == 1 else [answer for query in queries for answer in self._answers([query])]

    def _places(self, wired: Wired) -> Sequence[Sequence[str]]:
        """The channels that `_modes` are asked of, those together that one question is for."""
        return [[]]

    def _modes(self, channels: Sequence[str]) -> Sequence[Setting]:
        """What it may have been left with."""
        return ()

    def present(self) -> None:
        self.session.ask("*OPC?")

    def safe(self, wired: Wired) -> None:
        """At first without waiting for an instrument that is gone: others are not safe yet."""
        self.session.patience = PATIENCE if self._unsafe else 0.0
        self._unsafe = True
        super().safe(wired)
        self.session.patience, self._unsafe = PATIENCE, False

    def close(self) -> None:
        self.session.close()
