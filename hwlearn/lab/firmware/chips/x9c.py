"""X9C102, X9C103, X9C104, X9C503: one resistor, 100 codes, moved by pulses. Data sheet FN8222.

The wiper moves when INC falls while CS is low. CS rising while INC is high stores the wiper in permanent memory; while
INC is low it does not. CS falling while INC is low may move the wiper as well. So INC is high when CS falls and low when
CS rises. Pull INC down and CS up by 10 kΩ, so that nothing moves while the Pico starts.
"""

from ..clock import hold, pause

DIRECTION_US, LEVEL_US, SETTLED_MS = 3, 1, 1
"""U/D to INC 2.9 µs; INC low, INC high and INC to CS 1 µs each; INC to the wiper's new place 0.5 ms."""


class X9c:
    """A chip that tells nothing: it is driven to its end first, and counted from there. Open is a relay, or the largest
    resistance.

    Args:
        cs, inc, ud: `machine.Pin`, outputs. relay: a pin that is high while the resistor is connected.
    """

    count, top = 1, 99

    def __init__(self, model: str, cs, inc, ud, relay=None) -> None:
        self._cs, self._inc, self._ud, self._relay = cs, inc, ud, relay
        inc.value(0)
        cs.value(1)
        self._at = self._code = 0
        self._move(0, self.top)

    def write(self, codes: list[int]) -> None:
        self._code = codes[0]
        self._go(self._code)
        if self._relay is not None:
            self._relay.value(1)

    def read(self) -> list[int]:
        return [self._code]

    def open(self) -> None:
        if self._relay is not None:
            self._relay.value(0)
        else:
            self._go(self.top)

    def _go(self, code: int) -> None:
        self._move(int(code > self._at), abs(code - self._at))
        self._at = code

    def _move(self, up: int, pulses: int) -> None:
        if not pulses:
            return
        self._inc.value(1)
        self._ud.value(up)
        self._cs.value(0)
        hold(DIRECTION_US)
        for _ in range(pulses - 1):
            self._pulse()
            self._inc.value(1)
            hold(LEVEL_US)
        self._pulse()
        self._cs.value(1)
        pause(SETTLED_MS)

    def _pulse(self) -> None:
        self._inc.value(0)
        hold(LEVEL_US)
