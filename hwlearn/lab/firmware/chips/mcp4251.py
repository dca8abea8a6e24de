"""MCP413x … MCP426x and MCP433x … MCP436x (SPI): one, two or four resistors of 129 or 257 codes. Data sheets DS22059,
DS22060, DS22233.

A word is A3…A0 C1 C0 D9…D0 with command 00 to write and 11 to read. Which addresses are volatile differs: 6 is wiper 2
of a chip of four
and a cell of the EEPROM of a chip of two. So only the addresses of this table are written, and 2 and 3 never.
"""

from ..buses import SpiDevice
from ..scpi import Refused

PAIR = ((0, 1), (4,))
QUAD = ((0, 1, 6, 7), (4, 10))
"""(addresses of the volatile wipers, addresses of the volatile terminal control registers, two wipers each)."""
MODELS = {
    "MCP4131": (1, 128, PAIR, False),
    "MCP4141": (1, 128, PAIR, False),
    "MCP4151": (1, 256, PAIR, False),
    "MCP4161": (1, 256, PAIR, False),
    "MCP4231": (2, 128, PAIR, True),
    "MCP4241": (2, 128, PAIR, True),
    "MCP4251": (2, 256, PAIR, True),
    "MCP4261": (2, 256, PAIR, True),
    "MCP4331": (4, 128, QUAD, True),
    "MCP4341": (4, 128, QUAD, True),
    "MCP4351": (4, 256, QUAD, True),
    "MCP4361": (4, 256, QUAD, True),
}
"""Model → resistors, largest code, addresses, whether it has a pin of its own for what it answers."""
CONNECTED, OPEN = 0x1FF, 0x188
"""Terminal control: all connected; terminals A, W and B of both wipers disconnected, which is open however they are wired."""
VALID = 0x02
"""In the first byte of an answer: the command was understood."""


class Mcp4251:
    """The codes of a chip that cannot be read are those that it was told; a half scale at power-up."""

    def __init__(self, model: str, device: SpiDevice) -> None:
        self.count, self.top, (self._wipers, self._controls), self._answers = MODELS[model]
        self._device = device
        self._told = [self.top // 2] * self.count

    def write(self, codes: list[int]) -> None:
        for address, code in zip(self._wipers, codes):  # noqa: B905  # MicroPython's zip has no strict
            self._write(address, code)
        self._told = list(codes)
        for address in self._used():
            self._write(address, CONNECTED)
        if self.read() != list(codes):
            raise Refused(-240)

    def read(self) -> list[int]:
        if not self._answers:
            return list(self._told)
        return [self._read(address) for address in self._wipers[: self.count]]

    def open(self) -> None:
        for address in self._used():
            self._write(address, OPEN)

    def _used(self):
        return self._controls[: (self.count + 1) // 2]

    def _write(self, address: int, value: int) -> None:
        first = self._device.exchange(0, bytes((address << 4 | value >> 8, value & 0xFF)))[0]
        if self._answers and not first & VALID:
            raise Refused(-240)

    def _read(self, address: int) -> int:
        high, low = self._device.exchange(0, bytes((address << 4 | 0x0C, 0xFF)))
        if not high & VALID:
            raise Refused(-240)
        return (high << 8 | low) & 0x1FF
