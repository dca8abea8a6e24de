"""`Temperatures`: what the thermometers of a bench say, phase by phase."""

from __future__ import annotations

import warnings

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import HwlearnWarning, InstrumentError
from hwlearn.lab.bench.connection import Connection
from hwlearn.lab.instruments.roles import Thermometer
from hwlearn.lab.station import Station


class Temperatures:
    """Sensors that a scanner reads with the nodes, and instruments that say °C themselves, one round trip a phase each.

    Attributes:
        places: channels of the sensors, as in "daq:122". celsius: name → of the last phase [°C].
    """

    def __init__(self, connection: Connection, station: Station) -> None:
        self._station, self._tables = station, station.settings.temperature
        self._sensors = [name for name, table in self._tables.items() if table.read is not None]
        self.places = [str(self._tables[name].read) for name in self._sensors]
        self._thermometers = {
            name: connection.get(table.celsius, Thermometer)
            for name, table in self._tables.items()
            if table.celsius is not None
        }
        self.celsius: dict[str, float] = {}
        self._reference: dict[str, float] = {}

    def note(self, volts: Array) -> None:
        """Take note of the sensors' voltages, means of a phase (sensors,) V, and ask the others.

        Raises:
            InstrumentError: a thermometer says nothing that is a temperature.

        Warns:
            HwlearnWarning: one moved by more than its `moves_max` since the first phase, or since this was said last.
        """
        if not self._tables:
            return
        found = {name: self._degrees(name, volt) for name, volt in zip(self._sensors, volts.tolist(), strict=True)}
        for name, (thermometer, channel) in self._thermometers.items():
            found[name] = thermometer.celsius(channel)
            if not np.isfinite(found[name]):
                raise InstrumentError(f"channel {channel} (temperature {name}) says {found[name]} °C", thermometer.name)
        self.celsius = {name: found[name] for name in self._tables}
        for name, now in self.celsius.items():
            before = self._reference.setdefault(name, now)
            if abs(now - before) > self._tables[name].moves_max:
                self._reference[name] = now
                warnings.warn(
                    f"{self._station.path}: temperature.{name} went from {before:.2f} to {now:.2f} °C, more than moves_max = "
                    f"{self._tables[name].moves_max:g} °C: resistances and offsets move with it; let it settle, or calibrate "
                    "again",
                    HwlearnWarning,
                    stacklevel=4,
                )

    def _degrees(self, name: str, volts: float) -> float:
        table = self._tables[name]
        assert table.volts_per_degree is not None
        return (volts - table.zero_v) / table.volts_per_degree
