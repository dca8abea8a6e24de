"""AD5206 (SPI): six resistors of 256 codes, no permanent memory, no answer.

A word is A2 A1 A0 D7…D0, the last 11 bits count.
"""

from ..buses import SpiDevice


class Ad5206:
    """Its codes are those that it was told; 128 at power-up. Open is a relay, or the largest resistance: it has no shutdown.

    Args:
        relay: a pin that is high while the resistors are connected.
    """

    count, top = 6, 255

    def __init__(self, model: str, device: SpiDevice, relay=None) -> None:
        self._device, self._relay = device, relay
        self._codes = [128] * self.count

    def write(self, codes: list[int]) -> None:
        self._codes = list(codes)
        self._tell(codes)
        if self._relay is not None:
            self._relay.value(1)

    def read(self) -> list[int]:
        return list(self._codes)

    def open(self) -> None:
        if self._relay is not None:
            self._relay.value(0)
        else:
            self._tell([self.top] * self.count)

    def _tell(self, codes: list[int]) -> None:
        for channel, code in enumerate(codes):
            self._device.exchange(0, bytes((channel, code)))
