"""`Semiconductor`: what transistors that do not learn have in common: polarity, resistances, model, temperature."""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

from hwlearn.errors import DeviceError
from hwlearn.network.devices.device import ElementDevice, Parameter
from hwlearn.network.devices.junction import GMIN
from hwlearn.network.devices.law import Branch, Law
from hwlearn.network.devices.linear import LinearLaw
from hwlearn.network.devices.models import parameters_of
from hwlearn.network.devices.netlist import Card, Names, NetlistAround, numbers
from hwlearn.network.devices.temperature import ROOM, option, temperatures, thermal_voltage
from hwlearn.text import write_number

_INITIAL = re.compile(r"\bic=\S+(\s*,\s*\S+)*")


@dataclass(frozen=True)
class Semiconductor(ElementDevice):
    """A transistor by its currents at DC. In a p-type one, all voltages and currents are those of an n-type one turned round.

    Its numbers are those at its temperature: `read` has moved a model's there. Area is in them, M is `multiplier`.

    Attributes:
        multiplier: M, that of all currents.
        temperature: °C.
        leak: GMIN [S].
    """

    multiplier: float = 1.0
    temperature: float = ROOM
    leak: float = GMIN

    model: ClassVar[str]
    """Type of its `.model`."""
    turned: ClassVar[bool] = False
    """Whether it is of p-type."""

    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("multiplier", "1", positive=True), Parameter("temperature", "°C"))

    @property
    def thermal(self) -> float:
        """Vt [V]."""
        return thermal_voltage(self.temperature)

    @property
    @abstractmethod
    def resistances(self) -> dict[str, float]:
        """Ω between a terminal and the node inside, by terminal."""

    @property
    def inner(self) -> tuple[str, ...]:
        return tuple(f"inner {name}" for name, ohms in self.resistances.items() if ohms)

    def _inside(self, terminal: str) -> str:
        return f"inner {terminal}" if self.resistances.get(terminal) else terminal

    def _branch(self, start: str, end: str, law: type[Law], numbers: tuple[str, ...], *controls: tuple[str, str]) -> Branch:
        """The branch of an n-type device, turned round in a p-type one."""
        pairs = controls or ((start, end),)
        if self.turned:
            start, end, pairs = end, start, tuple((other, one) for one, other in pairs)
        return Branch(start, end, law, numbers, pairs)

    def _ohmic(self, terminal: str, conductance: str) -> list[Branch]:
        """The branch from a terminal to the node inside; none without a resistance."""
        inside = self._inside(terminal)
        return [] if inside == terminal else [Branch(terminal, inside, LinearLaw, (conductance, "nothing"))]

    nothing: ClassVar = 0.0

    def _per_ohm(self, terminal: str) -> tuple[float]:
        """S of the whole device, as `LinearLaw` takes it."""
        return (self.multiplier / self.resistances[terminal],)

    def _written(self, names: Names, law: Mapping[str, float], own: Mapping[str, float]) -> list[str]:
        """Model and card, for parameters of the model and of the card beside those of all transistors."""
        called = names.own("", f"{self.letter}model")
        words = " ".join(f"{name}={write_number(value)}" for name, value in {**law, "tnom": self.temperature}.items())
        mine = {**own, "m": self.multiplier, "temp": self.temperature}
        after = " ".join(f"{name}={write_number(value)}" for name, value in mine.items())
        return [f".model {called} {self.model}({words})", f"{names.card} {' '.join(names.nodes)} {called} {after}"]


def model_of(
    card: Card,
    netlist: NetlistAround,
    kind: str,
    levels: Collection[str],
    known: Mapping[str, float],
    aliases: Mapping[str, str],
    ignored: Collection[str],
) -> tuple[dict[str, float], set[str]]:
    """Numbers of the card's model, and the names of those that it gives; defaults are those of `known`, TNOM among them.

    Raises:
        DeviceError: another type, another level, or a parameter that is not understood.
    """
    given = {aliases.get(name, name): word for name, word in netlist.model(card, kind).items()}
    if (level := given.pop("level", "1")) not in levels:
        raise DeviceError(f"its level is {level}; only level {' and '.join(levels)} is understood")
    given.pop(kind, None)
    every = {**known, "tnom": option(netlist.options, "tnom", ROOM)}
    return numbers(given, every, ignored, every), set(given)


def own_numbers(card: Card, known: Mapping[str, float], ignored: Collection[str] = ()) -> dict[str, float]:
    """Numbers of the card after its model: those of `known`, M, TEMP and DTEMP; a number alone is AREA.

    Raises:
        DeviceError: a parameter that is not understood.
    """
    words = [word for word in _INITIAL.sub("", " ".join(card.rest[1:])).split() if word not in ("off", "on")]
    if sum("=" not in word for word in words) > ("area" in known):
        raise DeviceError("only one number, the area, may stand after the model" if "area" in known else
                          "only name=value may stand after the model")  # fmt: skip
    text = " ".join(word if "=" in word else f"area={word}" for word in words)
    every = {"m": 1.0, **known, "temp": math.nan, "dtemp": 0.0}
    found = numbers(parameters_of(text), every, ignored, every)
    if math.isnan(found["temp"]):
        del found["temp"]
    return found


def heated(netlist: NetlistAround, model: Mapping[str, float], own: Mapping[str, float]) -> tuple[float, float, float]:
    """(temperature, TNOM) [°C], and GMIN [S]."""
    return (*temperatures(netlist.options, model, own), option(netlist.options, "gmin", GMIN))
