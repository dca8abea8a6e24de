"""The drivers whose messages are ours, which have a virtual instrument; those of others are told in the station file."""

from hwlearn.lab.instruments.drivers import DRIVERS
from hwlearn.lab.virtual.bench import TWINS

SPEAKING = tuple(name for name in DRIVERS if DRIVERS.get(name) in TWINS)
