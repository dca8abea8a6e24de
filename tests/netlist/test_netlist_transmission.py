"""Lossy lines are the resistors that `ngspice -b` finds at DC; values at t = 0 that there are not are named."""

import pytest
from netlist_text import load

from hwlearn import Drive, ExactCircuit
from hwlearn.errors import HwlearnWarning, NetlistError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


ONE = """* a line of type TXL
V1 a 0 2
R1 a n1 50
Y1 n1 0 n2 0 ymod len=3
R2 n2 0 100
.model ymod txl R=12.45 L=8.972e-9 G={leak} C=0.468e-12 length=16
.end
"""
TWO = """* coupled lines
V1 a 0 2
V2 b 0 1
R1 a i1 50
R2 b i2 70
P1 i1 i2 0 o1 o2 0 pmod
R3 o1 0 100
R4 o2 0 200
.model pmod cpl R={first} {between} 3 L=9.13e-9 3.3e-9 9.13e-9
+ C=3.65e-13 -9e-14 3.65e-13 G=0 0 0 length=12
.end
"""


def voltages(text):
    network = load(text)
    with ExactCircuit(network) as circuit:
        found = circuit.measure(Drive([[]])).node_voltages[0]
    return dict(zip(network.nodes, found.tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "right"),
    [  # by ngspice -b 39.3
        (ONE.format(leak=0), {"n1": 1.466240, "n2": 1.067521}),
        (ONE.format(leak=0.01), {"n1": 1.466240, "n2": 1.067521}),
        (ONE.format(leak=0).replace(" len=3", ""), {"n1": 1.713631, "n2": 0.5727377}),
        (ONE.format(leak=0).replace("12.45", "0"), {"n1": 1.333333, "n2": 1.333333}),
        (TWO.format(first=2, between=0), {"i1": 1.425287, "o1": 1.149425, "i2": 0.7712418, "o2": 0.6535948}),
        (TWO.format(first=2, between=0).replace("0 pmod", "0 pmod length=5"), {"i1": 1.375, "o1": 1.25}),
        (TWO.format(first="1e-6", between=0), {"i1": 1.333339, "o1": 1.333323}),
    ],
)
def test_a_lossy_line_is_what_ngspice_finds(text, right):
    found = voltages(text)
    assert {node: found[node] for node in right} == pytest.approx(right, rel=1e-6)


def test_resistances_between_conductors_are_left_out_as_in_ngspice():
    with pytest.warns(HwlearnWarning, match=r"n\.cir:6: P1: ngspice leaves out resistances between conductors"):
        found = voltages(TWO.format(first=2, between=0.5))
    assert found["o1"] == pytest.approx(1.149425, rel=1e-6)


def test_lines_inside_subcircuits_are_resistors_too():
    text = ONE.format(leak=0).replace("Y1 n1 0 n2 0 ymod len=3", "X1 n1 n2 s\n.subckt s p q\nY1 p 0 q 0 ymod len=3\n.ends")
    assert voltages(text)["n2"] == pytest.approx(1.067521, rel=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        ONE.format(leak=0).replace("R=12.45", "R=rho"),
        ONE.format(leak=0).replace(".model ymod", ".model other"),
        TWO.format(first=2, between="0 0"),
        TWO.format(first=2, between=0).replace("i1 i2 0 o1 o2 0", "i1 0 o1 0"),
    ],
)
def test_lines_without_numbers_are_refused(text):
    with pytest.raises(NetlistError, match=r"n\.cir:[46]: [YP]1 is a line of type TXL or CPL.*give its model R and length"):
        load(text)


def test_a_pulse_without_a_value_at_zero_is_named():
    with pytest.raises(NetlistError, match=r"n\.cir:3: V2 has no value at t = 0: a pulse that begins before t = 0 needs"):
        load("t\nV1 a 0 1\nV2 b 0 pulse(1 2 -5u)\nR1 a b 1k\n.end\n")
    assert load("t\nV1 a 0 1\nV2 b 0 pulse(1 2 -5u 1u 1u 9u 20u)\nR1 a b 1k\n.end\n").sources[1].value == 2.0
