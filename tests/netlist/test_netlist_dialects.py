"""Dialects: what LTspice's words mean, by ngspice's own `ngbehavior`, and that a circuit's dialect is its own."""

import warnings

import numpy as np
import pytest
from netlist_text import load, resistances

from hwlearn import Drive, Network, NgspiceCircuit
from hwlearn.errors import NetlistError

CUBE = "* cube\nV1 a 0 -3\nB1 b 0 V=V(a)**3\nR1 b 0 4k7\nR2 b 0 {uplim(1k, 2k, 1)}\n.end\n"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def volts(circuit: NgspiceCircuit) -> dict[str, float]:
    at = circuit.measure(Drive(np.zeros((1, 0)))).node_voltages[0].tolist()
    return dict(zip(circuit.network.nodes, at, strict=True))


def test_ltspice_has_odd_powers_of_negative_numbers_functions_and_digits_after_a_suffix():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = load(CUBE, dialect="lt")
    assert resistances(network) == pytest.approx({"R1": 4700, "R2": 1000})
    with NgspiceCircuit(network, processes=1) as circuit:
        assert volts(circuit)["b"] == pytest.approx(-27)


def test_a_circuit_keeps_its_dialect_beside_others():
    text = CUBE.replace("R2 b 0 {uplim(1k, 2k, 1)}\n", "").replace("4k7", "1k")
    own, foreign = load(text), load(text, dialect="lt")
    with NgspiceCircuit(own, processes=1) as one, NgspiceCircuit(foreign, processes=1) as other:
        found = [volts(circuit)["b"] for circuit in (one, other, one, other)]
    assert found == pytest.approx([27, -27, 27, -27])


def test_a_netlist_that_is_written_says_its_dialect_and_is_read_back_in_it():
    network = load(CUBE, dialect="lt")
    assert "* to be read with --dialect lt, or dialect='lt'" in network.to_netlist("again.cir").splitlines()
    with NgspiceCircuit(Network.from_netlist("again.cir", dialect="lt"), processes=1) as circuit:
        assert volts(circuit)["b"] == pytest.approx(-27)


@pytest.mark.parametrize(
    ("title", "card", "dialect"),
    [
        ("* C:\\circuits\\cube.asc", "", "lt"),
        ("* cube", ".backanno", "lt"),
        ("* cube", ".model d1 d(Ron=1 Roff=1meg)", "lt"),
        ("* source CUBE", "", "ps"),
        ("* cube", ".model s1 vswitch(Ron=1 Roff=1meg Von=1 Voff=0)", "ps"),  # a switch of ngspice has Ron and Roff, too
        ("* cube", ".option post", "hs"),
        (".title KiCad schematic", "", "ki"),
    ],
)
def test_a_netlist_that_cannot_be_read_is_told_by_its_marks_what_to_try(title, card, dialect):
    with pytest.raises(NetlistError, match=rf"n\.cir:\d: .*: try --dialect {dialect}, or dialect='{dialect}'"):
        load(CUBE.replace("4k7", "4.7k").replace("* cube", title).replace(".end", f"{card}\n.end" if card else ".end"))


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ("V2 c 0 5 Rser=0.1", "rser is LTspice's: put a resistor in series"),
        ("C1 b 0 1u Rpar=1meg", "rpar is LTspice's: put a resistor beside the element"),
        ("L1 b 0 1m Rser=1m Cpar=1p", "rser is LTspice's"),
        ("I2 0 b 1m load", "load is LTspice's"),
        ("R9 b 0 1k pwr=0.1", "pwr is LTspice's, for a note: delete it"),
        ("B2 b 0 I=if(V(a)>1,1m,2m)", "if is LTspice's and PSpice's: write (condition) ? a : b"),
    ],
)
@pytest.mark.parametrize("dialect", [None, "lt"])
def test_what_ngspice_has_in_no_dialect_is_told_what_to_write_instead(card, said, dialect):
    with pytest.raises(NetlistError) as caught:
        load(f"* d\nV1 a 0 1\nR1 a b 1k\n{card}\nR2 b 0 1k\n.backanno\n.end\n", dialect=dialect)
    assert (caught.value.line, said in str(caught.value), "--dialect" in str(caught.value)) == (4, True, False)


def test_a_plain_netlist_is_taken_for_no_dialect():
    with pytest.raises(NetlistError) as caught:
        load(CUBE.replace("4k7", "4.7k"))
    assert "dialect" not in str(caught.value)


@pytest.mark.parametrize("dialect", [None, "lt", "ps", "hs", "ki"])
def test_a_wrong_line_is_the_same_in_each_dialect(dialect):
    for line in ("R9 b 0 {nowhere*2}", "Q1 a b 0 nomodel", "X1 a b nosuch"):
        with pytest.raises(NetlistError) as caught:
            load(f"* d\nV1 a 0 1\n* c\n+ ac 1\nR1 a b 1k\n{line}\nR2 b 0 1k\n.end\n", dialect=dialect)
        assert caught.value.line == 6, str(caught.value)
