"""`BenchBackend`: a lab bench."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import PrivateAttr, ValidationInfo, model_validator

from hwlearn.circuits.backend import Backend
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.ledger import Timing
from hwlearn.network import Network

if TYPE_CHECKING:
    from hwlearn.lab.station import Station


class BenchBackend(Backend):
    """`BenchCircuit`.

    Attributes:
        station: file, relative to the experiment file.
    """

    hardware = True
    incidental = frozenset({"station"})  # what counts of it is the wiring

    station: str = ""
    _trust: bool = PrivateAttr(False)

    @model_validator(mode="after")
    def _has_station(self, info: ValidationInfo) -> Self:
        self._trust = bool(getattr(info.context, "trust", False))  # who trusts code in an experiment file trusts its station
        if not self.station:
            raise ValueError("the bench needs a station file: give station (--station FILE)")
        return self

    def circuit(self, network: Network, folder: Path, *, verify: bool = True) -> Circuit:
        from hwlearn.lab.bench.circuit import BenchCircuit

        return BenchCircuit(network, folder / self.station, verify=verify, trust=self._trust)

    def fingerprint(self, network: Network, folder: Path) -> Mapping[str, str]:
        from hwlearn.lab.station.load import as_built

        station = self.load(folder)
        as_built(station)  # a run keeps the file that it names
        return {"wiring": station.wiring_hash(network)}

    def timing(self, network: Network, folder: Path) -> Timing:
        return self.load(folder).timing()

    def reading_noise(self, folder: Path) -> float:
        """That of a virtual bench; of a real one nothing is known before it is asked."""
        from hwlearn.circuits.imperfect import Noise
        from hwlearn.lab.station.load import as_built

        station = self.load(folder)
        if station.settings.defaults.backend != "virtual":
            return 0.0
        measure, made = station.settings.measure, as_built(station).settings.virtual
        averaged = measure.repeats if isinstance(measure.repeats, int) else measure.most_repeats
        return Noise(made.noise_v, made.lsb_v).noise / math.sqrt(averaged)

    def largest_injection(self, folder: Path) -> float:
        return self.load(folder).settings.limits.i_nudge_max

    def load(self, folder: Path) -> Station:
        """The station of an experiment file in a folder."""
        from hwlearn.lab.station import load_station

        return load_station(folder / self.station, self._trust)
