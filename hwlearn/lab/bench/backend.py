"""`BenchBackend`: a lab bench."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import model_validator

from hwlearn.circuits.backend import Backend
from hwlearn.circuits.base import Circuit
from hwlearn.network import Network


class BenchBackend(Backend):
    """`BenchCircuit`.

    Attributes:
        station: file, relative to the experiment file.
    """

    hardware = True
    incidental = frozenset({"station"})  # what counts of it is the wiring

    station: str = ""

    @model_validator(mode="after")
    def _has_station(self) -> Self:
        if not self.station:
            raise ValueError("the bench needs a station file: give station (--station FILE)")
        return self

    def circuit(self, network: Network, folder: Path, *, verify: bool = True) -> Circuit:
        from hwlearn.lab.bench.circuit import BenchCircuit

        return BenchCircuit(network, folder / self.station, verify=verify)

    def fingerprint(self, network: Network, folder: Path) -> Mapping[str, str]:
        from hwlearn.lab.station import load_station

        return {"wiring": load_station(folder / self.station).wiring_hash(network)}

    def largest_injection(self, folder: Path) -> float:
        from hwlearn.lab.station import load_station

        return load_station(folder / self.station).settings.limits.i_nudge_max
