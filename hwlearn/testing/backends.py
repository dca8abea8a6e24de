"""The suite that every `Backend` passes, beside the one that its circuits pass::

    class TestMyBackend(BackendContract, ResistorContract):
        kind = MyBackend
        keys = {"port": "/dev/ttyUSB0"}

Needs pytest.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hwlearn.circuits.backend import Backend
from hwlearn.circuits.base import Circuit
from hwlearn.network import Network
from hwlearn.network.builders import kite


class BackendContract:
    """Subclass it, with the contract of its circuits, and say what is tested.

    Attributes:
        kind: the backend. keys: of its table in a file, besides the name.
    """

    kind: type[Backend]
    keys: Mapping[str, Any] = {}

    def backend(self) -> Backend:
        """As an experiment file makes it."""
        return self.kind.model_validate({"name": "tested", **self.keys})

    def make(self, network: Network) -> Circuit:
        return self.backend().circuit(network, Path())

    def test_it_keeps_its_name(self) -> None:
        assert self.backend().name == "tested"

    def test_a_key_that_it_does_not_know_is_refused(self) -> None:
        with pytest.raises(ValidationError):
            self.kind.model_validate({"name": "tested", **self.keys, "no such key": 1})

    def test_it_travels_to_the_processes_of_a_sweep(self) -> None:
        assert pickle.loads(pickle.dumps(self.backend())) == self.backend()  # noqa: S301  # made in the line itself

    def test_equal_circuits_have_equal_fingerprints_of_text(self) -> None:
        one, two = (self.backend().fingerprint(kite(), Path()) for _ in range(2))
        assert dict(one) == dict(two) == json.loads(json.dumps(dict(one)))

    def test_what_is_incidental_are_keys(self) -> None:
        assert self.kind.incidental <= set(self.kind.model_fields)

    def test_each_circuit_is_a_new_one(self) -> None:
        with self.make(kite()) as one, self.make(kite()) as two:
            one.program(2 * one.conductances)
            assert (one.conductances != two.conductances).any()
