"""AD5270, AD5271 (SPI) and AD5272, AD5274 (I²C): one resistor, 1024 or 256 codes.

A word is 0 0 C3…C0 D9…D0. Command 3 would burn the 50-TP memory, and bit 0 of the control register would allow it:
neither is here. SDO of the SPI models is open-drain, needs a pull-up, and goes on pulling until it is let go: others answer
on the same wire. Data sheet AD5270 rev. F, pages 19 and 21.
"""

from ..buses import I2cDevice, SpiDevice
from ..scpi import Refused

BITS = {"AD5270": 10, "AD5271": 8, "AD5272": 10, "AD5274": 8}
WRITE, READ, CONTROL, SHUTDOWN = 0x0400, 0x0800, 0x1C00, 0x2400
UNLOCKED = 0x02
"""Control register: the RDAC register may be written; 50-TP memory not."""
RELEASE = (0x8001, 0x0000)
"""SDO becomes high impedance."""


class Ad5270:
    """Either bus: the words are the same."""

    count = 1

    def __init__(self, model: str, device: SpiDevice | I2cDevice) -> None:
        self._device, bits = device, BITS[model]
        self.top, self._shift = 2**bits - 1, 10 - bits
        self._tell(CONTROL | UNLOCKED)
        self._release()

    def write(self, codes: list[int]) -> None:
        self._tell(CONTROL | UNLOCKED)
        self._tell(WRITE | codes[0] << self._shift)
        self._tell(SHUTDOWN)
        if self.read() != codes:
            raise Refused(-240)

    def read(self) -> list[int]:
        self._tell(READ)
        if isinstance(self._device, SpiDevice):
            high, low = self._device.exchange(1, b"\x00\x00")
            self._release()
        else:
            high, low = self._device.read(2)
        return [((high << 8 | low) & 0x3FF) >> self._shift]

    def open(self) -> None:
        """Shutdown: terminal A is disconnected. The RDAC register stays."""
        self._tell(SHUTDOWN | 1)
        self._release()

    def _release(self) -> None:
        if isinstance(self._device, SpiDevice):
            for word in RELEASE:
                self._tell(word)

    def _tell(self, word: int) -> None:
        sent = bytes((word >> 8, word & 0xFF))
        if isinstance(self._device, SpiDevice):
            self._device.exchange(1, sent)
        else:
            self._device.write(sent)
