"""What models and cards of transistors say, at any temperature: currents are those of ngspice."""

from pathlib import Path

import numpy as np
import pytest
from effort import tries
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from hwlearn import Drive, Element, Network, NewtonCircuit, NgspiceCircuit, Source
from hwlearn.errors import ModelError, SimulationError

Text = dict[str, object]


def maybe(random: np.random.Generator, **values: object) -> Text:
    """Some of the values."""
    return {name: value for name, value in values.items() if random.random() < 0.6}


def mosfet(random: np.random.Generator) -> tuple[str, str, Text, Text]:
    sign = random.choice([-1, 1])
    geometry = maybe(random, ad=1e-10, **{"as": 2e-10}, nrd=2.5, nrs=3.5, m=random.uniform(1, 3), off="")
    size = {"w": 10 ** random.uniform(-5, -4), "l": 10 ** random.uniform(-5.3, -5)}
    process = maybe(random, kp=4e-5, tox=2e-8, u0=500.0, nsub=1e16, nss=1e10, tpg=float(random.integers(-1, 2)), ld=5e-7)
    law = maybe(random, vto=sign * 0.7, gamma=0.4, phi=0.65, js=1e-6, rsh=20.0, rd=100.0, rs=50.0, level=1, cgso=1e-10)
    law |= maybe(random, **{"lambda": 0.02, "is": 2e-15, "tnom": 50.0})
    return "m", "nmos" if sign > 0 else "pmos", process | law, size | geometry


def jfet(random: np.random.Generator) -> tuple[str, str, Text, Text]:
    law = maybe(random, beta=1e-3, vto=-1.5, rd=20.0, rs=30.0, pb=0.9, b=0.8, cgs=1e-12, tcv=1e-3, vtotc=-2e-3, bex=-1.5)
    law |= maybe(random, betatce=-0.5, xti=2.5, eg=1.2, level=1, tnom=40.0, **{"lambda": 0.01, "is": 1e-13})
    return "j", str(random.choice(["njf", "pjf"])), law, maybe(random, m=2.5, area=random.uniform(0.5, 3))


def bipolar(random: np.random.Generator) -> tuple[str, str, Text, Text]:
    law = maybe(random, bf=150.0, vaf=80.0, ikf=0.05, ise=1e-13, ne=1.6, br=4.0, nr=1.1, ikr=0.1, isc=1e-12, nc=1.8, rb=50.0)
    law |= maybe(random, irb=1e-4, rbm=5.0, re=1.0, rc=10.0, xtb=1.5, eg=1.16, xti=4.0, iss=1e-15, ns=1.2, nkf=0.6, tnom=45.0)
    law |= maybe(
        random, ibe=2e-15, ibc=5e-15, nf=1.05, tbf1=1e-3, trc1=2e-3, trb2=1e-5, tvaf1=1e-3, cje=1e-12, tf=1e-9, var=20.0
    )
    law |= maybe(random, tnf1=1e-4, tikf1=-1e-3, trm1=1e-3, subs=int(random.choice([-1, 1])), **{"is": 1e-14, "c4": 2e-12})
    law |= {"rb": 50.0} if "rbm" in law or "irb" in law else {}  # else both ends of RBM are one node, to ngspice's rounding
    if "iss" in law and "irb" in law:  # a substrate's current through RB shows ngspice's rounding of 1 − z/tan z, 3e-8
        del law["irb"]
    if random.random() < 0.4:
        law |= {"tlev": 1, "xtb": 2e-3} if random.random() < 0.5 else {"tlev": 3, "tis1": 1e-4, "tise1": 1e-4, "tiss1": 2e-4}
    return "q", str(random.choice(["npn", "pnp"])), law, maybe(random, m=2.5, area=1.5, areab=2.0, areac=3.0, off="")


KINDS = {"mosfet": (mosfet, 4, 0.8), "jfet": (jfet, 3, 0.6), "bipolar": (bipolar, 4, 0.75)}


def words(text: Text) -> str:
    return " ".join(name if value == "" else f"{name}={value}" for name, value in text.items())


def alone(letter: str, kind: str, law: Text, own: Text, options: str, terminals: int) -> Network:
    """A transistor with a voltage source at each terminal."""
    nodes = tuple(f"t{k}" for k in range(terminals))
    area = str(own.pop("area")) if "area" in own and letter == "j" else ""
    card = " ".join((f"{letter}1", *nodes, "model", area, words(own)))
    sources = [Source(f"V{node}", "voltage", node) for node in nodes]
    return Network.from_edges(
        [],
        inputs=sources,
        elements=[Element(f"{letter}1", card, nodes, "here")],
        directives=[f".model model {kind}({words(law)})", *([f".options {options}"] if options else [])],
    )


def at_once(network: Network, volts: np.ndarray) -> np.ndarray:
    """ngspice's currents from rest: after a step it may keep those of a field-effect transistor from before."""
    try:
        with NgspiceCircuit(network) as ngspice:
            return ngspice.measure(Drive(volts[None])).input_currents
    except SimulationError:  # it finds no operating point, with junctions forward behind resistances
        reject()


@pytest.mark.parametrize(("make", "terminals", "volts"), KINDS.values(), ids=KINDS)
@settings(max_examples=tries(12), deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_currents_of_any_model_are_those_of_ngspice(make, terminals: int, volts: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    letter, kind, law, own = make(random)
    own |= maybe(random, **{str(random.choice(["temp", "dtemp"])): random.uniform(-20, 90)})
    options = words(maybe(random, temp=random.uniform(0, 70), gmin=1e-11, tnom=35.0))
    network = alone(letter, kind, law, own, options, terminals)
    drive = Drive(random.uniform(-volts, volts, (4, terminals)) * ([1, 3, 1, 1] if letter == "m" else 1))
    expected = np.vstack([at_once(network, volts) for volts in drive.inputs])
    with NewtonCircuit(network) as newton:
        got = newton.measure(drive).input_currents
    size = np.abs(expected).max(axis=1, keepdims=True) + 1e-6
    assert (np.abs(got - expected) <= 1e-9 * size).all(), (network.elements[0].card, network.directives)


MIRROR = """* a mirror, then a pair with active load, as bipolar and as CMOS
VCC vcc 0 5
V1 p 0 2.5
V2 n 0 2.51
Rref vcc r 10k
{cards}
RL o 0 1meg
.end
"""
BIPOLAR = """Q1 r r 0 qn
Q2 t r 0 qn
Q3 a p t qn
Q4 o n t qn
Q5 a a vcc qp
Q6 o a vcc qp
.model qn npn(is=1e-15 bf=200 vaf=80 rb=50 rc=5)
.model qp pnp(is=1e-15 bf=50 vaf=50 ikf=10m)"""
CMOS = """M1 r r 0 0 mn w=20u l=2u
M2 t r 0 0 mn w=20u l=2u
M3 a p t 0 mn w=50u l=2u
M4 o n t 0 mn w=50u l=2u
M5 a a vcc vcc mp w=40u l=2u
M6 o a vcc vcc mp w=40u l=2u
.model mn nmos(level=1 vto=0.7 kp=110u gamma=0.4 lambda=0.04 phi=0.7)
.model mp pmos(level=1 vto=-0.7 kp=50u gamma=0.57 lambda=0.05 phi=0.8)"""


@pytest.mark.parametrize(("cards", "by_hand"), [(BIPOLAR, 1.0), (CMOS, 1.0)], ids=["bipolar", "cmos"])
def test_an_amplifier(cards: str, by_hand: float, tmp_path: Path) -> None:
    """The exact model finds ngspice's operating point; 20 mV more move the output by more than `by_hand` volts."""
    path = tmp_path / "amplifier.cir"
    path.write_text(MIRROR.format(cards=cards))
    network = Network.from_netlist(path, inputs=["V1", "V2"], outputs=["o", "t"])
    drive = Drive([[2.5, 2.51], [2.5, 2.5], [2.51, 2.5]])
    with NewtonCircuit(network) as newton, NgspiceCircuit(network) as ngspice:
        assert not newton.reciprocal
        found = newton.measure(drive).output_voltages
        np.testing.assert_allclose(ngspice.measure(drive).output_voltages, found, rtol=0, atol=1e-8)
    assert abs(found[0, 0] - found[2, 0]) > by_hand


@pytest.mark.parametrize(
    ("card", "model", "message"),
    [
        ("M1 a b 0 0 m", "nmos(level=3)", "its level is 3; only level 1 is understood"),
        ("M1 a b 0 0 m", "nmos(level=1 theta=0.1)", "it has theta; only VTO, KP"),
        ("M1 a b 0 0 m l=1u", "nmos(ld=1u)", "L − 2 LD is -1e-06 m"),
        ("M1 a b 0 0 m 3", "nmos()", "only name=value may stand after the model"),
        ("M1 a b 0 0 m", "nmos(tox=1e-8 nsub=1e9)", "its nsub is 1e[+]09; it must be above"),
        ("J1 a b 0 m", "njf(level=2)", "its level is 2"),
        ("J1 a b 0 m 2 3", "pjf()", "only one number, the area"),
        ("Q1 a b 0 m", "npn(level=4)", "its level is 4; only level 1 and 2"),
        ("Q1 a b 0 m", "npn(rco=10)", "it has rco"),
        ("Q1 a b 0 m", "npn(bf=-3)", "forward_gain is -3"),
        ("Q1 a b 0 m", "pnp(tlev=2)", "its tlev is 2"),
    ],
)
def test_what_matters_and_is_not_modelled_is_refused_by_name(card: str, model: str, message: str) -> None:
    nodes = tuple(card.split()[1 : card.split().index("m")])
    network = Network.from_edges(
        [("a", "b"), ("b", "0")], 1e-3, inputs=["a"], elements=[Element(card[:2], card, nodes, "amp.cir:7")],
        directives=[f".model m {model}"],
    )  # fmt: skip
    with pytest.raises(ModelError, match=f"amp.cir:7: {card}: {message}"):
        NewtonCircuit(network)
