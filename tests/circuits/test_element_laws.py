"""Elements that the exact model takes, in circuits at random: its answers and what rules learn are those of ngspice."""

from pathlib import Path

import numpy as np
import pytest
from effort import tries
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import Maker, bipolar, jfet, mosfet, real_diode, table, with_law, with_memristors
from networks import networks
from newton import agrees_with_ngspice, drive_inputs

from hwlearn import Drive, EquilibriumPropagation, Network, NewtonCircuit, NgspiceCircuit, Task
from hwlearn.network.builders import grid

LAWS = {"diode": (real_diode, 2), "mosfet": (mosfet, 4), "jfet": (jfet, 3), "bipolar": (bipolar, 3), "table": (table, 2)}


@pytest.mark.parametrize(("make", "terminals"), LAWS.values(), ids=LAWS)
@settings(max_examples=tries(10), deadline=None)
@given(network=networks(), seed=st.integers(0, 2**32 - 1))
def test_any_circuit_is_that_of_ngspice(make: Maker, terminals: int, network: Network, seed: int) -> None:
    network = with_law(network, seed, make, terminals)
    inputs = drive_inputs(network, seed, 1.0, 3)
    currents = np.random.default_rng(seed).uniform(-1e-4, 1e-4, (3, len(network.outputs)))
    agrees_with_ngspice(network, inputs, currents, 0.9)


@settings(max_examples=tries(10), deadline=None)
@given(network=networks(), seed=st.integers(0, 2**32 - 1))
def test_any_circuit_of_memristors_is_that_of_ngspice(network: Network, seed: int) -> None:
    """At the states that they have."""
    network = with_memristors(network, seed)
    currents = np.random.default_rng(seed).uniform(-1e-4, 1e-4, (3, len(network.outputs)))
    agrees_with_ngspice(network, drive_inputs(network, seed, 1.0, 3), currents, 0.9)


@pytest.mark.parametrize(("make", "terminals"), LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("seed", range(3))
def test_both_simulators_learn_alike(make: Maker, terminals: int, seed: int) -> None:
    learn_alike(with_law(plain(seed), seed, make, terminals, count=6), seed)


@pytest.mark.parametrize("seed", range(3))
def test_both_simulators_learn_alike_with_memristors(seed: int) -> None:
    learn_alike(with_memristors(plain(seed), seed), seed)


def plain(seed: int) -> Network:
    random = np.random.default_rng(seed)
    return grid(4, 4, random.uniform(1e-3, 4e-3, 24), inputs=["n0_0", "n3_3"], outputs=["n0_3", "n3_0"])


def learn_alike(network: Network, seed: int) -> None:
    random = np.random.default_rng(seed)
    task = Task(random.uniform(-1, 1, (3, 2)), random.uniform(-0.3, 0.3, (3, 2)))
    rule = EquilibriumPropagation(1e-4, symmetric=True)
    with NewtonCircuit(network) as newton, NgspiceCircuit(network) as ngspice:
        expected = rule.direction(newton, task)
        np.testing.assert_allclose(rule.direction(ngspice, task), expected, rtol=0, atol=1e-8 * np.abs(expected).max())


MAKERS_DIODE = """* a Schottky diode as its maker describes it
V1 a 0 1
R1 a b 1k
D1 b 0 schottky
R2 b 0 4.7k
.model schottky D(IS=2.4e-7 N=1.05 RS=12 CJO=1.2e-11 VJ=0.4 M=0.35 TT=5n EG=0.69 XTI=2 BV=40 IBV=1e-5)
.end
"""


def output_of(text: str, path: Path, outputs: list[str]) -> list[float]:
    """Of the exact model, where ngspice agrees."""
    path.write_text(text)
    network = Network.from_netlist(path, inputs=["V1"], outputs=outputs)
    drive = Drive([[network.inputs[0].value]])
    with NewtonCircuit(network) as newton, NgspiceCircuit(network) as ngspice:
        found = newton.measure(drive).output_voltages[0]
        np.testing.assert_allclose(ngspice.measure(drive).output_voltages[0], found, rtol=0, atol=1e-9 * np.abs(found).max())
    return found.tolist()


def test_a_makers_diode(tmp_path: Path) -> None:
    """By hand and by `ngspice -b`."""
    assert output_of(MAKERS_DIODE, tmp_path / "diode.cir", ["b"]) == pytest.approx([0.2263589], abs=1e-7)


def test_temperatures_of_the_card_and_of_all(tmp_path: Path) -> None:
    at = [
        output_of(MAKERS_DIODE.replace(".end", more), tmp_path / "diode.cir", ["b"])[0]
        for more in (".temp 60\n.end", ".options temp=60 gmin=1e-9\n.end", ".options tnom=60 temp=60\n.end")
    ]
    own = MAKERS_DIODE.replace("0 schottky", "0 schottky temp=60")
    assert output_of(own, tmp_path / "diode.cir", ["b"])[0] == pytest.approx(at[0], abs=1e-9)
    assert len({round(volts, 5) for volts in at}) == 2  # at its nominal temperature it is another diode
