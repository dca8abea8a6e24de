"""Station files: how a network is wired to instruments, what they may do, and what of it is safe."""

from hwlearn.station.load import load_station
from hwlearn.station.station import Station
from hwlearn.station.tables import CodeTable

__all__ = ["CodeTable", "Station", "load_station"]
