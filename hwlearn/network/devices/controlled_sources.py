"""SPICE's E, F, G and H, and B where its expression is linear: sources that other voltages and currents control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hwlearn.errors import DeviceError
from hwlearn.network.devices.controlled import CurrentMade, VoltageMade, controls_and_gain, poly_of
from hwlearn.network.devices.linear import LinearForm, expression, polynomial
from hwlearn.network.devices.netlist import Card, NetlistAround


def _by_voltages(card: Card, netlist: NetlistAround) -> LinearForm:
    if len(card.nodes) == 2:
        return polynomial(poly_of(card), netlist.node)
    _, gain = controls_and_gain(card, 0)
    return LinearForm(0.0, (((card.nodes[2], card.nodes[3]), gain),))


def _by_currents(card: Card) -> LinearForm:
    if poly := poly_of(card):
        return polynomial(poly, None)
    (source,), gain = controls_and_gain(card, 1)
    return LinearForm(0.0, (), ((source, gain),))


@dataclass(frozen=True)
class VoltageByVoltages(VoltageMade):
    """E: a voltage that voltages control."""

    word: ClassVar = "voltage-controlled voltage source"
    letter: ClassVar = "e"

    @classmethod
    def form(cls, card: Card, netlist: NetlistAround) -> LinearForm:
        return _by_voltages(card, netlist)


@dataclass(frozen=True)
class CurrentByCurrents(CurrentMade):
    """F: a current that currents control."""

    word: ClassVar = "current-controlled current source"
    letter: ClassVar = "f"

    @classmethod
    def form(cls, card: Card, netlist: NetlistAround) -> LinearForm:
        return _by_currents(card)


@dataclass(frozen=True)
class CurrentByVoltages(CurrentMade):
    """G: a current that voltages control."""

    word: ClassVar = "voltage-controlled current source"
    letter: ClassVar = "g"

    @classmethod
    def form(cls, card: Card, netlist: NetlistAround) -> LinearForm:
        return _by_voltages(card, netlist)


@dataclass(frozen=True)
class VoltageByCurrents(VoltageMade):
    """H: a voltage that currents control."""

    word: ClassVar = "current-controlled voltage source"
    letter: ClassVar = "h"

    @classmethod
    def form(cls, card: Card, netlist: NetlistAround) -> LinearForm:
        return _by_currents(card)


def _behavioural(card: Card, kind: str, netlist: NetlistAround) -> LinearForm:
    text = " ".join(card.rest)
    if not text.startswith(f"{kind}="):
        raise DeviceError(f"it is no {kind}=…")
    return expression(text[2:], netlist.node)


@dataclass(frozen=True)
class LinearVoltage(VoltageMade):
    """B with v=…: a voltage that a linear expression gives."""

    word: ClassVar = "linear behavioural voltage"
    letter: ClassVar = "b"

    @classmethod
    def form(cls, card: Card, netlist: NetlistAround) -> LinearForm:
        return _behavioural(card, "v", netlist)


@dataclass(frozen=True)
class LinearCurrent(CurrentMade):
    """B with i=…: a current that a linear expression gives."""

    word: ClassVar = "linear behavioural current"
    letter: ClassVar = "b"

    @classmethod
    def form(cls, card: Card, netlist: NetlistAround) -> LinearForm:
        return _behavioural(card, "i", netlist)
