"""`Transistor`: an edge that is the channel of an n-type transistor, with a gate that learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import DeviceError
from hwlearn.network.devices.device import GATE_VOLTAGE, EdgeDevice, Parameter
from hwlearn.network.devices.junction import GMIN, SHIFTED_BY, Junction
from hwlearn.network.devices.law import Branch, Law
from hwlearn.network.devices.models import parameters_of
from hwlearn.network.devices.netlist import Card, Cards, EdgeRead, Names, NetlistAround, numbers
from hwlearn.network.devices.temperature import ROOM, thermal_voltage
from hwlearn.text import GROUND, write_number

_WIDTH = _LENGTH = 1e-4


class SquareLaw(Law):
    """The channel's: the first control is the drain's voltage, the second the source's. It takes S [S/V]."""

    def __init__(self, transconductance: Array) -> None:
        self._steep = transconductance[:, None]

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        upper, lower = self._overdriven(given, volts)
        plus, minus = np.minimum(volts, given / self._steep)
        return (upper + lower) / 2 * (plus - minus), (upper, -lower)

    def driving(self, given: Array, volts: Array) -> Array:
        """Δv with both ends below pinch-off."""
        upper, lower = self._overdriven(given, volts)
        return (lower - upper) / self._steep

    def _overdriven(self, given: Array, volts: Array) -> Array:
        """u₊ and u₋ (2, D, S) S."""
        return np.maximum(given - self._steep * volts, 0.0)


@dataclass(frozen=True)
class Transistor(EdgeDevice):
    """An edge that is the channel of an n-type transistor, from drain (tail) to source (head); both ends are alike.

    It conducts as S (V_G − V_T − mean of its ends' voltages), as long as both ends are below V_G − V_T: in full

        i = S/2 [max(V_G − V_T − v₋, 0)² − max(V_G − V_T − v₊, 0)²],

    which is no current with both ends above, and the same as at pinch-off with one above (the square law of Shichman and
    Hodges 1968): i never falls with Δv. The edge's conductance g is that at ends of 0 V, `g = S (V_G − V_T)`: to program it
    is to set the gate. In siemens, with u = max(g − S v, 0), the slopes ∂i/∂v are u₊ and −u₋. They differ, so no reciprocity
    holds.

    Attributes:
        transconductance: S [S/V].
        threshold: V_T [V].
        bulk: node from which a junction leads to each end, that of a diode with IS = `saturation` [A] and N = 1.
        gate: name of the voltage source from the gate to ground, in netlists.
    """

    transconductance: float
    threshold: float
    bulk: str = GROUND
    saturation: float = 1e-14
    gate: str = ""

    word: ClassVar = "transistor"
    letter: ClassVar = "m"
    terminals: ClassVar = ("drain", "source", "bulk")
    branches: ClassVar = (
        Branch("drain", "source", SquareLaw, ("transconductance",), (("drain", GROUND), ("source", GROUND))),
        Branch("bulk", "drain", Junction, ("saturation", "thermal", "leak")),
        Branch("bulk", "source", Junction, ("saturation", "thermal", "leak")),
    )
    thermal: ClassVar = thermal_voltage(ROOM)
    leak: ClassVar = GMIN
    parameters: ClassVar = (
        Parameter("threshold", "V"),
        Parameter("transconductance", "S/V", positive=True),
        Parameter("saturation", "A", positive=True),
    )
    set_by: ClassVar = GATE_VOLTAGE
    shifted_by: ClassVar = (*SHIFTED_BY, "scale", "defw", "defl")

    @property
    def further(self) -> tuple[str, ...]:
        return (self.bulk,)

    def conductance(self, setting: float) -> float:
        return self.transconductance * (setting - self.threshold)

    def setting(self, conductance: float) -> float:
        return self.threshold + conductance / self.transconductance

    def slope(self, conductance: float) -> float:
        return self.transconductance

    @classmethod
    def read(cls, card: Card, netlist: NetlistAround) -> EdgeRead:
        """An NMOS of level 1 with no parameters beside KP, VTO, IS, W and L, with a source of its own at the gate."""
        if len(card.nodes) != 4:
            raise DeviceError("it needs four nodes: drain, gate, source, bulk")
        drain, gate, source, bulk = card.nodes
        try:
            feed = netlist.own_source(card, gate)
        except DeviceError as error:
            raise DeviceError(f"its gate {error}") from None
        words = netlist.model(card, "nmos") | parameters_of(" ".join(card.rest[1:]))
        known = {"kp": 2e-5, "vto": 0.0, "is": 1e-14, "w": _WIDTH, "l": _LENGTH}
        if words.pop("level", "1") != "1":
            raise DeviceError(f"its level is {netlist.model(card, 'nmos')['level']!r}")
        found = numbers(words, known, cls.ignored, signed=("vto",))
        transistor = cls(card.name, found["kp"] * found["w"] / found["l"], found["vto"], bulk, found["is"], feed)
        volts = netlist.value(feed)
        conductance = 0.0 if volts is None else transistor.conductance(volts)
        if not conductance > 0:
            raise DeviceError(f"its gate must start above its threshold of {transistor.threshold:g} V")
        return EdgeRead(transistor, (drain, source), conductance, (feed,))

    def cards(self, names: Names, conductance: float) -> Cards:
        feed, gate, model = names.own("v", self.gate or f"VG{self.edge}"), names.own("", "g"), names.own("", "nmodel")
        drain, source, bulk = names.nodes
        law = f"kp={write_number(self.transconductance)} vto={write_number(self.threshold)} is={write_number(self.saturation)}"
        lines = [
            f".model {model} nmos(level=1 {law})",
            f"{names.card} {drain} {gate} {source} {bulk} {model} w={write_number(_WIDTH)} l={write_number(_LENGTH)}",
            f"{feed} {gate} {GROUND} dc {write_number(self.setting(conductance))}",
        ]
        return Cards(lines, f"alter {feed} dc=%.17g")

    def deck(self, names: Names, conductance: float) -> Cards:
        """The law as a behavioural source, its gate, and the junctions from its bulk.

        ngspice's own MOS model limits the voltages at which it is evaluated without counting that as not converged: where a
        step between samples is large, ngspice takes a wrong answer for converged.
        """
        feed, gate, model = names.own("v", "gate"), names.own("", "gate"), names.own("", "junction")
        *ends, bulk = names.nodes
        overdrives = [f"uramp(v({gate})-{write_number(self.threshold)}-v({end}))^2" for end in ends]
        lines = [
            f"{names.own('b', 'channel')} {' '.join(ends)} i={write_number(self.transconductance / 2)}"
            f"*({overdrives[1]}-{overdrives[0]})",
            f"{feed} {gate} {GROUND} dc {write_number(self.setting(conductance))}",
            f".model {model} d(is={write_number(self.saturation)})",
            *(f"{names.own('d', f'side{k}')} {bulk} {end} {model}" for k, end in enumerate(ends) if end != bulk),
        ]
        return Cards(lines, f"alter {feed} dc=%.17g")
