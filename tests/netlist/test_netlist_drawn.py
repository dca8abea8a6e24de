"""Draws at random in expressions, which ngspice misreads in silence: refused, or as `ngspice -b` has them."""

import re

import numpy as np
import pytest
from netlist_text import load

from hwlearn import Drive, NgspiceCircuit
from hwlearn.errors import NetlistError

LOW = "write min(max(x, low), high), or read the netlist with --dialect ps"
DRAW = "draw it in a .param"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def text(cards):
    return f"* t\n.param lim=1 nom=4\nV1 a 0 5\nR1 b 0 1k\n{cards}\n.end\n"


@pytest.mark.parametrize(
    ("cards", "said"),
    [
        ("B1 b 0 V=limit(V(a),0,1)", f"n.cir:5: of limit(V(a),0,1) ngspice draws a number when it reads the netlist, and "
         f"misreads what it draws: {LOW}"),
        ("E1 b 0 value={LIMIT(V(a)*2,-1,{lim})}", LOW),
        ("G1 b 0 value={limit(i(v1),0,1)*1m}", LOW),
        ("R2 b a R={1k*limit(V(a),1,2)}", LOW),
        (".subckt s p\nB1 p 0 I=limit(V(p),0,1)\n.ends\n.subckt t p\nX1 p s\n.ends\nX1 b t", "n.cir:6: of limit(V(p),0,1) "),
        (".func f(x) {limit(x,0,1)}\n.func g(y) {f(y*2)}\nB1 b 0 V=g(V(a))", "n.cir:7: of g(V(a)) "),
        ("B1 b 0 V=V(a)*limit(2*3,0)", DRAW),
        ("B1 b 0 V=V(a)*gauss({2*3},0,1)", DRAW),
        ("B1 b 0 V=V(a)*limit(-nom,0)", DRAW),
        ("B1 b 0 V=unif(V(a),0)", DRAW),
    ],
)  # fmt: skip
def test_what_ngspice_would_misread_is_refused(cards, said):
    with pytest.raises(NetlistError, match=re.escape(said)):
        load(text(cards))


@pytest.mark.parametrize(
    ("cards", "volts"),
    [
        ("B1 b 0 V=V(a)*limit( -2.5e-3 , 0 )", -0.0125),
        ("B1 b 0 V=V(a)*limit({nom},0)+limit(nom,0)", 24.0),
        ("R2 b a {limit(2*3,0)*1k}", 5 / 7),
        ("E1 b 0 a 0 {limit(2*3,0)}", 30.0),
        (".func mc(x) {gauss(x,0,3)}\n.param k={mc(2)}\nB1 b 0 V=V(a)*k", 10.0),
        (".func limit(x,a,b) {min(max(x,a),b)}\nB1 b 0 V=limit(V(a),0,2)", 2.0),
        (".subckt s p\nB1 p 0 I=limit(V(p),0,1)\n.ends\nR2 a b 1k", 2.5),
    ],
)
def test_what_it_reads_right_is_read(cards, volts):
    network = load(text(cards))
    with NgspiceCircuit(network, processes=1) as circuit:
        found = circuit.measure(Drive(np.zeros((1, 0)))).node_voltages[0, network.node_index["b"]]
    assert found == pytest.approx(volts, rel=1e-9)


def test_limit_is_pspices_where_the_netlist_is():
    network = load(text("E1 b 0 value={LIMIT(V(a)*2,-1,{lim})}"), dialect="ps")
    with NgspiceCircuit(network, processes=1) as circuit:
        assert circuit.measure(Drive(np.zeros((1, 0)))).node_voltages[0, network.node_index["b"]] == pytest.approx(1.0)
