"""`Parts`: what a bench is built from, and how its channels are counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pot:
    """A digipot, as `[table.pot]` has it, and the resistor in series that protects its wiper.

    Attributes:
        part: for the parts list. ohm: between its ends [Ω]. steps: between them.
        wiper: [Ω]. amperes: most through the wiper [A]. series: [Ω].
    """

    part: str
    ohm: float
    steps: int
    wiper: float
    amperes: float
    series: float

    @property
    def smallest(self) -> float:
        """Resistance at code 1, series resistor included [Ω]."""
        return self.series + self.wiper + self.ohm / self.steps


@dataclass(frozen=True)
class Parts:
    """Instruments of a bench by what they do. Channels are "name:number".

    Attributes:
        instruments: name → keys of its table. safe: the order in which they are made safe.
        pots, reads, drives: (name, number of the first channel, how many there are); None: as many as wanted.
        nudge: (name, Ω) of a source behind a resistor, read by an input of its own; or (name, None) of a source meter with one
            channel, of which each output gets one.
        volts: what a source makes at most [V]. step: of a source [V]. range_v, high_z: of the inputs.
        virtual: what [virtual] says of the sources.
    """

    instruments: dict[str, dict[str, object]]
    safe: tuple[str, ...]
    pots: tuple[str, int, int | None]
    reads: tuple[str, int, int | None]
    drives: tuple[str, int, int | None]
    nudge: tuple[str, float | None]
    pot: Pot
    volts: float
    step: float
    range_v: float
    high_z: bool
    virtual: dict[str, object]


MCP4251 = Pot("MCP4251-103", 10e3, 256, 75.0, 2.5e-3, 1000.0)

BOARDS: dict[str, Parts] = {
    "pico": Parts(
        {"board": {"driver": "scpi_board", "resource": "ASRL/dev/ttyACM0::INSTR", "watchdog_s": 30}},
        ("board",),
        ("board", 0, 24),
        ("board", 101, 18),
        ("board", 201, 3),
        ("board", 47e3),
        MCP4251,
        1.023,
        5e-4,
        2.048,
        False,
        {"dac_bits": 12, "dac_span_v": 2.048},
    ),
    "instruments": Parts(
        {
            "daq": {"driver": "keysight_daq970a", "resource": "TCPIP::192.168.1.20::5025::SOCKET"},
            "dac": {"driver": "scpi_dac", "resource": "TCPIP::192.168.1.21::5025::SOCKET"},
            "smu": {"driver": "keithley_2450", "resource": "TCPIP::192.168.1.22::5025::SOCKET"},
            "pots": {"driver": "scpi_resistors", "resource": "ASRL/dev/ttyACM0::INSTR", "watchdog_s": 30},
        },
        ("smu", "dac", "pots"),
        ("pots", 0, None),
        ("daq", 101, None),
        ("dac", 1, None),
        ("smu", None),
        MCP4251,
        5.0,
        1e-4,
        10.0,
        True,
        {},
    ),
}
"""Name of a board → its parts: the reference board of docs/board.md, and instruments of their own."""


def pico_pins(place: str) -> tuple[str, ...]:
    """Pins of a channel of the reference board, "MCP4251 3 P0B": two of a resistor, one of an input or a source."""
    number = int(place.partition(":")[2])
    if number < 101:
        chip, half = divmod(number, 2)
        return f"MCP4251 {chip + 1} P{half}B", f"MCP4251 {chip + 1} P{half}W"
    if number < 201:
        chip, pin = divmod(number - 101, 3)
        return (f"ADS1115 {chip + 1} A{pin}",)
    chip, pin = divmod(number - 201, 4)
    return (f"MCP4728 {chip + 1} V{'ABCD'[pin]}",)
