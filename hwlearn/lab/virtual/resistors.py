"""Virtual resistor box: hwlearn's own `scpi_resistors`, with its watchdog."""

from __future__ import annotations

import asyncio

from hwlearn.lab.virtual.model import BenchModel
from hwlearn.lab.virtual.scpi import Command, ScpiError, ScpiInstrument


class VirtualResistorBox(ScpiInstrument):
    """`RES:CODE …`, `RES:CODE?`, `RES:COUN?`, `RES:OPEN`, `RES:OPEN?`, `SYST:WDOG s`; powers up at mid-scale.

    Args:
        count: number of channels.
        top: largest code.
    """

    identity = "HWLEARN,RESISTORS,0,1.0"

    def __init__(self, name: str, model: BenchModel, count: int, top: int) -> None:
        super().__init__(name, model)
        self.count, self.top, self.opened = count, top, False
        self.watchdog = 0.0
        """Seconds without a message after which all edges open; 0 is off."""
        self._timer: asyncio.TimerHandle | None = None
        self.codes = [(model.codes(self.place(k)) or top + 1) // 2 for k in range(count)]
        for k, code in enumerate(self.codes):
            model.set_code(self.place(k), code)

    def command(self, command: Command) -> str | None:
        if command.header == "RES:CODE":
            self._write(command.arguments)
        elif command.header == "RES:CODE?":
            return ",".join(map(str, self.codes))
        elif command.header == "RES:COUN?":
            return f"{self.count},{self.top}"
        elif command.header == "RES:OPEN":
            self.open()
        elif command.header == "RES:OPEN?":
            return str(int(self.opened))
        elif command.header == "SYST:WDOG":
            if command.number < 0:
                raise ScpiError(-222, "Data out of range")
            self.watchdog = command.number
            self.received()
        elif command.header == "SYST:WDOG?":
            return f"{self.watchdog:g}"
        else:
            return super().command(command)
        return None

    def _write(self, arguments: tuple[str, ...]) -> None:
        if len(arguments) != self.count:
            raise ScpiError(-115, "Unexpected number of parameters")
        if not all(text.isascii() and text.isdigit() for text in arguments):
            raise ScpiError(-121, "Invalid character in number")
        codes = [int(text) for text in arguments]
        if any(code >= (self.model.codes(self.place(k)) or self.top + 1) for k, code in enumerate(codes)):
            raise ScpiError(-222, "Data out of range")
        for k, code in enumerate(codes):
            if self.opened or code != self.codes[k]:
                self.model.set_code(self.place(k), code)
        self.codes, self.opened = codes, False

    def open(self) -> None:
        """Open all edges until the next RES:CODE."""
        self.opened = True
        for k in range(self.count):
            self.model.set_code(self.place(k), None)

    def received(self) -> None:
        self.closing()
        if self.watchdog:
            self._timer = asyncio.get_running_loop().call_later(self.watchdog, self.open)

    def closing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
