"""Behavioural sources keep their own text: all digits, and more than ngspice lists."""

import numpy as np
import pytest
from netlist_text import load

from hwlearn import Drive, Network, NewtonCircuit, NgspiceCircuit
from hwlearn.errors import NetlistError
from hwlearn.netlist.laws import read_elements
from hwlearn.network.devices import IVTable

DECK = "t\nV1 a 0 1\nR1 a b 1k\n{}\n.end\n"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def source(card, beside=""):
    return load(DECK.format(f"B1 b 0 {card}\n{beside}")).elements[0].card


@pytest.mark.parametrize("count", [40, 200])
def test_tables_of_many_points_are_read_back_exactly(tmp_path, count):
    random = np.random.default_rng(count)
    volts, amperes = np.sort(random.uniform(-1, 1, count)), np.cumsum(random.uniform(0, 1e-3, count))
    table = IVTable("B1", ("b", "0"), tuple(volts.tolist()), tuple(amperes.tolist()))
    network = Network.from_edges([("a", "b")], 1e-3, inputs=["a"], outputs=["b"], elements=[table.element()])
    path = tmp_path / "table.cir"
    assert len(network.to_netlist(path)) > 3 * 4095
    again = Network.from_netlist(path, inputs=["V_a"], outputs=["b"])
    ((read,), refused) = read_elements(again.elements, again.directives)
    assert not refused
    assert (read.volts, read.amperes) == (table.volts, table.amperes)
    for kind in (NewtonCircuit, NgspiceCircuit):
        found = []
        for one in (network, again):
            with kind(one) as circuit:
                found.append(circuit.measure(Drive([[0.7], [-0.3]])).output_voltages)
        np.testing.assert_array_equal(*found)


def test_all_digits_are_kept():
    assert source("i=v(b)*1.23456789012345m + 2k*1e-9").endswith("i=v(b)*1.23456789012345m + 2k*1e-9")


PI = "3.14159265358979"
EXPANDED = {
    "in a subcircuit": ("X1 b s\n.subckt s b\nB1 b 0 i=v(b)*3.14159265358979m\n.ends", 1e-3),
    "beside a parameter": (".param k=2\nB1 b 0 i=k*v(b)*3.14159265358979m", 2e-3),
    "in a function": (".func f(x) {3.14159265358979m*x}\nB1 b 0 i=f(v(b))", 1e-3),
    "of G": ("G1 b 0 cur='v(b)*3.14159265358979m'", 1e-3),
    "of G, in a subcircuit": ("X1 b s\n.subckt s b\nG1 b 0 value={v(b)*3.14159265358979m}\n.ends", 1e-3),
    "of E": ("E1 e 0 vol='-v(b)*3.14159265358979'\nR2 b e 1k", None),
    "of R": ("R2 b 0 r='1k*(3.14159265358979+v(b))'", None),
}


@pytest.mark.parametrize("where", EXPANDED)
def test_what_is_expanded_keeps_its_digits(where):
    """Where ngspice itself computes with eleven of them, the exact model does not."""
    text, siemens = EXPANDED[where]
    network = load(DECK.format(text), outputs=["b"])
    assert any(number in element.card for element in network.elements for number in (PI, "0.00314159265358979"))
    if siemens is not None:
        with NewtonCircuit(network) as circuit:
            volts = circuit.measure(Drive(np.zeros((1, 0)))).output_voltages[0, 0]
        assert volts == pytest.approx(1 / (1 + 1e3 * siemens * float(PI)), rel=1e-14)


def test_numbers_that_eleven_digits_do_not_tell_apart_stay_as_they_are_listed():
    card = source("i={k}*(1.23456789012345*v(b)+1.23456789012399*v(b))", ".param k=1m")
    assert card.count("1.2345678901e+00") == 2


@pytest.mark.parametrize(
    ("card", "beside", "says"),
    [
        ("i={k}*v(b)", ".param k=1.5m", "1.5"),
        ("i=k*v(b)", ".param k=1.5m", "1.5"),
        ("i=f(v(b))", ".func f(x) {2*x}", "2.0000000000e+00"),
    ],
)
def test_what_is_expanded_is_as_ngspice_lists_it(card, beside, says):
    assert says in source(card, beside)


def test_the_alternative_that_counts_is_kept():
    text = DECK.format(".param q=0\n.if (q)\nB1 b 0 i=v(b)*1m\n.else\nB1 b 0 i=v(b)*2m\n.endif")
    assert "2.0000000000e-03" in load(text).elements[0].card


def test_long_cards_that_are_expanded_are_still_refused():
    with pytest.raises(NetlistError, match=r"n\.cir:4: B1 is too long: ngspice shows 4095 characters"):
        source("i=" + "+".join(["k*v(b)"] * 900), ".param k=1.5m")
