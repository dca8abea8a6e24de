"""Converters to voltages: MCP4822, AD5689R (SPI), MCP4728 (I²C). Volatile registers only.

MCP4728 has commands 010 11 and 010 10 that write its EEPROM: only 010 00, multi-write, is here.
"""

from ..buses import I2cDevice, SpiDevice
from ..scpi import Refused


class Dac:
    """What converters have in common.

    Args:
        zero_v: what the circuit's ground is at, above the chip's ground [V]: channels are told voltages against the circuit's.
    """

    count, top, full_scale_v = 2, 4095, 4.096

    def __init__(self, zero_v: float) -> None:
        self._zero = zero_v
        self._codes = [0] * self.count

    def code(self, volts: float) -> int:
        """The nearest code.

        Raises:
            Refused: -222, a voltage beyond the ends by more than a step.
        """
        code = int((volts + self._zero) / self.full_scale_v * (self.top + 1) + 1000.5) - 1000
        if not -1 <= code <= self.top + 1:
            raise Refused(-222)
        return min(max(code, 0), self.top)

    def volts(self, channel: int) -> float:
        """What a channel is set to [V], against the circuit's ground."""
        return self._codes[channel] * self.full_scale_v / (self.top + 1) - self._zero

    def write(self, channel: int, code: int) -> None:
        self._tell(channel, code)
        self._codes[channel] = code

    def _tell(self, channel: int, code: int) -> None:
        raise NotImplementedError


class Mcp4822(Dac):
    """Two channels of 12 bits. A word is channel, 0, gain (1 is ×1), on, D11…D0. LDAC is wired to ground."""

    def __init__(self, device: SpiDevice, zero_v: float = 0.0, doubled: bool = False) -> None:
        self._device, self._gain = device, 0 if doubled else 0x2000
        self.full_scale_v = 4.096 if doubled else 2.048
        super().__init__(zero_v)

    def _tell(self, channel: int, code: int) -> None:
        word = channel << 15 | self._gain | 0x1000 | code
        self._device.exchange(0, bytes((word >> 8, word & 0xFF)))


class Ad5689r(Dac):
    """Two channels of 16 bits.

    Command 3, write and update; address 1 is channel A, 8 channel B.
    """

    top = 65535

    def __init__(self, device: SpiDevice, zero_v: float = 0.0, doubled: bool = False) -> None:
        self._device = device
        self.full_scale_v = 5.0 if doubled else 2.5
        super().__init__(zero_v)

    def _tell(self, channel: int, code: int) -> None:
        self._device.exchange(1, bytes((0x30 | (1, 8)[channel], code >> 8, code & 0xFF)))


class Mcp4728(Dac):
    """Four channels of 12 bits. Sent is 0 1 0 0 0 channel 0, internal reference 1, on 00, gain, D11…D0."""

    count = 4

    def __init__(self, device: I2cDevice, zero_v: float = 0.0, doubled: bool = False) -> None:
        self._device, self._gain = device, 0x10 if doubled else 0
        self.full_scale_v = 4.096 if doubled else 2.048
        super().__init__(zero_v)

    def _tell(self, channel: int, code: int) -> None:
        self._device.write(bytes((0x40 | channel << 1, 0x80 | self._gain | code >> 8, code & 0xFF)))
        told = self._device.read(24)[6 * channel + 1 : 6 * channel + 3]
        if (told[0] << 8 | told[1]) & 0xFFF != code:
            raise Refused(-240)
