"""Converters from voltages: ADS1115, MCP3424 (I²C), AD7124 (SPI): differential, with gain. They have no permanent memory."""

from ..buses import I2cDevice, SpiDevice
from ..clock import pause, ticks, ticks_since
from ..scpi import Refused

PATIENCE_MS = 1000
"""Longest conversion."""


class Adc:
    """What converters have in common.

    Args:
        inputs: (plus, minus) of each channel; "GND" where minus is ground.
        buffered: the inputs take no current worth naming, by the chip's buffers or by amplifiers before it.

    Attributes:
        ranges: (full scale [V], setting), ascending.
    """

    ranges: tuple[tuple[float, int], ...] = ()

    def __init__(self, inputs: list, buffered: bool = False) -> None:  # type: ignore[type-arg]
        self.inputs, self.buffered = inputs, buffered

    def range(self, volts: float) -> int:
        """Number of the smallest range that holds a voltage.

        Raises:
            Refused: -222, there is none.
        """
        for k, (full_scale, _) in enumerate(self.ranges):
            if volts <= full_scale:
                return k
        raise Refused(-222)

    def read(self, channel: int, wanted: int, nplc: float) -> float:
        """One conversion [V], in a range by its number; 9.9e37 with its sign at the ends of the range."""
        full_scale, setting = self.ranges[wanted]
        value = self._convert(channel, setting, nplc)
        if value <= -1.0 or value >= self._largest(nplc):
            return 9.9e37 if value > 0 else -9.9e37
        return value * full_scale

    def _largest(self, nplc: float) -> float:
        raise NotImplementedError

    def _convert(self, channel: int, setting: int, nplc: float) -> float:
        """A part of full scale, -1 to 1."""
        raise NotImplementedError

    def _wait(self, ready) -> None:
        start = ticks()
        while not ready():
            if ticks_since(start) > PATIENCE_MS:
                raise Refused(-240)
            pause()


def signed(data: bytes) -> int:
    """Two's complement, the most significant byte first."""
    value = 0
    for byte in data:
        value = value << 8 | byte
    return value - (1 << 8 * len(data)) if data[0] & 0x80 else value


class Ads1115(Adc):
    """16 bits. Single shot, data rate from the integration time, comparator off."""

    ranges = ((0.256, 5), (0.512, 4), (1.024, 3), (2.048, 2), (4.096, 1), (6.144, 0))
    PAIRS = {(0, 1): 0, (0, 3): 1, (1, 3): 2, (2, 3): 3, (0, "GND"): 4, (1, "GND"): 5, (2, "GND"): 6, (3, "GND"): 7}
    RATES = (8, 16, 32, 64, 128, 250, 475, 860)

    def __init__(self, device: I2cDevice, inputs: list, buffered: bool = False) -> None:  # type: ignore[type-arg]
        super().__init__(inputs, buffered)
        self._device = device
        self._pairs = [self.PAIRS[tuple(pair)] for pair in inputs]

    def _largest(self, nplc: float) -> float:
        return 32767 / 32768

    def _convert(self, channel: int, setting: int, nplc: float) -> float:
        wanted = 50 / max(nplc, 1e-3)
        rate = max([k for k in range(8) if self.RATES[k] <= wanted] or [0])
        config = 0x8000 | self._pairs[channel] << 12 | setting << 9 | 0x0100 | rate << 5 | 0x03
        self._device.write(bytes((1, config >> 8, config & 0xFF)))
        self._wait(lambda: self._device.read(2)[0] & 0x80)
        self._device.write(b"\x00")
        return signed(self._device.read(2)) / 32768


class Mcp3424(Adc):
    """Four differential channels of 12 to 18 bits, by the integration time. One shot.

    `inputs`: (channel,) each.
    """

    ranges = ((0.256, 3), (0.512, 2), (1.024, 1), (2.048, 0))

    def __init__(self, device: I2cDevice, inputs: list, buffered: bool = False) -> None:  # type: ignore[type-arg]
        super().__init__(inputs, buffered)
        self._device = device

    @staticmethod
    def _size(nplc: float) -> int:
        """0 is 12 bits in 1/240 s, 1 is 14 in 1/60, 2 is 16 in 1/15, 3 is 18 in 1/3.75."""
        seconds = nplc / 50
        return 0 if seconds < 1 / 60 else 1 if seconds < 1 / 15 else 2 if seconds < 1 / 3.75 else 3

    def _largest(self, nplc: float) -> float:
        half = 1 << 11 + 2 * self._size(nplc)
        return (half - 1) / half

    def _convert(self, channel: int, setting: int, nplc: float) -> float:
        size = self._size(nplc)
        self._device.write(bytes((0x80 | self.inputs[channel][0] << 5 | size << 2 | setting,)))
        count = 4 if size == 3 else 3
        self._wait(lambda: not self._device.read(count)[-1] & 0x80)
        return signed(self._device.read(count)[:-1]) / (1 << 11 + 2 * size)


class Ad7124(Adc):
    """24 bits, buffered.

    Internal reference of 2.5 V, bipolar, single conversions at full power.
    """

    ranges = tuple((2.5 / (1 << gain), gain) for gain in range(7, -1, -1))
    STATUS, CONTROL, DATA, CHANNEL, CONFIG, FILTER = 0x00, 0x01, 0x02, 0x09, 0x19, 0x21
    GROUND = 0x11
    """Input AVSS. It needs no buffer, and at gain 1 a buffer would not reach it."""

    def __init__(self, device: SpiDevice, inputs: list) -> None:  # type: ignore[type-arg]
        super().__init__(inputs, True)
        self._device = device
        device.exchange(3, b"\xff" * 8)  # reset: 64 clocks with the input high
        pause(4)

    def _largest(self, nplc: float) -> float:
        return (2**23 - 1) / 2**23

    def _convert(self, channel: int, setting: int, nplc: float) -> float:
        plus, minus = (self.GROUND if at == "GND" else at for at in self.inputs[channel])
        buffers = 0x40 * (plus != self.GROUND) | 0x20 * (minus != self.GROUND)
        self._set(self.CONFIG, 0x0810 | buffers | setting, 2)  # bipolar, internal reference
        self._set(self.FILTER, 0x060000 | min(max(int(384 * nplc + 0.5), 1), 2047), 3)  # sinc⁴, 614.4 kHz / 32 / this
        self._set(self.CHANNEL, 0x8000 | plus << 5 | minus, 2)
        self._get(self.DATA, 3)  # one that nobody asked for would be ready at once
        self._set(self.CONTROL, 0x0184, 2)  # reference on, full power, single conversion
        self._wait(lambda: not self._get(self.STATUS, 1)[0] & 0x80)
        value = 0
        for byte in self._get(self.DATA, 3):
            value = value << 8 | byte
        return value / 2**23 - 1

    def _set(self, register: int, value: int, count: int) -> None:
        self._device.exchange(3, bytes([register] + [value >> 8 * k & 0xFF for k in range(count - 1, -1, -1)]))

    def _get(self, register: int, count: int) -> bytes:
        return self._device.exchange(3, bytes([0x40 | register] + [0] * count))[1:]
