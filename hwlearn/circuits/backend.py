"""`Backend`: what an experiment file says of its circuit's backend, and the circuit that is made of it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from hwlearn.circuits.base import Circuit
from hwlearn.circuits.ledger import Timing
from hwlearn.network import Network
from hwlearn.registry import Registry
from hwlearn.text import GROUND
from hwlearn.toml import Table


class Backend(Table, ABC):
    """The table `[backend]` of an experiment file, for one name.

    A subclass has the other keys of the table as its fields, which pydantic checks. It is found by the name of its entry point
    in the group `hwlearn.circuits`, or as "module:Class".

    Attributes:
        name: as in the file.
        hardware: whether its circuits are things. Such a circuit is no reference for others, realises what its devices can,
            and is left alone once a training was cut short.
        incidental: fields that do not change what is measured; a run may go on with others.
    """

    hardware: ClassVar[bool] = False
    incidental: ClassVar[frozenset[str]] = frozenset()

    name: str

    @abstractmethod
    def circuit(self, network: Network, folder: Path, *, verify: bool = True) -> Circuit:
        """A new circuit, at the network's conductances.

        Args:
            network: that the circuit is of.
            folder: that of the experiment file; files are relative to it.
            verify: whether hardware checks itself against a model first.
        """

    def fingerprint(self, network: Network, folder: Path) -> Mapping[str, str]:
        """What must be the same for a run to go on, besides the fields: values by words that tell the user what they are."""
        return {}

    def timing(self, network: Network, folder: Path) -> Timing:
        """How long its phases take; for a model, how long they would take on a bench."""
        return Timing(readings=sum(node != GROUND for node in network.nodes))

    def reading_noise(self, folder: Path) -> float:
        """Standard deviation of a node's voltage as it is read, averages taken, if it is known beforehand; else 0 [V]."""
        return 0.0

    def largest_injection(self, folder: Path) -> float:
        """The largest current that may be injected into an output [A]."""
        return math.inf


BACKENDS: Registry[Backend] = Registry("backend", Backend, "circuits")
"""The backends by the names of an experiment file."""
