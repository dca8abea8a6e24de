"""Cards of vendors' models that ngspice simulates, in words that can be kept: pairs of nodes, negative resistances."""

import numpy as np
import pytest
from netlist_text import load

from hwlearn import Drive, NewtonCircuit, NgspiceCircuit
from hwlearn.errors import ModelError, NetlistError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def volts(text, node="b"):
    """At a node, by each backend."""
    network, found = load(text), []
    for kind in (NewtonCircuit, NgspiceCircuit):
        with kind(network) as circuit:
            found.append(circuit.measure(Drive(np.zeros((1, 0)))).node_voltages[0, network.node_index[node]])
    return found


@pytest.mark.parametrize(
    ("card", "at_b"),
    [
        ("G2 (b,0) (a,0) 1m", -5.0),
        ("G2 (b 0) (a 0) 1m", -5.0),
        ("G2 b 0 ( a , 0 ) 1m", -5.0),
        ("E2 b 0 a,0 2", 10.0),
        ("E2 (b,0) (a,0) 2", 10.0),
        ("E2 (b,0) POLY(1) (a,0) 1 2", 11.0),
        ("F2 (b,0) v1 0.2", 1.0),
        ("H2 (b,0) v1 100", -0.5),
        ("E2 (b,0) value={v(a)*2}", 10.0),  # ngspice itself does not read this one
    ],
)
def test_pairs_of_nodes_may_be_in_brackets(card, at_b):
    """As PSpice's manual writes them; values by hand, V1 = 5 V over 1 kΩ."""
    assert volts(f"* t\nV1 a 0 5\nR1 b 0 1k\nR3 a 0 1k\n{card}\n.end\n") == pytest.approx([at_b, at_b], rel=1e-12)


@pytest.mark.parametrize("value", ["-500", "-0.5k", "r=-500"])
def test_a_negative_resistance_of_a_macromodel_is_what_it_is(value):
    """1 kΩ in series with −500 Ω: 5 V · (−500)/(1000 − 500)."""
    text = f"* t\nV1 a 0 5\nR1 a b 1k\nX1 b 0 s\n.subckt s p q\nre1 p q {value}\nR2 p q 1g\n.ends\n.end\n"
    assert volts(text) == pytest.approx([-5.0, -5.0], rel=1e-5)
    assert "g.x1.gre1" in [element.name for element in load(text).elements]


def test_a_negative_resistance_of_ones_own_is_a_mistake():
    with pytest.raises(NetlistError, match=r"n\.cir:3: the resistance of R1 is negative"):
        load("* t\nV1 a 0 5\nR1 a b -1k\nR2 b 0 3k\n.end\n")


@pytest.mark.parametrize(("factor", "value"), [("2^3^2", 64.0), ("2**3**2", 64.0), ("2^2^0.5", 2.0), ("2^-1^2", 0.5)])
def test_a_chain_of_powers_is_what_ngspice_takes_it_for(factor, value):
    """From left to right, but for a sign; the exact model leaves it to ngspice."""
    network = load(f"* t\nV1 a 0 5\nR1 b 0 1k\nR3 a 0 1k\nB2 b 0 v={factor}*v(a)\n.end\n")
    with NgspiceCircuit(network, processes=1) as circuit:
        told = circuit.measure(Drive(np.zeros((1, 0)))).node_voltages[0, network.node_index["b"]]
    assert told == pytest.approx(5 * value)
    with pytest.raises(ModelError, match="no sum of node voltages"):
        NewtonCircuit(network)
