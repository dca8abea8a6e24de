"""`Network`: nodes, edges, ports; builders; netlists."""

from hwlearn.network.devices import Device, Diode, EdgeDevice, ElementDevice, Law, Resistor, Transistor
from hwlearn.network.edges import Edge, Element
from hwlearn.network.initial import Initial
from hwlearn.network.network import Network
from hwlearn.network.ports import Port, Source

__all__ = [
    "Device",
    "Diode",
    "Edge",
    "EdgeDevice",
    "Element",
    "ElementDevice",
    "Initial",
    "Law",
    "Network",
    "Port",
    "Resistor",
    "Source",
    "Transistor",
]
