"""Both simulators keep the contract of a backend and of its circuits, and all imperfections theirs."""

from types import MappingProxyType

import numpy as np
import pytest

from hwlearn.circuits.backend import BACKENDS
from hwlearn.circuits.imperfect import IMPERFECTIONS, Effect
from hwlearn.testing import BackendContract, ImperfectionContract, ResistorContract

ARGUMENTS = {
    "noise": {"volts": 1e-3, "lsb": 1e-4, "amperes": 1e-6},
    "offset": {"volts": 1e-3},
    "drift": {"volts": 1e-3, "period": 7.0},
    "nudge-gain": {"part": 0.1},
    "tolerance": {"part": 0.1},
    "quantised": {"levels": 99, "lowest": 1e-5, "highest": 3e-2, "disorder": 1.0},
    "stuck-edges": {"names": ["R1"]},
    "dead-edges": {"names": ["R1"]},
    "update-bias": {"siemens": 1e-6},
}


class TestExact(BackendContract):
    kind = BACKENDS.get("exact")


class TestNgspice(BackendContract, ResistorContract):
    kind = BACKENDS.get("ngspice")
    keys = MappingProxyType({"processes": 1})


@pytest.mark.parametrize("name", IMPERFECTIONS)
class TestImperfections(ImperfectionContract):
    @pytest.fixture(autouse=True)
    def _named(self, name):
        self.name = name

    def make(self):
        return IMPERFECTIONS.get(self.name)(**ARGUMENTS[self.name])


class Unseeded(Effect):
    def read(self, voltages, random):
        return voltages + np.random.default_rng().standard_normal(voltages.shape)


class Forgetful(Effect):
    readings = 0

    def read(self, voltages, random):
        self.readings += 1
        return voltages + 1e-3 * self.readings


class Careless(Effect):
    def read(self, voltages, random):
        voltages += 1e-3
        return voltages


@pytest.mark.parametrize(
    ("kind", "check", "error"),
    [
        (Unseeded, "test_equal_seeds_give_equal_readings", AssertionError),
        (Forgetful, "test_it_goes_on_from_a_snapshot", AssertionError),
        (Careless, "test_what_it_is_given_stays_as_it_was", ValueError),
    ],
)
def test_the_contract_of_imperfections_finds_those_that_break_it(kind, check, error):
    class Suite(ImperfectionContract):
        def make(self):
            return kind()

    from hwlearn.testing.nodal import contract_networks

    with pytest.raises(error):
        getattr(Suite(), check)(contract_networks()["kite"])
