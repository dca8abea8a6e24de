"""`[memristors]`: which edges are memristors, how long they are read, and how they are programmed."""

from __future__ import annotations

import fnmatch
from dataclasses import replace
from typing import Annotated, Any, Self

import numpy as np
from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, ValidationInfo, model_validator

from hwlearn.circuits.base import Circuit
from hwlearn.circuits.memristive import Exactly, MemristiveCircuit, Programming, Pulses
from hwlearn.errors import DeviceError, HwlearnError
from hwlearn.experiments.members import made
from hwlearn.experiments.names import Code, OneOf, code
from hwlearn.network import Network
from hwlearn.network.devices import DEVICES, Memristor
from hwlearn.toml import Table


class MemristorTable(Table):
    """One kind of memristor; the other keys are the numbers of its law."""

    model_config = ConfigDict(extra="allow")

    law: Annotated[str, OneOf(DEVICES)]

    def device(self, edge: str, trusted: Code) -> Memristor:
        """The device that an edge is.

        Raises:
            HwlearnError: the law is that of no memristor; an unknown number, a missing one, or one that makes no sense.
        """
        kind = trusted.member(DEVICES, self.law)
        if not issubclass(kind, Memristor):
            raise HwlearnError(f"{self.law} is no memristor; take ion-drift, vteam, vteam-exponential, or a law of your own")
        device = made(kind, self.law, {**(self.__pydantic_extra__ or {}), "edge": edge})
        try:
            device.check()
        except (DeviceError, TypeError) as error:
            raise HwlearnError(f"{self.law}: {error}") from None
        return device

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> Self:
        try:
            self.device("R1", code(info))
        except HwlearnError as error:
            raise ValueError(str(error)) from None
        return self


class PulseTable(Table):
    """Programming by pulses, of volts from tail to head: what raises a conductance, what lowers it, and how long they last."""

    up: float
    down: float
    seconds: PositiveFloat


class MemristorsTable(Table):
    """`[memristors]`: edges that remember what flowed through them.

    Attributes:
        seconds: how long each sample of each phase is applied, in which the states move; 0 for readings that disturb nothing.
        devices: by pattern of edge names, what these resistors are instead; a netlist may hold memristors of its own.
        pulse: what programs them, see `hwlearn.circuits.memristive.Pulses`; exactly if not given.
    """

    seconds: NonNegativeFloat = 0.0
    devices: dict[str, MemristorTable] = Field(default_factory=dict)
    pulse: PulseTable | None = None

    def check_flow(self) -> None:
        """Refuse what continuous time has no meaning for: in a flow, states follow the conductances, and nothing else.

        Raises:
            ValueError: says what to do.
        """
        if self.seconds:
            raise ValueError(
                f"[memristors] seconds = {self.seconds:g}: each reading moves the states, and the integrator of a [flow] "
                "reads as often as its accuracy asks for: give [train], or seconds = 0, for readings that disturb nothing"
            )
        if self.pulse is not None:
            raise ValueError(
                "[memristors] pulse: pulses are whole, and a [flow] changes conductances at every moment: give [train], or "
                "leave pulse out, for memristors that follow exactly"
            )

    def on(self, network: Network, trusted: Code) -> Network:
        """The network with these devices, its bounds within what they can do.

        Raises:
            HwlearnError: no edge has such a name, is another device already, or starts where no state is.
        """
        found: list[Memristor] = []
        lower, upper = network.lower.copy(), network.upper.copy()
        for pattern, table in self.devices.items():
            edges = [k for k, name in enumerate(network.edge_names) if fnmatch.fnmatchcase(name.lower(), pattern.lower())]
            if not edges:
                raise HwlearnError(f"[memristors] devices: no edge is called {pattern!r}")
            for k in edges:
                device = table.device(network.edge_names[k], trusted)
                if k in network.device_at or device.edge in (other.edge for other in found):
                    raise HwlearnError(f"[memristors] devices: {pattern!r}: {device.edge} is a device already")
                low, high = device.limits
                if not low <= (conductance := float(network.conductances[k])) <= high:
                    raise HwlearnError(
                        f"[memristors] devices: {device.edge} has {1 / conductance:.6g} Ω, which is not between r_on = "
                        f"{device.r_on:g} and r_off = {device.r_off:g}"
                    )
                lower[k], upper[k] = max(lower[k], low), min(upper[k], high)
                found.append(device)
        return replace(network, devices=(*network.devices, *found), lower=lower, upper=upper)

    def around(self, circuit: Circuit) -> MemristiveCircuit:
        """The circuit whose memristors move; it is closed if that cannot be.

        Raises:
            HwlearnError: see `MemristiveCircuit`.
        """
        try:
            return MemristiveCircuit(circuit, self.seconds, self._programming())
        except BaseException:
            circuit.close()
            raise

    def _programming(self) -> Programming:
        return Exactly() if self.pulse is None else Pulses(self.pulse.up, self.pulse.down, self.pulse.seconds)


def as_they_are(network: Network, provenance: dict[str, Any]) -> Network:
    """The network with the states in which a circuit, by its provenance, says that its memristors are."""
    states: dict[str, float] = provenance.get("states", {})
    if not states:
        return network
    conductances = np.array(network.conductances)
    for k, device in network.device_at.items():
        if device.edge in states:
            conductances[k] = device.conductance(states[device.edge])
    return network.with_found(conductances)
