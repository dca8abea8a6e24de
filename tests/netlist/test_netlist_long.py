"""Cards so long that ngspice's listing cuts them are refused: the rest of them would be missing in the circuit."""

import numpy as np
import pytest
from netlist_text import divider, refusal

from hwlearn import Drive, NgspiceCircuit


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def addends(count: int) -> str:
    """A current that is `count` times 1/(1 kΩ · count) of v(b), written in a few characters an addend."""
    return "+".join([f"{1 / count:g}*v(b)"] * count)


LONG = {
    "B3": f"B3 b 0 i=k*({addends(200)})\n.param k=1m",
    "V3": f"V3 c b pwl({' '.join(f'{k}m {k}' for k in range(500))}) dc 1",
    "I3": f"I3 c b {'0' * 5000}1m",
    ".model long": f".model long d({' '.join(['cjo=1p'] * 700)} n=2)\nD3 b 0 long",
    ".options": f".options {' '.join(['gmin=1e-12'] * 400)} temp=50",
    ".nodeset": f".nodeset {' '.join(['v(b)=0.5'] * 500)}",
}


@pytest.mark.parametrize("name", LONG)
def test_a_card_that_the_listing_cuts_is_refused(name):
    said = refusal(LONG[name])
    assert f": {name} is too long: " in said
    assert len(said) < 400


def test_a_card_in_a_subcircuit_is_named_where_it_is_written():
    said = refusal(f"X3 b sub\n.subckt sub p\nB3 p 0 i=1m*({addends(200).replace('v(b)', 'v(p)')})\n.ends", at=7)
    assert "b.x3.b3 is too long" in said


@pytest.mark.parametrize("count", [10, 100, 200])  # 200 are cut in the listing, and read as they are written
def test_a_card_of_numbers_is_whole(count):
    network = divider(f"B3 b 0 i=1m*({addends(count)})", inputs=["V1"], outputs=["b"])
    measured = NgspiceCircuit(network).measure(Drive([[1.0]])).output_voltages
    np.testing.assert_allclose(measured, 1 / 3, rtol=1e-9)


def test_a_long_line_that_becomes_a_number_is_whole():
    network = divider(f".param half={'+'.join(['0.001'] * 500)}\nR3 b 0 {{half*1k}}\nR4 b 0 {{{'+'.join(['4'] * 500)}}}")
    np.testing.assert_allclose(1 / network.conductances[1:3], [500, 2000], rtol=1e-9)
