"""Transistors have gates, resistors have none."""

from __future__ import annotations

from hwlearn.errors import StationError
from hwlearn.lab.station.settings import StationSettings
from hwlearn.network import Network


def validate_gates(settings: StationSettings, network: Network) -> None:
    """Refuse an edge whose table in the station file is not of its device's kind.

    Raises:
        StationError: names the edge.
    """
    devices = {device.edge: device for device in network.devices}
    for name, edge in settings.edge.items():
        device, gate = devices.get(name), edge.gate
        if device is None and gate is not None:
            raise StationError(f"edge.{name}.gate: {network.title} has a resistor there; give set and table, or fixed_ohm")
        if device is not None and gate is None:
            raise StationError(
                f"edge.{name}: {network.title} has a {device.word} there; say which channel is its gate: "
                'gate = { drive = "dac:1", v_max = 5 }'
            )
        if device is not None and gate is not None and not device.conductance(gate.v_max) > 0:
            raise StationError(
                f"edge.{name}.gate.v_max = {gate.v_max:g} V: the {device.word} does not conduct there; raise it"
            )
