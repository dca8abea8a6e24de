"""`StationSettings`: the tables and keys of a station file."""

from __future__ import annotations

import datetime
import math
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from hwlearn.lab.instruments.settings import InstrumentTable
from hwlearn.toml import Table

Place = Annotated[str, Field(pattern=r"^[A-Za-z_][\w-]*:[\w.]+$")]
"""A channel of an instrument, "daq:101"."""


class Defaults(Table):
    """`[defaults]`: how instruments are reached. `backend` is PyVISA's, or "virtual" for the virtual bench."""

    backend: Literal["@py", "@ivi", "virtual"] = "@py"
    timeout_s: PositiveFloat = 2.0
    line_hz: Literal[50, 60] = 50


class Shunt(Table):
    """A resistor that a current flows through, and the channel that reads its drop, high lead where the current enters."""

    read: Place
    ohm: PositiveFloat


class InputTable(Table):
    """`[input.V1]`: the channel that is this input of the network, between its two nodes.

    With a shunt between the channel and its plus node, or in its return, what flows out of the channel is measured; else it
    follows from Kirchhoff's law and the code tables, or is what a source meter says.
    """

    drive: Place
    shunt: Shunt | None = None


class SourceTable(Table):
    """`[source.V2]`: what a fixed source is: a wire to ground (0 V), an external supply, or a channel."""

    drive: Literal["ground", "external"] | Place


class NodeTable(Table):
    """`[node.n1]`: the channel that reads this node, against ground or against another node that is read; or "estimate":
    nobody reads it, and its voltage follows from the others and the code tables."""

    read: Literal["estimate"] | Place
    against: str | None = None


class ChannelTable(Table):
    """`[channel."daq:101"]`: a reading of this channel is `gain` times the voltage [V/V], as behind an amplifier or divider.

    `max_abs_v`, `noise_max`, `offset_max`, `drift_max` and calibrated offsets are those of the reading. A gain below zero
    inverts.
    """

    gain: float

    @model_validator(mode="after")
    def _reads_something(self) -> Self:
        if not (math.isfinite(self.gain) and self.gain):
            raise ValueError("gain must be a number other than zero")
        return self


class SeriesNudge(Table):
    """Currents and held voltages without a source meter: a voltage channel behind a known resistor, and the channel that reads
    its voltage. What flows is the drop across the resistor over `series_ohm`: a small one is a shunt.

    `tolerance_v` is how exactly a current is set, as a voltage across the resistor, or a voltage is held [V].
    """

    drive: Place
    read: Place
    series_ohm: PositiveFloat
    tolerance_v: PositiveFloat = 2e-4


class OutputTable(Table):
    """`[output."a,b"]`: what nudges this output: a source meter's channel, or a voltage behind a resistor."""

    nudge: Place | SeriesNudge


class GateTable(Table):
    """What sets a transistor: the channel at its gate, against ground.

    Attributes:
        v_max: largest gate voltage [V]; the smallest is 0 V.
        file: what the transistor conducts, measured with both ends near 0 V (CSV: volt,siemens); the law of the netlist if
            not given.
    """

    drive: Place
    v_max: PositiveFloat
    file: str | None = None


class EdgeTable(Table):
    """`[edge.R1]`: a resistor channel and its code table, or a fixed resistor [Ω], or the gate of a transistor."""

    set: Place | None = None
    gate: GateTable | None = None
    table: str | None = None
    series_ohm: NonNegativeFloat = 0.0
    fixed_ohm: PositiveFloat | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(given is not None for given in (self.set, self.fixed_ohm, self.gate)) != 1:
            raise ValueError("give either set (and table) or fixed_ohm; or gate, of a transistor")
        if (self.set is None) != (self.table is None):
            raise ValueError("set and table go together")
        if self.set is None and self.series_ohm:
            raise ValueError("series_ohm goes with set; add it to fixed_ohm")
        return self


class CodeTableTable(Table):
    """`[table.T]`: resistance [Ω] by code: wiper_ohm + full_scale_ohm · code / (2^bits − 1), or a CSV file (code,ohm).

    Attributes:
        min_code, max_code: the codes that may be used.
        i_max: largest current through the device [A]. endurance: writes that its maker promises, if they wear it out.
    """

    bits: Annotated[int, Field(ge=1, le=16)] = 8
    full_scale_ohm: PositiveFloat | None = None
    wiper_ohm: NonNegativeFloat = 0.0
    file: str | None = None
    min_code: NonNegativeInt = 0
    max_code: NonNegativeInt | None = None
    i_max: PositiveFloat | None = None
    endurance: PositiveFloat | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.full_scale_ohm is None) == (self.file is None):
            raise ValueError("give either full_scale_ohm (with bits and wiper_ohm) or file")
        if self.file is not None and self.model_fields_set & {"bits", "wiper_ohm"}:
            raise ValueError("bits and wiper_ohm go with full_scale_ohm; a file has measured what they say")
        return self


class TemperatureTable(Table):
    """`[temperature.board]`: a sensor that a scanner's channel reads, or the channel of an instrument that says °C.

    Attributes:
        read: channel of a sensor that makes `zero_v` at 0 °C [V], and `volts_per_degree` more for each [V/°C].
        celsius: channel of a thermometer.
        moves_max: warn when it has moved by more [°C].
    """

    read: Place | None = None
    volts_per_degree: float | None = None
    zero_v: float = 0.0
    celsius: Place | None = None
    moves_max: PositiveFloat = 2.0

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.read is None) == (self.celsius is None):
            raise ValueError("give either read (and volts_per_degree) or celsius")
        if (self.read is None) != (self.volts_per_degree is None):
            raise ValueError("read and volts_per_degree go together")
        if self.volts_per_degree is not None and not (math.isfinite(self.volts_per_degree) and self.volts_per_degree):
            raise ValueError("volts_per_degree must be a number other than zero")
        return self


class Limits(Table):
    """`[limits]`: what no phase may pass [V, A, W]."""

    v_node_max: PositiveFloat
    i_nudge_max: PositiveFloat = 1e-3
    v_compliance: PositiveFloat = 5.0
    i_compliance: PositiveFloat = 1e-2
    p_edge_max: PositiveFloat = 0.1


class Measure(Table):
    """`[measure]`: how a phase is read.

    Attributes:
        range_v: range of the scanner [V]. nplc: integration time in power line cycles.
        repeats: readings per channel and sample, averaged; "auto" chooses them at each step from the measured noise, so that a
            rule's direction is read to `gradient_error`, up to `most_repeats`. settle_s: wait after each change [s].
        order: "ABBA" measures +nudge and −nudge as A B B A; "AB" takes each with all its readings.
        channel_delay_s: wait at each channel of a scan before it is read, for its multiplexer and for what cables remember;
            without it, what the instrument takes for long enough [s]; `hwlearn bench check` measures whether it is.
        high_z: scanner inputs above 10 GΩ. max_abs_v: a reading beyond it is refused [V].
        noise_max, offset_max: accepted by `hwlearn bench check` for each channel [V].
        gradient_error: wanted relative error of a rule's direction; `hwlearn bench check` says which `repeats` it takes.
        verify_sigma: a free phase repeated after the nudged one may differ by so many standard deviations.
        drift_max: and by this much more [V].
    """

    range_v: PositiveFloat = 10.0
    nplc: PositiveFloat = 1.0
    repeats: PositiveInt | Literal["auto"] = 2
    settle_s: NonNegativeFloat = 0.01
    order: Literal["ABBA", "AB"] = "ABBA"
    channel_delay_s: NonNegativeFloat | None = None
    high_z: bool = True
    max_abs_v: PositiveFloat = 9.9
    noise_max: PositiveFloat = 1e-3
    offset_max: PositiveFloat = 1e-3
    gradient_error: PositiveFloat = 0.1
    most_repeats: PositiveInt = 64
    verify_sigma: PositiveFloat = 8.0
    drift_max: NonNegativeFloat = 1e-3


class Program(Table):
    """`[program]`: how a conductance becomes a code.

    Attributes:
        rounding: "nearest"; "dead band" keeps a code until the wanted conductance is half a step and `dead_band` steps away,
            so that a value between two codes does not wear the device out; "stochastic" takes the two neighbours with
            probabilities whose mean is the wanted conductance, drawn again when that has moved `dead_band` steps.
        dead_band: in steps between neighbouring codes. seed: of the stochastic rounding.
    """

    rounding: Literal["nearest", "dead band", "stochastic"] = "dead band"
    dead_band: Annotated[float, Field(ge=0, le=10)] = 0.1
    seed: NonNegativeInt = 0


class Safe(Table):
    """`[safe]`: the order in which instruments are made safe."""

    order: list[str] = Field(default_factory=list)


class Calibration(Table):
    """`[calibration]`: offsets of read channels (CSV: channel,volt), how long they hold, and how exact things are.

    Attributes:
        conductance: relative standard deviation of the code tables. source: of a driven voltage [V].
        current: relative, of a source meter's current. `hwlearn compare` takes no deviation within these for a fault.
    """

    offsets: str | None = None
    date: datetime.date | None = None
    valid_days: PositiveInt = 30
    conductance: PositiveFloat = 0.005
    source: PositiveFloat = 5e-4
    current: PositiveFloat = 1e-3


class Virtual(Table):
    """`[virtual]`: what the virtual bench adds to its simulation; see `hwlearn.lab.virtual.imperfections.Imperfections`.

    `station` names the station file whose bench this is, instead of all other keys: a calibrated station is another view of
    the same bench.
    """

    station: str | None = None
    backend: Literal["exact", "ngspice"] = "exact"
    seed: NonNegativeInt = 0
    noise_v: NonNegativeFloat = 0.0
    lsb_v: NonNegativeFloat = 0.0
    offset_v: NonNegativeFloat = 0.0
    drift_v_per_s: NonNegativeFloat = 0.0
    tau_s: NonNegativeFloat = 0.0
    pot_tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.0
    pot_drift: Annotated[float, Field(ge=0, lt=1)] = 0.0
    dac_bits: NonNegativeInt = 0
    dac_span_v: NonNegativeFloat = 0.0
    dmm_ohm: NonNegativeFloat = 0.0
    warming_c_per_s: float = 0.0

    @model_validator(mode="after")
    def _one_bench(self) -> Self:
        if self.station is not None and len(self.model_fields_set) > 1:
            raise ValueError("station goes alone: leave the other keys out, which are those of that file")
        return self


class StationSettings(Table):
    """A whole station file."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    name: str
    defaults: Defaults = Defaults()
    instrument: dict[str, InstrumentTable]
    input: dict[str, InputTable] = Field(default_factory=dict)
    source: dict[str, SourceTable] = Field(default_factory=dict)
    node: dict[str, NodeTable]
    channel: dict[str, ChannelTable] = Field(default_factory=dict)
    output: dict[str, OutputTable] = Field(default_factory=dict)
    edge: dict[str, EdgeTable]
    table: dict[str, CodeTableTable] = Field(default_factory=dict)
    temperature: dict[str, TemperatureTable] = Field(default_factory=dict)
    limits: Limits
    measure: Measure = Measure()
    program: Program = Program()
    safe: Safe = Safe()
    calibration: Calibration = Calibration()
    virtual: Virtual = Virtual()
