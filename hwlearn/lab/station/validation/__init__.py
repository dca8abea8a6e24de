"""What must hold of a station file before any instrument is touched."""

from hwlearn.lab.station.validation.instruments import validate_instruments
from hwlearn.lab.station.validation.wiring import validate_wiring

__all__ = ["validate_instruments", "validate_wiring"]
