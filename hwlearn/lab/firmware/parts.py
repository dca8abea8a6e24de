"""What the board does, by role: `Resistors`, `Sources`, `Inputs`. Each has commands of its own."""

from .clock import pause
from .scpi import Refused, integer, number, only

FIRST_INPUT, FIRST_SOURCE = 101, 201
"""Channels of one board have numbers of their own: resistors from 0, inputs from 101, sources from 201."""
MOST_READINGS = 2048
"""Of one answer."""
LONGEST_DELAY = 1.0
"""Before a channel [s]."""


class Resistors:
    """All resistors of the board, of whatever chips: docs/resistor-box.md. They are open until codes are written."""

    def __init__(self, chips: list) -> None:  # type: ignore[type-arg]
        self.chips = chips
        self.count = sum(chip.count for chip in chips)
        self.opened = False
        self.commands = {
            "RES:COUN?": lambda values, channels: f"{self.count},{max([chip.top for chip in chips] or [0])}",
            "RES:CODE": self._write,
            "RES:CODE?": lambda values, channels: ",".join([str(code) for chip in chips for code in chip.read()]),
            "RES:OPEN": lambda values, channels: self.open(),
            "RES:OPEN?": lambda values, channels: str(int(self.opened)),
        }

    def open(self) -> None:
        """Open all; a chip that fails does not stop the others."""
        failed = None
        for chip in self.chips:
            try:
                chip.open()
            except (OSError, Refused) as error:
                failed = error
        self.opened = failed is None
        if failed is not None:
            raise failed

    def _write(self, values: list[str], channels: list[int]) -> None:
        if len(values) != self.count:
            raise Refused(-115)
        codes = [integer(text) for text in values]
        shares, at = [], 0
        for chip in self.chips:
            shares.append(codes[at : at + chip.count])
            at += chip.count
            if max(shares[-1]) > chip.top:
                raise Refused(-222)
        self.opened = False
        for k, chip in enumerate(self.chips):
            chip.write(shares[k])


class Channels:
    """Channels of several chips, numbered one after the other."""

    def __init__(self, first: int, sizes: list[int]) -> None:
        self._first = first
        self.all = [(chip, channel) for chip, size in enumerate(sizes) for channel in range(size)]

    def at(self, number: int) -> tuple[int, int]:
        """(chip, its channel).

        Raises:
            Refused: -222, there is none.
        """
        if not 0 <= number - self._first < len(self.all):
            raise Refused(-222)
        return self.all[number - self._first]


class Sources:
    """All voltage channels: `SOUR:VOLT v1,v2,(@201,202)`, `SOUR:VOLT? (@201,202)`."""

    def __init__(self, chips: list) -> None:  # type: ignore[type-arg]
        self.chips = chips
        self._channels = Channels(FIRST_SOURCE, [chip.count for chip in chips])
        self.commands = {"SOUR:VOLT": self._write, "SOUR:VOLT?": self._told}

    def zero(self) -> None:
        """All to 0 V; a chip that fails does not stop the others."""
        failed = None
        for chip, channel in self._channels.all:
            try:
                self.chips[chip].write(channel, self.chips[chip].code(0.0))
            except (OSError, Refused) as error:
                failed = error
        if failed is not None:
            raise failed

    def _write(self, values: list[str], channels: list[int]) -> None:
        if not channels:
            raise Refused(-109)
        if len(values) != len(channels):
            raise Refused(-115)
        places = [self._channels.at(channel) for channel in channels]
        codes = [self.chips[place[0]].code(number(text)) for place, text in zip(places, values)]  # noqa: B905
        for (chip, channel), code in zip(places, codes):  # noqa: B905
            self.chips[chip].write(channel, code)

    def _told(self, values: list[str], channels: list[int]) -> str:
        if not channels:
            raise Refused(-109)
        places = [self._channels.at(channel) for channel in channels]
        return ",".join([f"{self.chips[chip].volts(channel):.7g}" for chip, channel in places])


class Inputs:
    """All measured channels: `SENS:VOLT:RANG`, `SENS:VOLT:NPLC`, `INP:IMP:AUTO`, `ROUT:CHAN:DEL`, `ROUT:SCAN`, `TRIG:COUN`,
    `READ?`. Integration time and delay are those of all channels.

    Args:
        alive: called at each reading, for a scan may take longer than a watchdog waits.
    """

    def __init__(self, chips: list, alive=None) -> None:  # type: ignore[type-arg]
        self.chips, self._alive = chips, alive
        self._channels = Channels(FIRST_INPUT, [len(chip.inputs) for chip in chips])
        self._settings: dict[tuple[int, int], int] = {}
        self._scan: list[tuple[int, int]] = []
        self._nplc, self._triggers, self._delay_ms = 1.0, 1, 0
        self.commands = {
            "SENS:VOLT:RANG": self._range,
            "SENS:VOLT:NPLC": self._integrate,
            "INP:IMP:AUTO": self._impedance,
            "ROUT:CHAN:DEL": self._wait,
            "ROUT:SCAN": self._select,
            "TRIG:COUN": self._trigger,
            "READ?": self._read,
        }

    def _places(self, channels: list[int]) -> list[tuple[int, int]]:
        if not channels:
            raise Refused(-109)
        return [self._channels.at(channel) for channel in channels]

    def _range(self, values: list[str], channels: list[int]) -> None:
        volts = number(only(values))
        wanted = [(place, self.chips[place[0]].range(volts)) for place in self._places(channels)]
        self._settings.update(wanted)

    def _integrate(self, values: list[str], channels: list[int]) -> None:
        nplc = number(only(values))
        if not 0 < nplc <= 25:
            raise Refused(-222)
        self._nplc = nplc

    def _wait(self, values: list[str], channels: list[int]) -> None:
        seconds = number(only(values))
        if not 0 <= seconds <= LONGEST_DELAY:
            raise Refused(-222)
        self._delay_ms = int(1000 * seconds + 0.5)

    def _impedance(self, values: list[str], channels: list[int]) -> None:
        word = only(values).upper()
        if word not in ("ON", "OFF", "1", "0"):
            raise Refused(-102)
        if word in ("ON", "1") and not all([self.chips[chip].buffered for chip, _ in self._places(channels)]):
            raise Refused(-221)

    def _select(self, values: list[str], channels: list[int]) -> None:
        self._scan = self._places(channels)

    def _trigger(self, values: list[str], channels: list[int]) -> None:
        count = integer(only(values))
        if count < 1:
            raise Refused(-222)
        self._triggers = count

    def _read(self, values: list[str], channels: list[int]) -> str:
        if not self._scan or self._triggers * len(self._scan) > MOST_READINGS:
            raise Refused(-221)
        readings = []
        for _ in range(self._triggers):
            for chip, channel in self._scan:
                if self._delay_ms:
                    pause(self._delay_ms)
                widest = len(self.chips[chip].ranges) - 1
                value = self.chips[chip].read(channel, self._settings.get((chip, channel), widest), self._nplc)
                readings.append(f"{value:.8g}")
                if self._alive is not None:
                    self._alive()
        return ",".join(readings)
