"""CD4053: switches between fixed voltages, as a source of few levels.

Two switches a channel: one takes low or high, the other takes that or ground.
"""

from ..scpi import Refused

NEAR = 0.05
"""How far a voltage may be from a level [V]."""


class Cd4053:
    """Channels that are switched to `low`, to `high` or to the circuit's ground; any other voltage is refused.

    Args:
        pins: (select of the switch between low and high, select of the switch between that and ground) of each channel:
            `machine.Pin`, outputs; the second one is high while the channel is driven.
        low, high: voltages there [V], against the circuit's ground.
    """

    def __init__(self, pins: list, low: float, high: float) -> None:  # type: ignore[type-arg]
        self._pins, self._levels, self.count = pins, (0.0, low, high), len(pins)
        self._codes = [0] * self.count

    def code(self, volts: float) -> int:
        """0 is ground, 1 low, 2 high.

        Raises:
            Refused: -222, none of them.
        """
        for code, level in enumerate(self._levels):
            if abs(volts - level) <= NEAR:
                return code
        raise Refused(-222)

    def volts(self, channel: int) -> float:
        """What a channel is switched to [V]."""
        return self._levels[self._codes[channel]]

    def write(self, channel: int, code: int) -> None:
        high, driven = self._pins[channel]
        driven.value(0)  # first, so that a change of level goes by ground
        high.value(int(code == 2))
        driven.value(int(code != 0))
        self._codes[channel] = code
