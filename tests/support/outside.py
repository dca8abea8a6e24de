"""Members of the registries as another package has them: one file, nothing but public names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import typer
from pydantic import PositiveInt

from hwlearn import Circuit, Drive, EquilibriumPropagation, Inject, Loss
from hwlearn.arrays import Array
from hwlearn.circuits.backend import Backend
from hwlearn.circuits.imperfect import Effect
from hwlearn.circuits.measurement import SampledMeasurement
from hwlearn.circuits.newton.circuit import NewtonCircuit
from hwlearn.errors import DeviceError
from hwlearn.experiments import load_experiment
from hwlearn.lab.instruments.drivers.scpi_dac import ScpiDac
from hwlearn.network.devices import Branch, Card, Cards, EdgeDevice, EdgeRead, Law, Names, NetlistAround, Parameter
from hwlearn.testing.nodal import modified_nodal
from hwlearn.text import parse_number, write_number


class DenseCircuit(Circuit):
    """Modified nodal analysis, dense; conductances have a few digits."""

    name = "dense"
    pulls = True

    def __init__(self, network, digits=15):
        super().__init__(network)
        self.digits = digits

    def _program(self, conductances):
        decades = 10.0 ** (self.digits - 1 - np.floor(np.log10(conductances)))
        return np.round(conductances * decades) / decades

    def _measure(self, inputs, outputs, imposed):
        found = modified_nodal(self.network, self.conductances, Drive(inputs, outputs))
        answers = (found.node_voltages, found.output_voltages, found.output_currents, found.input_currents)
        return SampledMeasurement(self.network, self.conductances, *answers, provenance=self.name)

    def _close(self):
        pass


class DenseBackend(Backend):
    """`DenseCircuit`; Newton's method where the network is not linear."""

    digits: PositiveInt = 15

    def circuit(self, network, folder, *, verify=True):
        return DenseCircuit(network, self.digits) if network.linear else NewtonCircuit(network)


class Gain(Effect):
    """Readings are too large by a part."""

    def __init__(self, part: float = 0.0) -> None:
        self.part = part

    def read(self, voltages, random):
        return voltages * (1 + self.part)


class SinhLaw(Law):
    """i = g sinh(a Δv) / a."""

    def __init__(self, steepness: Array) -> None:
        self._a = steepness[:, None]

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        x = self._a * volts[0]
        return given * np.sinh(x) / self._a, (given * np.cosh(x),)


CARD = re.compile(r"i=v\((\w+)\)\*sinh\((\S+?)\*v\((\w+),(\w+)\)\)/(\S+)")


@dataclass(frozen=True)
class Memristor(EdgeDevice):
    """A memristive edge, i = g sinh(a Δv) / a, with g = G w and a state w that learns."""

    steepness: float
    full: float = 1e-2
    feed: str = ""

    word: ClassVar = "memristor"
    letter: ClassVar = "b"
    terminals: ClassVar = ("plus", "minus")
    branches: ClassVar = (Branch("plus", "minus", SinhLaw, ("steepness",)),)
    parameters: ClassVar = (Parameter("steepness", "1/V", positive=True), Parameter("full", "S", positive=True))
    set_by: ClassVar = Parameter("state", "1")

    @property
    def limits(self) -> tuple[float, float]:
        return 0.0, 1.5 * self.full

    def conductance(self, setting: float) -> float:
        return self.full * setting

    def setting(self, conductance: float) -> float:
        return conductance / self.full

    def slope(self, conductance: float) -> float:
        return self.full

    @classmethod
    def read(cls, card: Card, netlist: NetlistAround) -> EdgeRead:
        match = CARD.fullmatch(" ".join(card.rest).replace(" ", ""))
        if match is None or match[2] != match[5].split("*")[0]:
            raise DeviceError("only i=v(state)*sinh(a*v(plus,minus))/a*G is understood")
        feed = netlist.own_source(card, match[1])
        steepness, full = (parse_number(word) for word in match[5].split("*"))
        assert steepness is not None
        assert full is not None
        memristor = cls(card.name, steepness, full, feed)
        return EdgeRead(memristor, card.nodes[:2], memristor.conductance(netlist.value(feed) or 0.0), (feed,))

    def cards(self, names: Names, conductance: float) -> Cards:
        state, feed, (plus, minus) = names.own("", "state"), names.own("v", self.feed or f"V{self.edge}"), names.nodes
        a, full = write_number(self.steepness), write_number(self.full)
        lines = [
            f"{names.card} {plus} {minus} i=v({state})*sinh({a}*v({plus},{minus}))/{a}*{full}",
            f"{feed} {state} 0 dc {write_number(self.setting(conductance))}",
        ]
        return Cards(lines, f"alter {feed} dc=%.17g")


class OwnDac(ScpiDac):
    """A converter of another maker that speaks the same language."""

    model = "own DAC"


class HalfScaleDac(ScpiDac):
    """A converter whose output stage halves what it is told, so that it is told twice as much."""

    model = "half-scale DAC"

    def set(self, volts):
        told = super().set({channel: 2 * value for channel, value in volts.items()})
        return {channel: value / 2 for channel, value in told.items()}


class Limited(EquilibriumPropagation):
    """EP whose nudge is at most so many amperes at each output."""

    name = "limited"

    def __init__(
        self, most: float = 0.05, nudge: float | None = None, symmetric: bool = False, loss: Loss | None = None
    ) -> None:
        super().__init__(nudge, symmetric, loss)
        self.most = most

    def nudged(self, free, targets, nudge):
        return Inject(np.clip(super().nudged(free, targets, nudge).current, -self.most, self.most))


class Halves(Loss):
    """The squared error under another name, times a weight."""

    name = "halves"
    unit = "V²"

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def judge(self, outputs, targets):
        error = outputs - targets
        return self.weight * error, 0.5 * self.weight * float((error**2).sum()) / len(error)


def count_edges(file: Annotated[Path, typer.Argument(help="Experiment file.")]) -> None:
    """Count the edges of an experiment's circuit."""
    print(len(load_experiment(file).network.edges))


several = typer.Typer(help="Two commands of another package.")


@several.command("one")
def _one() -> None:
    """Say one."""
    print("one")


@several.command("two")
def _two() -> None:
    """Say two."""
    print("two")


POINTS = {
    "hwlearn.rules": {"limited": "Limited"},
    "hwlearn.losses": {"halves": "Halves"},
    "hwlearn.devices": {"memristor": "Memristor"},
    "hwlearn.drivers": {"own-dac": "OwnDac", "half-scale-dac": "HalfScaleDac"},
    "hwlearn.circuits": {"dense": "DenseBackend", "broken": "NotThere"},
    "hwlearn.imperfections": {"gain": "Gain", "noise": "Gain"},
    "hwlearn.commands": {"count-edges": "count_edges", "several": "several", "broken": "NotThere", "train": "count_edges"},
}
"""Group → name → member of this module. Some are broken, or have the name of one of hwlearn's own."""
