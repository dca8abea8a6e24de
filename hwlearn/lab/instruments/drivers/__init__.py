"""`DRIVERS`: the drivers by their names in a station file, one file each."""

from hwlearn.lab.instruments.roles import Instrument
from hwlearn.registry import Registry

DRIVERS = Registry("driver", Instrument)
