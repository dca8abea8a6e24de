"""Station files: how a network is wired to instruments, what they may do, and what of it is safe."""

from hwlearn.lab.station.load import load_station
from hwlearn.lab.station.station import Station
from hwlearn.lab.station.tables import CodeTable

__all__ = ["CodeTable", "Station", "load_station"]
