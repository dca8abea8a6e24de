"""`Memristor`: an edge whose resistance remembers what flowed through it; `Motion`: how states move."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from hwlearn.arrays import Array, Indices
from hwlearn.errors import DeviceError
from hwlearn.network.devices.device import EdgeDevice, Parameter
from hwlearn.network.devices.expressions import Template, same, summed
from hwlearn.network.devices.law import Branch
from hwlearn.network.devices.netlist import Card, Cards, EdgeRead, Names, NetlistAround, OtherModel
from hwlearn.network.devices.resistances import LINEAR, Numbers, Resistance
from hwlearn.network.devices.resistor import OhmsLaw
from hwlearn.network.devices.windows import WINDOWS
from hwlearn.text import GROUND, write_number

STATE = Parameter("state", "", negative=False)
"""What memristive edges are set by: 0 at `r_off`, 1 at `r_on`."""

_HOLDS = 1e3
"""Amperes per unit of state that hold it at DC in ngspice."""

_WORDS = ("tail", "head", "node")


class Motion(ABC):
    """How fast the states of D devices rise and fall, without their windows.

    Made from arrays (D,), one for each of the numbers that `Memristor.moved_by` names.
    """

    @abstractmethod
    def speeds(self, volts: Array, amperes: Array) -> tuple[Array, Array]:
        """Speeds (D,) at which the states rise and fall, neither negative [1/s]; from tail to head, (D,) V and A."""


@dataclass(frozen=True)
class Memristor(EdgeDevice):
    """An edge that obeys Ohm's law, with a resistance that falls from r_off to r_on as its state x, 0 … 1, rises; what flows
    moves x.

    Between two looks at it, it is a resistor. A circuit that moves the states is a `MemristiveCircuit`.

    In a netlist it is three cards that ngspice's `.op` takes for the resistor of the present state, and whose state its
    `.tran` moves: a behavioural source that conducts, a capacitor of 1 F whose voltage is the state, and a source that charges
    it.

    Attributes:
        r_on, r_off: resistance at states 1 and 0 [Ω].
        window: how motion slows down near the ends; a name of `WINDOWS`.
        exponent: of the window, p.
    """

    r_on: float
    r_off: float
    window: str = "biolek"
    exponent: float = 1.0

    letter: ClassVar = "b"
    terminals: ClassVar = ("tail", "head")
    branches: ClassVar = (Branch("tail", "head", OhmsLaw),)
    set_by: ClassVar = STATE
    resistance: ClassVar[Resistance] = LINEAR
    motion: ClassVar[type[Motion]]
    moved_by: ClassVar[tuple[str, ...]]
    rises: ClassVar[str]
    """`Motion.speeds` for ngspice, of `{tail}`, `{head}`, `{amperes}` and the device's numbers."""
    falls: ClassVar[str]

    @property
    def limits(self) -> tuple[float, float]:  # type: ignore[override]
        """Conductances at states 0 and 1, and what rounding makes of them [S]."""
        return (1 - 1e-12) / self.r_off, (1 + 1e-12) / self.r_on

    def check(self) -> None:
        super().check()
        if self.window not in WINDOWS:
            raise DeviceError(f"window is {self.window!r}; choose one of {', '.join(WINDOWS)}")
        if not self.r_on < self.r_off:
            raise DeviceError(f"r_on is {self.r_on} and r_off {self.r_off}; r_on must be the smaller")
        if self.exponent < 0.5:
            raise DeviceError(f"exponent is {self.exponent}; it must be 0.5 or more")

    def conductance(self, setting: float) -> float:
        return float(1 / self.resistance.ohms(self.r_on, self.r_off, setting))

    def setting(self, conductance: float) -> float:
        return min(max(float(self.resistance.state(self.r_on, self.r_off, 1 / conductance)), 0.0), 1.0)

    def slope(self, conductance: float) -> float:
        return conductance**2 * float(self.resistance.falls(self.r_on, self.r_off, 1 / conductance))

    # Netlists

    @classmethod
    def _conducting(cls) -> Template:
        return Template(f"i=v({{tail}},{{head}})/{cls.resistance.expression}", _WORDS)

    @classmethod
    def _moving(cls, window: str) -> Template:
        rise = WINDOWS[window].expression.format(x="v({node})")
        fall = WINDOWS[window].expression.format(x="(1-v({node}))")
        moved = f"({cls.rises})*{rise}-({cls.falls})*{fall}"
        moved = moved.replace("{amperes}", f"(v({{tail}},{{head}})/{cls.resistance.expression})")
        return Template(f"i=(time>0)?({moved}):({_HOLDS:g}*({{state}}-v({{node}})))", _WORDS)

    def _numbers(self, conductance: float) -> dict[str, float]:
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in own.items() if isinstance(value, float)} | {"state": self.setting(conductance)}

    def cards(self, names: Names, conductance: float) -> Cards:
        tail, head = names.nodes
        node, numbers = names.own("", f"state_{names.card}"), self._numbers(conductance)
        words = {"tail": tail, "head": head, "node": node}
        lines = [
            f"{names.card} {tail} {head} {self._conducting().written(numbers, words)}",
            f"{names.own('c', f'c{node}')} {node} {GROUND} 1",
            f"{names.own('b', f'b{node}')} {GROUND} {node} {self._moving(self.window).written(numbers, words)}",
        ]
        return Cards(lines, "")

    def deck(self, names: Names, conductance: float) -> Cards:
        tail, head = names.nodes
        node, feed, words = names.own("", "state"), names.own("v", "state"), {"tail": tail, "head": head}
        lines = [
            f"{names.card} {tail} {head} {self._conducting().written(self._numbers(conductance), {**words, 'node': node})}",
            f"{feed} {node} {GROUND} dc {write_number(self.setting(conductance))}",
        ]
        return Cards(lines, f"alter {feed} dc=%.17g")

    @classmethod
    def read(cls, card: Card, netlist: NetlistAround) -> EdgeRead:
        """The three cards of a memristor of this law."""
        found = cls._conducting().read("".join(card.rest))
        if found is None:
            raise OtherModel("it is no memristor")
        node = found.pop("node")
        state, charging = netlist.touching(node, card, "c", "b")
        for window in WINDOWS:
            template = cls._moving(window)
            text = "".join(charging.rest)
            moving = template.read(text)
            if moving is None:
                continue
            numbers = {name: summed(value) for name, value in (found | moving).items() if name not in ("tail", "head", "node")}
            x = numbers.pop("state")
            device = cls(edge=card.name, window=window, **numbers)
            device.check()
            words = {"tail": card.nodes[0].lower(), "head": card.nodes[1].lower(), "node": node}
            given = device._numbers(device.conductance(x))
            if same(template.written(given, words), text) and same(
                cls._conducting().written(given, words), "".join(card.rest)
            ):
                ends = (card.nodes[0], card.nodes[1])
                return EdgeRead(device, ends, device.conductance(x), (state.name, charging.name))
        raise OtherModel(f"its state does not move as that of {cls.word}s")


class Motions:
    """How the states of M memristors move, law by law.

    Args:
        devices: in the order of the states.
    """

    def __init__(self, devices: Sequence[Memristor]) -> None:
        self.r_on, self.r_off = (np.array([getattr(d, name) for d in devices]) for name in ("r_on", "r_off"))
        kinds = sorted({device.resistance for device in devices}, key=lambda resistance: resistance.expression)
        self._resistances = [
            (np.array([k for k, device in enumerate(devices) if device.resistance is kind], dtype=np.intp), kind)
            for kind in kinds
        ]
        groups: dict[tuple[type[Memristor], str], list[int]] = {}
        for k, device in enumerate(devices):
            groups.setdefault((type(device), device.window), []).append(k)
        self._groups: list[tuple[Indices, Motion, str, Array]] = []
        for (law, window), members in groups.items():
            numbers = [np.array([getattr(devices[k], name) for k in members]) for name in law.moved_by]
            exponents = np.array([devices[k].exponent for k in members])
            self._groups.append((np.array(members, dtype=np.intp), law.motion(*numbers), window, exponents))

    def conductances(self, states: Array) -> Array:
        """(M,) S, of states (M,)."""
        return 1 / self._each(lambda resistance: resistance.ohms, states)

    def slopes(self, states: Array) -> Array:
        """(M,) dg/dx [S], at states (M,)."""
        conductances = self.conductances(states)
        return conductances**2 * self._each(lambda resistance: resistance.falls, 1 / conductances)

    def states(self, conductances: Array) -> Array:
        """(M,), of conductances (M,) [S]."""
        return np.clip(self._each(lambda resistance: resistance.state, 1 / conductances), 0.0, 1.0)

    def _each(self, function: Callable[[Resistance], Numbers], values: Array) -> Array:
        found = np.empty(len(values))
        for at, resistance in self._resistances:
            found[at] = function(resistance)(self.r_on[at], self.r_off[at], values[at])
        return found

    def rates(self, states: Array, volts: Array) -> Array:
        """dx/dt (M,) [1/s], from states (M,) and drops from tail to head (M,) [V]."""
        states = np.clip(states, 0.0, 1.0)
        amperes, found = self.conductances(states) * volts, np.zeros(len(states))
        for at, motion, window, exponents in self._groups:
            up, down = motion.speeds(volts[at], amperes[at])
            rising = WINDOWS[window].rising
            found[at] = up * rising(states[at], exponents) - down * rising(1 - states[at], exponents)
        return found
