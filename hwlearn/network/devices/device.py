"""`Device`: a law, and what one device of it is; `DEVICES`: all laws that are installed."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

from hwlearn.arrays import Array
from hwlearn.errors import DeviceError
from hwlearn.network.devices.law import Branch
from hwlearn.network.devices.netlist import Card, Cards, EdgeRead, Names, NetlistAround
from hwlearn.network.devices.ties import Mirror, Tie
from hwlearn.registry import Registry


class Parameter(NamedTuple):
    """A number that a device has, or that sets it, with its unit ("" or "1" for none).

    Attributes:
        positive: whether it must be.
        negative: whether it may be.
    """

    name: str
    unit: str
    positive: bool = False
    negative: bool = True

    @property
    def key(self) -> str:
        """The name as a word of files."""
        return self.name.replace(" ", "_")

    @property
    def word(self) -> str:
        """The name as a value of experiment files, such as "gate-voltage"."""
        return self.name.replace(" ", "-")

    @property
    def column(self) -> str:
        """Name and unit, for a table's head."""
        return self.name if self.unit in ("", "1") else f"{self.name} [{self.unit}]"


CONDUCTANCE = Parameter("conductance", "S", positive=True)
"""What edges are set by that have no other setting."""

GATE_VOLTAGE = Parameter("gate voltage", "V")
"""What edges with a gate are set by."""


class Device(ABC):
    """A class is a law; an object is one device, with its parameters. Objects are frozen dataclasses.

    A current flows through each branch and depends on voltages between terminals, by the branch's law. Newton's matrix is
    symmetric, and so solved by Cholesky, where all branches are `reciprocal`; else by LU.

    Attributes:
        word: what such a device is called, in one word.
        letter: first letter of its netlist card, lower case; "" if it is never read.
        terminals: their names.
        branches: its currents.
        parameters: names of fields that are numbers, in this order wherever they are listed.
        inner: names of terminals inside the device, which nothing else touches.
        ties, mirrors: what it does that is no current of voltages.
        passive: whether a device never delivers power.
        shifted_by: ngspice's options under which the law is another one, lower case; with them it is not asked.
        ignored: parameters of the netlist's model that change nothing at DC, lower case.
    """

    word: ClassVar[str]
    letter: ClassVar[str] = ""
    terminals: ClassVar[tuple[str, ...]]
    branches: ClassVar[tuple[Branch, ...]]
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    passive: ClassVar[bool] = True
    shifted_by: ClassVar[tuple[str, ...]] = ()
    ignored: ClassVar[tuple[str, ...]] = ()

    @property
    def inner(self) -> tuple[str, ...]:
        return ()

    @property
    def ties(self) -> tuple[Tie, ...]:
        return ()

    @property
    def mirrors(self) -> tuple[Mirror, ...]:
        return ()

    @property
    @abstractmethod
    def label(self) -> str:
        """The device's name."""

    def check(self) -> None:
        """Refuse parameters that make no sense.

        Raises:
            DeviceError: names the parameter.
        """
        for name, _, positive, negative in self.parameters:
            value = getattr(self, name)
            if not math.isfinite(value) or (positive and value <= 0) or (not negative and value < 0):
                what = "positive and " if positive else "" if negative else "not negative and "
                raise DeviceError(f"{name} is {value}; it must be {what}finite")

    @classmethod
    def check_options(cls, options: Mapping[str, str]) -> None:
        """Refuse ngspice's options under which the law is another one.

        Raises:
            DeviceError: names the option.
        """
        for name in cls.shifted_by:
            if name in options:
                raise DeviceError(f"its law is known at 27 °C and default options only, not with {name}={options[name]}")


@dataclass(frozen=True)
class EdgeDevice(Device):
    """A device that is an edge of the network, between tail and head, and whose conductance may learn.

    The first two terminals are the edge's tail and head, and the first branch leads from one to the other. Its law has
    `driving`.

    What the edge is set by, `set_by`, may be something else than its conductance g: a gate voltage, a state. It rises or falls
    with g throughout.

    Attributes:
        edge: name of the edge.
        set_by: name and unit of the setting.
        limits: smallest and largest conductance that such a device can have [S].
    """

    edge: str

    set_by: ClassVar[Parameter] = CONDUCTANCE
    limits: ClassVar[tuple[float, float]] = (0.0, math.inf)

    @property
    def label(self) -> str:
        return self.edge

    @property
    def further(self) -> tuple[str, ...]:
        """Nodes of the terminals beyond tail and head."""
        return ()

    def conductance(self, setting: float) -> float:
        """g [S] of the edge for a setting [unit of `set_by`]."""
        return setting

    def setting(self, conductance: float) -> float:
        """The setting [unit of `set_by`] for g [S]."""
        return conductance

    def slope(self, conductance: float) -> float:
        """∂g/∂setting at g [S]."""
        del conductance
        return 1.0

    def contrast(self, here: Array, there: Array) -> float:
        """What rules contrast between two phases, mean over samples, for drops (S,) V in each: Δv² [V²].

        It is twice the derivative of the power by g, as far as the circuit does not move.
        """
        return float(((here - there) * (here + there)).mean())

    def contrasted(self, drops: Array) -> Array:
        """What a small change of the drop is multiplied by in half the contrast, for drops (S,) V: Δv [V]."""
        return drops

    @classmethod
    def read(cls, card: Card, netlist: NetlistAround) -> EdgeRead:
        """The edge that a card is; by default a device is not read from netlists.

        Raises:
            DeviceError: it is none of this law; says why.
        """
        raise DeviceError(f"a {cls.word} is not read from netlists")

    @abstractmethod
    def cards(self, names: Names, conductance: float) -> Cards:
        """The device in a netlist, for `read`."""

    def deck(self, names: Names, conductance: float) -> Cards:
        """The device in the deck of `NgspiceCircuit`, where that is not its card of a netlist."""
        return self.cards(names, conductance)


@dataclass(frozen=True)
class ElementDevice(Device):
    """A device that does not learn: what the exact model makes of an `Element`.

    Attributes:
        name: of the element.
        nodes: of the terminals.
    """

    name: str
    nodes: tuple[str, ...]

    @property
    def label(self) -> str:
        return self.name

    @classmethod
    @abstractmethod
    def read(cls, card: Card, netlist: NetlistAround) -> Self:
        """The device that a card is.

        Raises:
            DeviceError: it is none of this law, or has parameters that matter and are not modelled; says which.
        """

    @abstractmethod
    def cards(self, names: Names) -> list[str]:
        """The device in a netlist, for `read`: its model, then its card."""


DEVICES: Registry[Device] = Registry("device", Device)
"""The laws, by name."""
