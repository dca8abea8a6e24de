"""Netlists of which ngspice dies, or that it reads for ever, are refused or made readable; read in a child, to tell."""

from pathlib import Path

import numpy as np
import pytest
from netlist_children import outcomes

from hwlearn import Drive, Network, NgspiceCircuit
from hwlearn.errors import NetlistError

CHAIN = "".join(f".func f{k + 1}(x) {{f{k}(x)+f{k}(x)}}\n" for k in range(30))
DEEP_REVERSED = "".join(f".func f{k + 1}(x) {{f{k}(x)}}\n" for k in reversed(range(5000)))
DEEP = "".join(f".func f{k + 1}(x) {{f{k}(x)}}\n" for k in range(200))
CARDS = {
    # a function in itself
    ".func f(x) {f(x)}": "n.cir:3: this function calls itself",
    ".func f(x) 'f(x)'\nR3 a 0 {f(1)}": "n.cir:3: this function calls itself",
    ".param f(x)={f(x)}\nR3 a 0 {f(1)}": "n.cir:3: this function calls itself",
    ".func f(x) {g(x)}\n.func g(x) {1+f(x)}\nR3 a 0 {f(1)}": "n.cir:3: this function calls itself",
    # functions that double
    f"{CHAIN}.func f0(x) {{x}}\nR3 a 0 {{f30(1)}}": "more than 1000000 characters with all functions written out",
    ".func f(x) {x*x}\nR3 a 0 {" + "f(" * 30 + "1" + ")" * 30 + "}": "n.cir:4: more than 1000000 characters",
    f"{DEEP}.func f0(x) {{x}}\nR3 a 0 {{f200(1)}}": "functions call each other more than 100 deep",
    f"{DEEP_REVERSED}.func f0(x) {{x}}\nR3 a 0 1": "functions call each other more than 100 deep",
    # names and commas
    "i(V1) a 0 1": "n.cir:3: element i(V1): ",
    "I(V1) a 0 dc 1": "n.cir:3: element I(V1): ",
    ".param p=1, q=2": "result",
    ".param p={1},q='2'": "result",
    ".subckt s p params: u=1, w=2\nR3 p 0 1\n.ends\nX1 a s": "result",
    # lines of which unloading dies
    "P3 a b 0 c d 0 pl\n.model pl cpl\nR3 c d 1": "n.cir:3: P3 is a line of type TXL or CPL",
    "Y3 a 0 b 0 tx\n.model tx txl R=rho L=1n G=0 C=1p length=1": "n.cir:3: Y3 is a line of type TXL or CPL",
    # found by test_netlist_fuzz
    ".model nm vdmos(vto=1": "n.cir:3: ngspice dies of this: write .model NAME vdmos",
    ".model nm vdmos((vto=1))": "n.cir:3: ngspice dies of this: write .model NAME vdmos",
    ".model vdmos1 nmos(vto=1)": "n.cir:3: ngspice dies of this: write .model NAME vdmos",
    "VB b 0 DC 1 R=1k": "n.cir:3: VB has r= without a PWL before it",
    "VB b 0 r=0 pwl(0 0 1 1)": "n.cir:3: VB has r= without a PWL before it",
    "VB b 0 dc 0 portnum 1": "n.cir:3: VB is a port without a z0",
    "dtemp=10 b 0 DC 1\n.model , sw(vt=0.5)": "n.cir:3: element dtemp=10: ngspice does not take '='",
    ".model , sw(vt=0.5)": "n.cir:3: .model needs a name",
    "VB b 0 external": "n.cir:3: nothing feeds the external source VB: make it an input",
    "temper b 0 1": "n.cir:3: the word 'temper' of temper: ngspice takes it for the temperature",
    "M3 a b 0 0 temper": "n.cir:3: the word 'temper' of M3: ngspice takes it for the temperature",
    ".model rm r(tc1='0.1*temper:)\nG3 b 0 value={v(b)}\nR3 a b rm 1k": "n.cir:3: a quotation or brace is never closed",
    f"{'external' * 300} b 0 1": "externalexternal",
    "K1 R1 L2 0.9\nL1 a 0 1m\nL2 a 0 1m": "n.cir:3: K1 couples what is no coil",
    ".subckt ha= a b rv=1k\nR3 a b {rv}\n.ends": "n.cir:3: a subcircuit needs a name without '='",
    ".if (1)\nR3 a b 1k": "n.cir:3: .if has no .endif",
    ".model rm r(t\"='0.1*temper')\nR3 b 0 rm 1k": "n.cir:3: an expression with temper stands for no parameter",
    ".model rm r(t {temper})\nR3 b 0 rm 1k": "n.cir:3: an expression with temper stands for no parameter",
    # what is left alone
    ".model rm r(tc1 = '0.0001*temper' tc2={temper*0})\nR3 b 0 rm 1k": "result",
    ".if (1)\nR3 a b 1k\n.endif": "result",
    "VB b 0 pwl(0 0 1 1) r=0": "result",
    "VB b 0 {r}\n.param r=1": "result",
    "VB b 0 dc 0 portnum 1 z0 50": "result",
    "M3 a b 0 nm\n.model nm vdmos": "result",
    "M3 a b 0 nm\n.model nm vdmos (vto=1) kp=1": "result",
    ".func f(x) {2*x}\n.param g(x,y)={f(x)+y}\nR3 a 0 {g(f(1),max(1,2))}": "result",
    ".subckt s p\n.func f(x) {x}\nR3 p 0 {f(1)}\n.ends\n.func f(x) {g(x)}\n.func g(x) {x}\nX1 a s": "result",
    ".param p=1 , q=2": "result",
    ".param p=max(1,2) q={max(1,2)} r='max(1,2)'": "result",
    "v(1) b 0 1": "result",
}


DECKS = {
    "t\nC1 a 0 1n\n.end\n": "singular matrix: check node a",
    "t\nC1 a 0 1n\nD1 a 0 d\n.model d d\n": "result",
    "t\n.subckt half a b\nR1 a b 1k\n.ends\n.end\n": "n.cir: holds no element outside of its subcircuits; to use half",
    "t\nI1 0 a 1m\nC1 a 0 1n\n": "singular matrix: check node a",
}


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """What became of each deck, all of them read by as few children as are needed."""
    decks = {**DECKS, **{deck(card): said for card, said in CARDS.items()}}
    root, places = tmp_path_factory.mktemp("decks"), dict[str, Path]()
    for k, text in enumerate(decks):
        places[text] = root / str(k) / "n.cir"
        places[text].parent.mkdir()
        places[text].write_text(text)
    found = outcomes(places.values(), root)
    return {text: found[place].replace(f"{place.parent}/", "") for text, place in places.items()}


def deck(card: str) -> str:
    return f"t\nV1 a 0 1\n{card}\nR1 a b 1k\nR2 b 0 1k\n.end\n"


@pytest.mark.parametrize("card", CARDS)
def test_cards_that_would_end_or_hold_python(read, card):
    assert CARDS[card] in read[deck(card)]


@pytest.mark.parametrize("text", DECKS)
def test_a_deck_without_resistor_and_voltage_source(read, text):
    assert DECKS[text] in read[text]


def test_a_vertical_power_transistor(tmp_path):
    path = Path(__file__).parents[1] / "data" / "netlists" / "vdmos.cir"
    assert outcomes([path], tmp_path) == {path: "result"}
    network = Network.from_netlist(path, inputs=["V1"], outputs=["x"])
    measured = NgspiceCircuit(network).measure(Drive([[2.0]]))
    np.testing.assert_allclose(measured.output_voltages, 0.763980, atol=1e-6)  # by ngspice -b


def test_what_ngspice_says_is_repeated_in_a_line_of_bounded_length(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("long.cir").write_text(f"t\nV1 a 0 1\nB1 b 0 v={'(' * 20_000}1{')' * 20_000}\nR1 a 0 1\n")
    with pytest.raises(NetlistError, match=r"long\.cir:3: ngspice cannot read this") as caught:
        Network.from_netlist("long.cir")
    assert len(str(caught.value)) < 1000
