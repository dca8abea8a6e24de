"""Names survive reading, writing and reading; messages name the card that is wrong, wherever it stands."""

import string

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netlist_text import load

from hwlearn import Drive, Network, NgspiceCircuit
from hwlearn.errors import HwlearnWarning, NetlistError

PLACES = {
    "at the top": "* t\nV1 a 0 1\nR0 a b 1k\n.model dm d(is=1e-14)\n{}\nR1 b 0 1k\n.end\n",
    "in a subcircuit": (
        "* t\nV1 a 0 1\nR0 a b 1k\n.subckt inner a b w=1\n{}\n.model dm d(is=1e-14)\nR1 b 0 {{w*1k}}\n.ends\n"
        ".subckt outer a b\nX1 a b inner w=2\n.ends\nX1 a b outer\nR1 b 0 1k\n.end\n"
    ),
    "in an .if": "* t\n.param k=1\nV1 a 0 1\n.if (k)\n{}\n.else\nR77 a b 3\n.endif\nR1 b 0 1k\nR0 a b 1\n.end\n",
}
WRONG = (
    "R9 b 0 {nowhere*2}", "Q1 a b 0 nomodel", "X7 a b nosuch", "B1 b 0 V=foo(V(a))", "B1 b 0 V=V(a)+", "E1 b 0 vol='V(a)*'",
    "R9 b 0 abc", "M1 a b", "D1 a", "C1 a b 1u foo=3", "G1 a 0", "E1 a 0 b", "I1 a", "V3 a 0 sin(", "R9 a b 1k tc1=",
    "S1 a b c 0 sw", "R9 b 0 r={1/0}", ".param x={y}", ".param x=", "R9 b 0 '1k'*2", "J1 a b c jm", "B2 a b", "R9 b 0 {-1k}",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.filterwarnings("ignore::hwlearn.errors.HwlearnWarning")
def test_a_message_names_the_line_of_the_card_that_is_wrong(place):
    named = {}
    for card in WRONG:
        with pytest.raises(NetlistError) as caught:
            load(PLACES[place].format(card))
        named[card] = caught.value.line
    assert named == dict.fromkeys(WRONG, 5)


MARKS = "-/[]+#~|_"
NAMES = st.text(string.ascii_letters + string.digits + MARKS, min_size=1, max_size=8)


@given(st.lists(NAMES, min_size=3, max_size=3, unique_by=str.lower))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_names_survive_every_round_trip(names):
    one, two, three = names
    taken = {"0", "gnd", "time", "all", "temper", "hertz", "frequency", "temp"}
    if {"a", *taken} & {name.lower() for name in names} or any("//" in f"{name}R{name}" for name in names):
        return
    edges = [f"R{name}" for name in names]
    text = f"* t\nV{one} a 0 1\n{edges[0]} a {one} 1k\n{edges[1]} {one} {two} 2k\n{edges[2]} {two} {three} 3k\n"
    text += f"Rx_ {three} 0 4k\n.end\n"
    network = load(text, inputs=[f"V{one}"], outputs=[three])
    assert network.edge_names == (*edges, "Rx_")
    assert set(names) <= set(network.nodes)
    network.to_netlist("again.cir")
    again = Network.from_netlist("again.cir", inputs=[f"V{one}"], outputs=[three])
    assert (again.nodes, again.edges, again.input_names) == (network.nodes, network.edges, network.input_names)
    drive = Drive(np.array([[1.0]]))
    with NgspiceCircuit(again, processes=1) as circuit:
        assert circuit.measure(drive).output_voltages[0, 0] == pytest.approx(0.4, rel=1e-12)


def test_a_port_that_is_ground_inside_is_told():
    text = "* t\nV1 a 0 1\nVb b 0 0.5\n.subckt s in {port}\nR1 in {port} 1k\n.ends\nR0 a b 1k\nX1 a b s\nX2 b a s\n.end\n"
    for port in ("gnd", "0"):
        with pytest.warns(
            HwlearnWarning, match=rf"n\.cir:8: port {port} of subcircuit s is ground inside it.*node b of X1"
        ) as said:
            network = load(text.format(port=port))
        assert len(said) == 1
        with NgspiceCircuit(network, processes=1) as circuit:
            volts = circuit.measure(Drive(np.zeros((1, 0)))).node_voltages
        drawn = network.edge_currents(network.conductances, volts)
        assert drawn[0].tolist() == pytest.approx([0.5e-3, 1e-3, 0.5e-3])  # 1 V and 0.5 V over 1 kΩ to ground
    assert load(text.replace("X1 a b s\nX2 b a s", "X1 a 0 s\nX2 b GND s").format(port="gnd")).edge_names
