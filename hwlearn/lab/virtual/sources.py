"""Virtual voltage sources: QDAC-II, and hwlearn's own `scpi_dac`."""

from __future__ import annotations

from hwlearn.lab.virtual.imperfections import quantised
from hwlearn.lab.virtual.model import BenchModel
from hwlearn.lab.virtual.scpi import Command, ScpiError, ScpiInstrument, finite, headers


class VirtualSource(ScpiInstrument):
    """Voltage channels; all at 0 V and on at first."""

    span = 10.0
    """Largest |voltage| [V]."""

    def __init__(self, name: str, model: BenchModel) -> None:
        super().__init__(name, model)
        self.volts: dict[str, float] = {}
        self.off: set[str] = set()

    def set_volts(self, channel: str, volts: float) -> None:
        """Set one channel [V]."""
        self.refuse(volts)
        self.volts[channel] = quantised(volts, self.model.imperfections)
        self.model.set_source(self.place(channel), volts, channel not in self.off)

    def refuse(self, volts: float) -> None:
        """Refuse a voltage that the source cannot make."""
        span = self.model.imperfections.dac_span_v / 2 or self.span
        if abs(volts) > span:
            raise ScpiError(-222, "Data out of range")

    def switch(self, channel: str, on: bool) -> None:
        """Output on or off."""
        (self.off.discard if on else self.off.add)(channel)
        self.model.set_source(self.place(channel), self.volts.get(channel, 0.0), on)

    def told(self, channels: tuple[str, ...]) -> str:
        """What the channels are set to, comma-separated."""
        return ",".join(f"{self.volts.get(channel, 0.0):.12g}" for channel in channels)


class VirtualScpiDac(VirtualSource):
    """`SOUR:VOLT v1,v2,(@1,2)`, `SOUR:VOLT? (@1,2)`, `OUTP ON|OFF,(@1,2)`, `OUTP? (@1,2)`."""

    identity = "HWLEARN,SCPI-DAC,0,1.0"

    def command(self, command: Command) -> str | None:
        channels = command.channels
        if command.header in ("SOUR:VOLT", "SOUR:VOLT?", "OUTP", "OUTP?") and not channels:
            raise ScpiError(-109, "Missing parameter")
        if command.header == "SOUR:VOLT":
            volts = [finite(text) for text in command.arguments]
            if len(volts) != len(channels):
                raise ScpiError(-115, "Unexpected number of parameters")
            for value in volts:
                self.refuse(value)
            for channel, value in zip(channels, volts, strict=True):
                self.set_volts(channel, value)
        elif command.header == "SOUR:VOLT?":
            return self.told(channels)
        elif command.header == "OUTP":
            for channel in channels:
                self.switch(channel, command.flag)
        elif command.header == "OUTP?":
            return ",".join(str(int(channel not in self.off)) for channel in channels)
        else:
            return super().command(command)
        return None


class VirtualQdac2(VirtualSource):
    """QDAC-II: `sour{n}:volt v` or `sour:volt v,(@n,…)`, `sour{n}:volt:last?`."""

    identity = "HWLEARN,QDAC-II,0,1.0"
    ignored = headers("SOUR:RANG SOUR:FILT SOUR:VOLT:MODE SOUR:VOLT:SLEW SOUR:VOLT:TRIG:SOUR SOUR:DC:VOLT:MODE SOUR:DC:FILT")

    def command(self, command: Command) -> str | None:
        channels = command.channels or tuple(map(str, command.suffixes))
        header = command.header.replace("SOUR:DC:", "SOUR:")
        if header in ("SOUR:VOLT", "SOUR:VOLT?", "SOUR:VOLT:LAST?"):
            if not channels:
                raise ScpiError(-109, "Missing parameter")
            if header.endswith("?"):
                return self.told(channels)
            for channel in channels:
                self.set_volts(channel, command.number)
            return None
        if header in self.ignored:
            return None
        return super().command(command)
