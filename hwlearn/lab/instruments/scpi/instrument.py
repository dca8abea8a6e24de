"""`ScpiInstrument`: an instrument that is told what to do by messages."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Self

from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.roles import Instrument
from hwlearn.lab.instruments.scpi.session import Session
from hwlearn.lab.instruments.scpi.visa import Broken, Line
from hwlearn.lab.instruments.settings import Setup

log = logging.getLogger(__name__)


class ScpiInstrument(Instrument):
    """The base of SCPI drivers: a session.

    Args:
        session: connected. line_hz: frequency of the mains [Hz].
    """

    address: ClassVar[str] = "VISA resource name"
    language: ClassVar[str] = ""
    """What `*LANG?` must answer; instruments without a choice of languages do not know it."""

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
        )
        try:
            if cls.language and (other := session.ask_alone("*LANG?")) != cls.language:
                chosen = f"send '*LANG {cls.language}', or choose {cls.language} in its menu"
                raise session.error(f"speaks {other}: {chosen}, then switch it off and on")
            for entry in session.empty_queue():
                log.warning("%s: in its error queue from before: %s", setup.name, entry)
        except Broken as error:
            session.close()
            raise session.error(f"does not answer :SYST:ERR? ({error}); does it speak SCPI?") from None
        except InstrumentError:
            session.close()
            raise
        return cls(session, setup.line_hz)

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

    def present(self) -> None:
        self.session.ask("*OPC?")

    def close(self) -> None:
        self.session.close()
