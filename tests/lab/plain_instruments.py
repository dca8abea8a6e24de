"""Instruments that are plain Python objects on a simulated network: no session, no message. `MODEL` is set by the test."""

import numpy as np

from hwlearn.lab.instruments.roles import MeterReading, ResistorBox, Scanner, Source, SourceMeter
from hwlearn.lab.virtual.ports import OPEN, PortDrive

MODEL = None
DONE = []
"""(instrument, what was made safe), in order."""


class Card(Scanner, Source):
    """A multifunction unit: reads and drives."""

    model = "card"
    selected = None

    def select(self, channels, *, volts, nplc, high_z, delay=None):
        self.selected = list(channels)

    def scan(self, repeats=1):
        if self.selected is None:
            raise self.error("select channels first")
        return np.array([MODEL.read([f"{self.name}:{channel}" for channel in self.selected]) for _ in range(repeats)])

    def set(self, volts):
        for channel, value in volts.items():
            MODEL.set_source(f"{self.name}:{channel}", value)
        return volts

    def zero(self, channels):
        DONE.append((self.name, "zero", tuple(channels)))
        self.set(dict.fromkeys(channels, 0.0))


class Box(ResistorBox):
    """Resistors."""

    model = "box"

    def __init__(self, name):
        super().__init__(name)
        self._codes, self._open = np.full(24, 128), False

    def size(self):
        return 24, 255

    def state(self):
        return self._codes.copy(), self._open

    def write(self, codes):
        if len(codes) != 24 or not all(0 <= code <= 255 for code in codes):
            raise self.error("24 codes from 0 to 255")
        self._codes, self._open = np.array(codes), False
        for k, code in enumerate(codes):
            MODEL.set_code(f"{self.name}:{k}", code)

    def open(self):
        DONE.append((self.name, "open"))
        self._open = True
        for k in range(24):
            MODEL.set_code(f"{self.name}:{k}", None)


class Meter(SourceMeter):
    """A source meter with as many channels as are asked for."""

    model = "meter"

    def __init__(self, name):
        super().__init__(name)
        self.limits, self.drives = {}, {}

    def limit(self, channel, *, volts, amperes, nplc):
        self.limits[channel] = volts, amperes

    def inject(self, channel, amperes):
        self._apply(channel, PortDrive("current", amperes, *self.limits[channel]))

    def hold(self, channel, volts):
        self._apply(channel, PortDrive("voltage", volts, *self.limits[channel]))

    def _apply(self, channel, drive):
        self.drives[channel] = drive
        MODEL.set_meter(f"{self.name}:{channel}", drive)

    def read(self, channel):
        if channel not in self.drives:
            raise self.error(f"channel {channel} sources nothing")
        return MeterReading(*MODEL.read_meter(f"{self.name}:{channel}", self.drives[channel]))

    def off(self, channels):
        DONE.append((self.name, "off", tuple(channels)))
        for channel in channels:
            self.drives.pop(channel, None)
            MODEL.set_meter(f"{self.name}:{channel}", OPEN)


class All(Card, Box, Meter):
    """Everything in one."""

    model = "all"

    def metered(self, channel):
        return channel.startswith("m")

    def __init__(self, name):
        Meter.__init__(self, name)
        Box.__init__(self, name)
