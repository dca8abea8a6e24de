"""`[instrument.X]` of a station file: how an instrument is reached, and what it is told beside its channels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from hwlearn.lab.instruments.foreign.tables import NidaqmxTable, OphydAsyncSteps, PymeasureSteps, QcodesSteps, Steps
from hwlearn.lab.instruments.scpi.templates import ScpiLines
from hwlearn.toml import Table


class InstrumentTable(Table):
    """`[instrument.X]`: driver, VISA resource, and a part of the `*IDN?` answer that must match.

    Attributes:
        driver: the name of a driver, or "module:Class" for one of your own, in a station that is trusted.
        resource: VISA resource name; whatever the driver wants, for one of your own.
        timeout_s: instead of the one of [defaults] [s].
        nplc, range_v, channel_delay_s: instead of those of [measure].
        terminals: where the bench is wired to; without it, those that the instrument was left at.
        terminator: the end of a line, both ways.
        open_delay_s: time that it needs after its port was opened (an Arduino resets) [s].
        baud_rate, data_bits, parity, stop_bits, flow_control: of a serial port; some instruments leave the factory with
            XON/XOFF.
        watchdog_s: a resistor box opens all resistors when it hears nothing for so long [s]; 0 is off.
        scpi, qcodes, pymeasure, ophyd_async, nidaqmx: what the driver of this name is told.
    """

    TELLING: ClassVar[tuple[str, ...]] = ("scpi", "qcodes", "pymeasure", "ophyd_async", "nidaqmx")

    driver: str
    resource: str | None = None
    idn: str = ""
    timeout_s: PositiveFloat | None = None
    nplc: PositiveFloat | None = None
    range_v: PositiveFloat | None = None
    channel_delay_s: NonNegativeFloat | None = None
    terminals: Literal["front", "rear"] | None = None
    terminator: Literal["LF", "CR", "CRLF"] = "LF"
    open_delay_s: NonNegativeFloat = 0.0
    baud_rate: PositiveInt = 9600
    data_bits: Literal[7, 8] = 8
    parity: Literal["none", "odd", "even"] = "none"
    stop_bits: Literal[1, 2] = 1
    flow_control: Literal["none", "xon_xoff", "rts_cts", "dtr_dsr"] = "none"
    watchdog_s: NonNegativeFloat = 0.0
    scpi: ScpiLines | None = None
    qcodes: QcodesSteps | None = None
    pymeasure: PymeasureSteps | None = None
    ophyd_async: OphydAsyncSteps | None = None
    nidaqmx: NidaqmxTable | None = None

    @model_validator(mode="after")
    def _lines_are_for_one_driver(self) -> Self:
        for name in self.TELLING:
            if getattr(self, name) is not None and self.driver != name:
                raise ValueError(f'{name}: only driver = "{name}" is told its messages; leave the table out')
        return self

    @property
    def modules(self) -> list[str]:
        """Modules that it names, and that may be files beside the station file."""
        named = [self.driver.partition(":")[0]] if ":" in self.driver else []
        if isinstance(self.told, Steps) and self.told.class_ is not None:
            named.append(self.told.class_.rpartition(".")[0])
        return named

    @property
    def told(self) -> ScpiLines | Steps | None:
        """What its driver is told to do, where it is."""
        told = getattr(self, self.driver) if self.driver in self.TELLING else None
        return told if isinstance(told, ScpiLines | Steps) else None


@dataclass(frozen=True)
class Setup:
    """What a driver needs to find its instrument.

    Attributes:
        name: in the station file. table: its table there.
        resource: where it is; that of the virtual bench, on one.
        backend: PyVISA's, "@py" or "@ivi".
        timeout_s: of a message that needs no time of its own [s].
        line_hz: frequency of the mains [Hz].
        must_lock: refuse an instrument that cannot be locked, or that another account uses; to make it safe, warn and go on.
        folder: of the station file.
    """

    name: str
    table: InstrumentTable
    resource: str | None
    backend: str = "@py"
    timeout_s: float = 2.0
    line_hz: int = 50
    must_lock: bool = True
    folder: Path = Path()
