"""Devices of ophyd-async, as a lab writes them: soft signals, which its mock backend replaces."""

from ophyd_async.core import Device, DeviceVector, soft_signal_rw


class Box(Device):
    """24 digipots."""

    def __init__(self, prefix: str = "", name: str = "") -> None:
        self.codes = DeviceVector({k: soft_signal_rw(int, 128) for k in range(24)})
        self.opened = soft_signal_rw(bool)
        super().__init__(name)

    async def connect_resistors(self) -> None:
        """Connect them again."""
        await self.opened.set(False)


class Dac(Device):
    """Two voltages."""

    def __init__(self, prefix: str = "", name: str = "") -> None:
        self.ch1, self.ch2 = soft_signal_rw(float), soft_signal_rw(float)
        super().__init__(name)


class Scanner(Device):
    """Voltages."""

    def __init__(self, prefix: str = "", name: str = "") -> None:
        self.volts = DeviceVector({k: soft_signal_rw(float) for k in range(101, 116)})
        super().__init__(name)


class Meter(Device):
    """A source meter."""

    def __init__(self, prefix: str = "", name: str = "") -> None:
        self.current, self.voltage = soft_signal_rw(float), soft_signal_rw(float)
        self.most_volts, self.most_amperes = soft_signal_rw(float), soft_signal_rw(float)
        self.measured_volts, self.measured_amperes = soft_signal_rw(float), soft_signal_rw(float)
        self.on = soft_signal_rw(bool)
        super().__init__(name)


class Probe(Device):
    """A thermometer with two sensors."""

    def __init__(self, prefix: str = "", name: str = "") -> None:
        self.t1, self.t2 = soft_signal_rw(float), soft_signal_rw(float)
        super().__init__(name)
