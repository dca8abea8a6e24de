"""Virtual board: the firmware of `hwlearn.lab.firmware` itself, on chips that are the simulated network."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hwlearn.lab.firmware.board import Board
from hwlearn.lab.firmware.parts import FIRST_INPUT, FIRST_SOURCE
from hwlearn.lab.firmware.scpi import Refused
from hwlearn.lab.virtual.faults import Faults
from hwlearn.lab.virtual.imperfections import quantised
from hwlearn.lab.virtual.model import OVER_RANGE, BenchModel
from hwlearn.lab.virtual.scpi import ScpiInstrument

SPAN = 10.0
"""Largest |voltage| of a source and of an input [V], where the station's [virtual] says nothing."""


class VirtualBoard(ScpiInstrument):
    """Resistors, sources and inputs of one name, as many as the station wires."""

    def __init__(self, name: str, model: BenchModel) -> None:
        super().__init__(name, model)
        wiring = model.wiring
        sources = _counted(name, [*wiring.sources, *wiring.series], FIRST_SOURCE)
        inputs = _counted(name, [*wiring.nodes, *wiring.sensed, *wiring.sensors], FIRST_INPUT)
        resistors = _counted(name, [*wiring.edges], 0)
        self.board = Board(
            [_Resistor(f"{name}:{channel}", model) for channel in resistors],
            [_Source(f"{name}:{channel}", model) for channel in sources],
            [_Input(f"{name}:{channel}", model, self.faults) for channel in inputs],
        )
        self._timer: asyncio.TimerHandle | None = None

    def answer(self, line: str) -> str | None:
        self.lines = [*self.lines[-99:], line]
        answer = self.board.line(line.encode("latin1"))
        self.closing()
        if self.board.watchdog:
            self._timer = asyncio.get_running_loop().call_later(self.board.watchdog + 0.01, self.board.tick)
        return answer

    def closing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _counted(name: str, places: Sequence[str], first: int) -> range:
    """The channels from the first to the last one that is wired."""
    numbers = [int(channel) for owner, _, channel in (place.partition(":") for place in places) if owner == name]
    return range(first, 1 + max(numbers, default=first - 1))


class _Resistor:
    """One resistor, as the chips of the firmware are."""

    count = 1

    def __init__(self, place: str, model: BenchModel) -> None:
        self._place, self._model = place, model
        self.top = (model.codes(place) or 256) - 1
        self._code = (self.top + 1) // 2

    def write(self, codes: list[int]) -> None:
        self._code = codes[0]
        self._model.set_code(self._place, self._code)

    def read(self) -> list[int]:
        return [self._code]

    def open(self) -> None:
        self._model.set_code(self._place, None)


class _Source:
    """One voltage channel, whose code is a voltage."""

    count = 1

    def __init__(self, place: str, model: BenchModel) -> None:
        self._place, self._model, self._volts = place, model, 0.0
        self._span = model.imperfections.dac_span_v / 2 or SPAN

    def code(self, volts: float) -> float:
        if abs(volts) > self._span:
            raise Refused(-222)
        return quantised(volts, self._model.imperfections)

    def write(self, channel: int, code: float) -> None:
        self._volts = code
        self._model.set_source(self._place, code)

    def volts(self, channel: int) -> float:
        return self._volts


class _Input:
    """One input of one range."""

    inputs = (0,)
    ranges = ((SPAN, 0),)
    buffered = True

    def __init__(self, place: str, model: BenchModel, faults: Faults) -> None:
        self._place, self._model, self._faults = place, model, faults

    def range(self, volts: float) -> int:
        if volts > SPAN:
            raise Refused(-222)
        return 0

    def read(self, channel: int, wanted: int, nplc: float) -> float:
        if self._faults.over():
            return OVER_RANGE
        return float(self._model.read([self._place], limit=SPAN, high_z=False)[0])
