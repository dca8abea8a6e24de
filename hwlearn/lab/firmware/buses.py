"""What chips are told through: an SPI bus with a select pin per chip, an I²C bus with an address per chip."""

MODES = ((0, 0), (0, 1), (1, 0), (1, 1))
"""(polarity, phase) of SPI modes 0 … 3."""


class SpiDevice:
    """One chip on an SPI bus, selected while its pin is low.

    Args:
        spi: `machine.SPI`. pin: `machine.Pin`, an output that is high. baudrate: [Hz].
    """

    def __init__(self, spi, pin, baudrate: int = 1_000_000) -> None:
        self._spi, self._pin, self._baudrate = spi, pin, baudrate
        pin.value(1)

    def exchange(self, mode: int, sent: bytes) -> bytes:
        """What the chip answers while it receives. The bus is set to the chip's mode: those on it may differ."""
        polarity, phase = MODES[mode]
        self._spi.init(baudrate=self._baudrate, polarity=polarity, phase=phase)
        answer = bytearray(len(sent))
        self._pin.value(0)
        try:
            self._spi.write_readinto(sent, answer)
        finally:
            self._pin.value(1)
        return bytes(answer)


class I2cDevice:
    """One chip on an I²C bus.

    Args:
        i2c: `machine.I2C`. address: of 7 bits.
    """

    def __init__(self, i2c, address: int) -> None:
        self._i2c, self._address = i2c, address

    def write(self, sent: bytes) -> None:
        """Raises OSError if the chip does not acknowledge."""
        self._i2c.writeto(self._address, sent)

    def read(self, count: int) -> bytes:
        """Raises OSError if the chip does not acknowledge."""
        return self._i2c.readfrom(self._address, count)
