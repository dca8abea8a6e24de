"""Memristive laws: currents and cards by the contract; what is no memristor is refused or left to ngspice."""

from dataclasses import replace

import numpy as np
import pytest

from hwlearn import Network
from hwlearn.errors import DeviceError, NetworkError
from hwlearn.network.devices import VTEAM, ExponentialVTEAM, IonDrift
from hwlearn.network.devices.windows import WINDOWS
from hwlearn.testing import DeviceContract

NAMES = list(WINDOWS)


class TestIonDrift(DeviceContract):
    conductances = (1e-4, 2e-3)

    def make(self, random):
        window, p = NAMES[random.integers(len(NAMES))], float(random.uniform(0.5, 4))
        return IonDrift("bm1", random.uniform(50, 300), random.uniform(1.1e4, 3e4), window, p, random.uniform(1e-15, 1e-13))


class TestVTEAM(DeviceContract):
    conductances = (1e-4, 2e-3)
    law = VTEAM

    def make(self, random):
        on, off = random.uniform(50, 300), random.uniform(1.1e4, 3e4)
        speeds = {"k_on": -random.uniform(1, 20), "k_off": random.uniform(1e-4, 1e-3), "v_on": -random.uniform(0.1, 1)}
        return self.law("bm1", on, off, NAMES[random.integers(len(NAMES))], 2.0, alpha_off=random.uniform(1, 4), **speeds)


class TestExponentialVTEAM(TestVTEAM):
    law = ExponentialVTEAM


@pytest.mark.parametrize(
    ("device", "says"),
    [
        (IonDrift("R1", 1e3, 1e2), "r_on must be the smaller"),
        (IonDrift("R1", 1e2, 1e3, "square"), "window is 'square'; choose one of none, joglekar, biolek, prodromakis"),
        (IonDrift("R1", 1e2, 1e3, exponent=0.1), r"exponent is 0\.1"),
        (VTEAM("R1", 1e2, 1e3, k_on=1.0), r"k_on is 1\.0; it must be negative, as in the paper"),
        (VTEAM("R1", 1e2, 1e3, v_on=0.2), r"v_on is 0\.2; it must be negative"),
    ],
)
def test_numbers_that_make_no_sense_are_named(device, says):
    with pytest.raises(DeviceError, match=says):
        device.check()


def test_conductances_stay_within_those_of_the_states():
    with pytest.raises(NetworkError, match=r"R1"):
        Network.from_edges([("a", "0")], 1.0, inputs=["a"], devices=[IonDrift("R1", 100.0, 16e3)])
    network = Network.from_edges([("a", "0")], 1e-3, inputs=["a"], devices=[IonDrift("R1", 100.0, 16e3)])
    np.testing.assert_allclose([network.lower[0], network.upper[0]], [1 / 16e3, 1e-2], rtol=1e-11)


@pytest.mark.parametrize("change", ["Rmore state_bm1 0 1k\n", "Gmore a 0 state_bm1 0 1e-3\n", "Bmore a 0 i=v(state_bm1)\n"])
def test_a_state_that_something_else_touches_is_no_memristor(tmp_path, change):
    network = Network.from_edges([("a", "0")], 1e-3, inputs=["a"], names=["bm1"], devices=[IonDrift("bm1", 100.0, 16e3)])
    path = tmp_path / "m.cir"
    path.write_text(network.to_netlist().replace(".op\n", f"{change}.op\n"))
    again = Network.from_netlist(path, inputs=["V_a"])
    assert not again.devices
    assert {"bm1", "cstate_bm1", "bstate_bm1"} <= {element.name.lower() for element in again.elements}


def test_a_state_that_moves_otherwise_is_no_memristor(tmp_path):
    device = VTEAM("bm1", 100.0, 16e3)
    network = Network.from_edges([("a", "0")], 1e-3, inputs=["a"], names=["bm1"], devices=[device])
    path = tmp_path / "m.cir"
    path.write_text(network.to_netlist().replace("uramp", "abs"))
    assert not Network.from_netlist(path, inputs=["V_a"]).devices
    path.write_text(replace(network, devices=(replace(device, alpha_on=2.5),)).to_netlist())
    assert Network.from_netlist(path, inputs=["V_a"]).devices == (replace(device, alpha_on=2.5),)
