"""A driver of a lab's own, `driver = "labjack_t7:LabJack"` in a station file: a LabJack T4, T7 or T8, by LabJack's own LJM.

`pip install labjack-ljm`, and the LJM library from labjack.com. Not tried with a LabJack yet.
"""

import math
import time

import numpy as np

from hwlearn.lab.instruments.found import Driving
from hwlearn.lab.instruments.roles import Scanner, Source

DUMMY = -9999.0
"""What LJM gives for an input that was not read."""


class LabJack(Source, Scanner):
    """Channels are LJM's names of registers: DAC0, TDAC0 (LJTick-DAC), AIN0; AIN48 to AIN127 behind a Mux80."""

    model = "LabJack T series"
    address = "serial number, IP address, or ANY"

    def __init__(self, name, ljm, handle, line_hz=50):
        super().__init__(name)
        self.ljm, self.handle, self.line_hz, self.channels = ljm, handle, line_hz, []
        kind, _, serial, *_ = ljm.getHandleInfo(handle)
        self.told = f"LabJack,T{kind},{serial},"

    @classmethod
    def connect(cls, setup):
        from labjack import ljm

        return cls(setup.name, ljm, ljm.openS("ANY", "ANY", setup.resource), setup.line_hz)

    @property
    def identity(self):
        return self.told

    def look(self, wired):
        """A DAC tells what it makes, an LJTick-DAC does not."""
        made = {channel: self.ljm.eReadName(self.handle, channel) for channel in wired.drive if channel.startswith("DAC")}
        return [Driving(f"makes {volts:.4g} V", channel) for channel, volts in made.items() if abs(volts) > 1e-3]

    def set(self, volts):
        self.ljm.eWriteNames(self.handle, len(volts), list(volts), [float(value) for value in volts.values()])
        for channel, value in volts.items():
            if channel.startswith("DAC") and abs(self.ljm.eReadName(self.handle, channel) - value) > 0.01:
                raise self.error(f"channel {channel} was set to {value:g} V: out of its range of 0 to 5 V?")
        return volts

    def select(self, channels, *, volts, nplc, high_z, delay=None):
        """Single-ended, as all nodes are read against ground; settling 0 is what the LabJack takes for long enough."""
        scale = next(scale for scale in (0.01, 0.1, 1.0, 10.0, math.inf) if volts <= scale)
        told = {"RANGE": min(scale, 10.0), "NEGATIVE_CH": 199.0, "RESOLUTION_INDEX": 0.0, "SETTLING_US": 1e6 * (delay or 0.0)}
        names = [f"{channel}_{word}" for channel in channels for word in told]
        self.ljm.eWriteNames(self.handle, len(names), names, [*told.values()] * len(channels))
        self.channels, self.seconds = list(channels), nplc / self.line_hz

    def scan(self, repeats=1):
        if not self.channels:
            raise self.error("has no channels to scan: select them first")
        return np.array([self.once() for _ in range(repeats)])

    def once(self):
        """The mean of what fits into the power line cycles asked for."""
        until, read = time.monotonic() + self.seconds, []
        while not read or time.monotonic() < until:
            read.append(self.ljm.eReadNames(self.handle, len(self.channels), self.channels))
        values = np.array(read, dtype=float)
        return np.where(values == DUMMY, np.nan, values).mean(0)

    def close(self):
        if self.handle is not None:
            self.ljm.close(self.handle)
            self.handle = None
