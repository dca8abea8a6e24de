"""Driver of cards of National Instruments, by their own nidaqmx: outputs drive, inputs sense, also thermocouples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from typing import Any, Self

import numpy as np

from hwlearn.arrays import Array
from hwlearn.lab.instruments.foreign.modules import needed
from hwlearn.lab.instruments.foreign.tables import NidaqmxTable
from hwlearn.lab.instruments.foreign.trying import trying
from hwlearn.lab.instruments.found import Found, Noted
from hwlearn.lab.instruments.roles import Scanner, Source, Thermometer, Wired, each_whatever_fails
from hwlearn.lab.instruments.scpi.holds import Hold
from hwlearn.lab.instruments.scpi.names import canonical, serial_number
from hwlearn.lab.instruments.settings import Setup

TERMINALS = {"differential": "DIFF", "rse": "RSE", "nrse": "NRSE", "pseudodifferential": "PSEUDO_DIFF"}

DEGREES = (0.0, 100.0)
"""What thermocouples are expected to say [°C]."""


class Nidaqmx(Source, Scanner, Thermometer):
    """A card; its channels are "ao0", "ai0". A reading is the mean of samples over whole power line cycles.

    An output is set at once, each by a task of its own, and keeps its voltage when nobody is there any more. It cannot be
    asked.

    Args:
        setup: where it is. table: how it is wired.
    """

    model = "NI-DAQmx card"
    address = "device name, such as Dev1"

    def __init__(self, setup: Setup, table: NidaqmxTable) -> None:
        super().__init__(setup.name)
        self.table, self._device = table, setup.resource or ""
        self._hertz, self._timeout = setup.line_hz, setup.timeout_s
        self._holds: list[Hold] = []
        self._outputs: dict[str, Any] = {}
        self._thermocouples: dict[str, Any] = {}
        self._inputs: Any = None
        self._channels: Sequence[str] = ()
        self._count, self._seconds = 2, 0.0
        self._identity = ""

    @classmethod
    def connect(cls, setup: Setup) -> Self:
        made = cls(setup, setup.table.nidaqmx or NidaqmxTable())
        try:
            made._identify(setup)
        except BaseException:
            made.close()
            raise
        return made

    def _identify(self, setup: Setup) -> None:
        device = self._device
        self._holds.append(Hold(canonical(device), self.name, device, must=setup.must_lock))
        with trying(self, f"device {device}"):
            self._daq = needed("nidaqmx", "nidaqmx")
            card = needed("nidaqmx.system", "nidaqmx").Device(device)
            self._identity = f"National Instruments,{card.product_type},{card.serial_num:08X},"
        if setup.table.idn not in self._identity:
            raise self.error(f"is {self._identity!r}, and the station file wants {setup.table.idn!r}: check idn and resource")
        if serial := serial_number(self._identity):
            self._holds.append(Hold(serial, self.name, device, must=setup.must_lock))

    @property
    def identity(self) -> str:
        return self._identity

    def report(self) -> dict[str, Any]:
        return {**super().report(), "library": f"nidaqmx {version('nidaqmx')}"}

    def look(self, wired: Wired) -> list[Found]:
        return [
            Noted("cannot be asked what it makes; it is set to 0 V before a resistor is connected", at) for at in wired.drive
        ]

    def set(self, volts: Mapping[str, float]) -> Mapping[str, float]:
        table = self.table
        for channel, value in volts.items():
            if not table.min_v <= value <= table.max_v:
                raise self.error(
                    f"channel {channel} cannot make {value:g} V: nidaqmx.min_v and max_v are {table.min_v:g}, {table.max_v:g}"
                )
        for channel, value in volts.items():
            with trying(self, f"channel {channel} to {value:g} V"):
                if channel not in self._outputs:
                    self._outputs[channel] = self._output(channel)
                self._outputs[channel].write(float(value), timeout=self._timeout)
        return volts

    def zero(self, channels: Sequence[str]) -> None:
        each_whatever_fails([lambda channel: self.set({channel: 0.0})], channels)

    def _output(self, channel: str) -> Any:
        with self._new_task() as task:
            task.ao_channels.add_ao_voltage_chan(
                f"{self._device}/{channel}", min_val=self.table.min_v, max_val=self.table.max_v
            )
        return task

    @contextmanager
    def _new_task(self) -> Iterator[Any]:
        """A task that is gone if it cannot be set up."""
        task = self._daq.Task()
        try:
            yield task
        except BaseException:
            task.close()
            raise

    def select(self, channels: Sequence[str], *, volts: float, nplc: float, high_z: bool, delay: float | None = None) -> None:
        constants = self._daq.constants
        terminal = constants.TerminalConfiguration[TERMINALS[self.table.terminal]]
        rate = min(self.table.rate_hz, 1 / (len(channels) * delay)) if delay else self.table.rate_hz
        self._count = max(round(rate * nplc / self._hertz), 2)  # a clock counts to two at least
        self._seconds = self._count / rate
        self._forget_inputs()
        what = f"channels {', '.join(channels)} as {self.table.terminal} inputs of {volts:g} V"
        with trying(self, what), self._new_task() as task:
            for channel in channels:
                where = f"{self._device}/{channel}"
                task.ai_channels.add_ai_voltage_chan(where, terminal_config=terminal, min_val=-volts, max_val=volts)
            finite = constants.AcquisitionType.FINITE
            task.timing.cfg_samp_clk_timing(rate, sample_mode=finite, samps_per_chan=self._count)
            if delay:
                task.timing.ai_conv_rate = 1 / delay
        self._inputs, self._channels = task, list(channels)

    def scan(self, repeats: int = 1) -> Array:
        if self._inputs is None:
            raise self.error("has no channels to scan: select them first")
        return np.array([self._once() for _ in range(repeats)])

    def _once(self) -> Array:
        task, count = self._inputs, self._count
        with trying(self, f"reading channels {', '.join(self._channels)}"):
            try:
                task.start()
                read = np.asarray(task.read(count, timeout=self._timeout + 2 * self._seconds), dtype=np.float64)
            finally:
                with suppress(Exception):  # what went wrong is on its way
                    task.stop()
            if read.size != len(self._channels) * count:
                raise ValueError(f"{read.size} samples for {len(self._channels) * count}")
            return read.reshape(len(self._channels), count).mean(1)

    def celsius(self, channel: str) -> float:
        """Of a thermocouple, by the card's own cold junction; voltages are not read meanwhile."""
        with trying(self, f"reading the thermocouple at channel {channel}"):
            if channel not in self._thermocouples:
                self._thermocouples[channel] = self._thermocouple(channel)
            return float(self._thermocouples[channel].read(timeout=self._timeout))

    def _thermocouple(self, channel: str) -> Any:
        constants, (low, high) = self._daq.constants, DEGREES
        with self._new_task() as task:
            task.ai_channels.add_ai_thrmcpl_chan(
                f"{self._device}/{channel}",
                min_val=low,
                max_val=high,
                units=constants.TemperatureUnits.DEG_C,
                thermocouple_type=constants.ThermocoupleType[self.table.thermocouple],
                cjc_source=constants.CJCSource.BUILT_IN,
            )
        return task

    def _forget_inputs(self) -> None:
        task, self._inputs = self._inputs, None
        if task is not None:
            with trying(self, "letting go of its inputs"):
                task.close()

    def close(self) -> None:
        """Outputs keep their voltages."""
        with ExitStack() as last:
            for hold in self._holds:
                last.callback(hold.release)
            for task in (*self._outputs.values(), *self._thermocouples.values()):
                last.callback(task.close)
            self._outputs, self._thermocouples = {}, {}
            self._forget_inputs()
