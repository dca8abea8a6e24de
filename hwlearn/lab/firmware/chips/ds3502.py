"""DS3502 (I²C): one resistor, 128 codes. Register 0 is wiper and EEPROM, register 2 the mode.

While the mode's bit 7 is 0, as at power-up, a write to register 0 is a write to the EEPROM too. So the mode is told and
read before each write.
"""

from ..buses import I2cDevice
from ..scpi import Refused

WIPER, MODE, VOLATILE = 0x00, 0x02, 0x80


class Ds3502:
    """Open is a relay, or the largest resistance: it has no shutdown.

    Args:
        relay: a pin that is high while the resistor is connected.
    """

    count, top = 1, 127

    def __init__(self, model: str, device: I2cDevice, relay=None) -> None:
        self._device, self._relay = device, relay
        self._code = self._register(WIPER)

    def write(self, codes: list[int]) -> None:
        self._tell(codes[0])
        self._code = codes[0]
        if self._relay is not None:
            self._relay.value(1)
        if self._register(WIPER) != codes[0]:
            raise Refused(-240)

    def read(self) -> list[int]:
        """The code that was told: without a relay the register has another one while it is open."""
        return [self._code]

    def open(self) -> None:
        if self._relay is not None:
            self._relay.value(0)
        else:
            self._tell(self.top)

    def _tell(self, code: int) -> None:
        self._device.write(bytes((MODE, VOLATILE)))
        if self._register(MODE) != VOLATILE:
            raise Refused(-240)
        self._device.write(bytes((WIPER, code)))

    def _register(self, address: int) -> int:
        self._device.write(bytes((address,)))
        return self._device.read(1)[0]
