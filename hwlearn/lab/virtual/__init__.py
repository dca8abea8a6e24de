"""The virtual bench: a station's instruments as SCPI servers on 127.0.0.1, with a simulated network behind them."""

from hwlearn.lab.virtual.bench import VirtualBench
from hwlearn.lab.virtual.imperfections import Imperfections
from hwlearn.lab.virtual.model import BenchModel, Wiring

__all__ = ["BenchModel", "Imperfections", "VirtualBench", "Wiring"]
