"""`Board`: resistors, sources and inputs behind one port, with the watchdog of docs/resistor-box.md."""

from .clock import ticks, ticks_since
from .parts import Inputs, Resistors, Sources
from .scpi import Interpreter, Receiver, Refused, number, only

VERSION = "1.0"
LONGEST_WATCHDOG = 86400.0
"""[s]"""


class Board:
    """Box, DAC and scanner. It starts safe: resistors open, sources at 0 V, also when the hardware's watchdog has reset it.

    Args:
        resistors, sources, inputs: chips, in the order of their channels.
        serial: serial number.
        alive: what feeds the hardware's watchdog.
    """

    def __init__(self, resistors=(), sources=(), inputs=(), serial: str = "0", alive=None) -> None:
        self.resistors, self.sources = Resistors(list(resistors)), Sources(list(sources))
        self.inputs = Inputs(list(inputs), alive)
        self._receiver = Receiver()
        self.watchdog, self._last, self._quiet = 0.0, ticks(), True
        commands = {"SYST:WDOG": self._set_watchdog, "SYST:WDOG?": lambda values, channels: f"{self.watchdog:g}"}
        for part in (self.resistors, self.sources, self.inputs):
            commands.update(part.commands)
        self.interpreter = Interpreter(f"hwlearn,board,{serial},{VERSION}", commands)
        self.safe()

    def safe(self) -> bool:
        """Resistors open, sources at 0 V. What fails goes into the error queue.

        Returns:
            Whether nothing failed.
        """
        done = True
        for act in (self.resistors.open, self.sources.zero):
            try:
                act()
            except (OSError, Refused):
                self.interpreter.fail(-240)
                done = False
        return done

    def feed(self, byte: int) -> str | None:
        """The answer to the line that this byte ends."""
        try:
            line = self._receiver.feed(byte)
        except Refused as refused:
            self.interpreter.fail(refused.number)
            return None
        return None if line is None else self.line(line)

    def line(self, line: bytes) -> str | None:
        """The answer to a line. The watchdog counts from its end: a scan may take long."""
        answer = self.interpreter.line(line)
        self._last, self._quiet = ticks(), False
        return answer

    def tick(self) -> None:
        """To be called often: makes the board safe when nothing was heard for too long; again if that failed."""
        if self.watchdog and not self._quiet and ticks_since(self._last) > 1000 * self.watchdog:
            self._quiet = self.safe()
            self._last = ticks()

    def _set_watchdog(self, values: list[str], channels: list[int]) -> None:
        seconds = number(only(values))
        if not 0 <= seconds <= LONGEST_WATCHDOG:
            raise Refused(-222)
        self.watchdog = seconds
