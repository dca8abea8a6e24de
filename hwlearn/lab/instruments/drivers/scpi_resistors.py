"""Driver of resistor boxes that speak the protocol of docs/resistor-box.md."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hwlearn.lab.instruments.roles import ResistorBox
from hwlearn.lab.instruments.scpi.instrument import ScpiInstrument
from hwlearn.lab.instruments.scpi.session import Refused
from hwlearn.lab.instruments.scpi.text import number, parse_flag, parse_integers


class ScpiResistors(ScpiInstrument, ResistorBox):
    """Digipots or relay resistors behind a microcontroller that speaks the protocol of docs/resistor-box.md."""

    model = "SCPI resistor box"
    count = top = 0

    def size(self) -> tuple[int, int]:
        if not self.count:
            self.count, self.top = self.session.read(":RES:COUN?", lambda fields: parse_integers(fields[0], 2)).tolist()
        return self.count, self.top

    def state(self) -> tuple[NDArray[np.intp], bool]:
        count, _ = self.size()

        def parse(fields: list[str]) -> tuple[NDArray[np.intp], bool]:
            return parse_integers(fields[0], count), parse_flag(fields[1])

        return self.session.read(":RES:CODE?;:RES:OPEN?", parse, replies=2)

    def write(self, codes: Sequence[int]) -> None:
        count, top = self.size()
        if len(codes) != count or not all(0 <= code <= top for code in codes):
            raise self.error(f"takes {count} codes from 0 to {top}, not {list(codes)}")
        told = self.session.read(
            f":RES:CODE {','.join(map(str, codes))};:RES:CODE?", lambda fields: parse_integers(fields[0], count)
        )
        wrong = np.flatnonzero(told != np.asarray(codes))
        if len(wrong):
            k = int(wrong[0])
            raise self.error(f"resistor {k} was set to code {codes[k]} and says {told[k]}")

    def watchdog(self, seconds: float) -> None:
        try:
            self.session.tell(f":SYST:WDOG {number(seconds)}")
        except Refused:
            if seconds:  # a box without a watchdog has none that somebody left on
                raise

    def open(self) -> None:
        self.session.tell(":RES:OPEN")
