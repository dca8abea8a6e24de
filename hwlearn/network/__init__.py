"""`Network`: nodes, edges, ports; builders; netlists."""

from hwlearn.network.network import Edge, Element, Network
from hwlearn.network.ports import Port, Source
from hwlearn.network.transistors import Transistor

__all__ = ["Edge", "Element", "Network", "Port", "Source", "Transistor"]
