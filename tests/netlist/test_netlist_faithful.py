"""What the expansion of a netlist loses is found before it is a wrong number; what is written reads back as it was."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from netlist_text import load

from hwlearn import Drive, Network, NgspiceCircuit
from hwlearn.errors import HwlearnWarning, NetlistError
from hwlearn.netlist.faithful import compared
from hwlearn.spice.apart import EndlessError, apart, end

ROOT = Path(__file__).parents[2]
EVERY = sorted([*(ROOT / "netlists").glob("*.cir"), *(ROOT / "tests" / "data" / "netlists").glob("*.cir")])
REFUSED = {"only-a-subcircuit"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_parameter_that_the_expansion_loses_is_refused(monkeypatch):
    monkeypatch.setattr("hwlearn.netlist.reader.with_temperature", lambda source: source)  # as it was once
    with pytest.raises(NetlistError, match=r"node b is at 1\.22324 V in this netlist, but at 2 V in what ngspice lists"):
        Network.from_netlist(ROOT / "tests" / "data" / "netlists" / "temper-model.cir")


MOS3 = """* a transistor of level 3, with ngspice's option for its law of before
.options badmos3
V1 d 0 5
VG g 0 2
R1 d b 1k
M1 b g 0 0 nm w=10u l=1u
.model nm nmos(level=3 vto=0.7 kp=1e-4 kappa=2 nsub=1e15 tox=2e-8 vmax=1e5)
.end
"""


def test_an_option_that_changes_a_law_is_kept_and_refused_if_it_were_not(monkeypatch):
    with NgspiceCircuit(load(MOS3), processes=1) as circuit:
        volts = dict(
            zip(circuit.network.nodes, circuit.measure(Drive(np.zeros((1, 0)))).node_voltages[0].tolist(), strict=True)
        )
    assert volts["b"] == pytest.approx(3.311707, abs=1e-6)  # by ngspice -b; 3.874473 without the option
    monkeypatch.setattr("hwlearn.netlist.expanded.OPTIONS", frozenset({"temp", "tnom"}))
    with pytest.raises(NetlistError, match=r"n\.cir: node b is at 3\.31171 V in this netlist, but at 3\.87447 V"):
        load(MOS3)


@pytest.mark.parametrize("comma", [".param p=1, q=2", ".subckt s x params: u=1, w=2\nR3 x 0 1\n.ends\nX1 b s"])
def test_a_comma_between_parameters_is_never_given_to_ngspice(monkeypatch, comma):
    """It would not end, and take its child's whole time."""
    asked = []

    def counted(function, *args):
        try:
            return apart(function, *args)
        except EndlessError as error:
            asked.append(str(error))
            raise

    monkeypatch.setenv("HWLEARN_READ_SECONDS", "1")
    monkeypatch.setattr("hwlearn.netlist.faithful.apart", counted)
    end()  # the next child has the limit
    try:
        network = load(f"* a comma\nV1 a 0 1\nR1 a b 1k\nD1 b 0 d\n.model d d\n{comma}\n.end\n")
    finally:
        end()
    assert not asked
    assert [element.name for element in network.elements] == ["D1"]


def test_two_decks_are_told_apart_by_their_largest_difference():
    deck = ["t", "v1 a 0 1", "r1 a b 1k", "r2 b c 1k", "r3 c 0 {}", ".end"]
    one, two = ([line.format(value) for line in deck] for value in ("1k", "1.001k"))
    unlike = compared(one, two, ["a", "b", "c"], "")
    assert unlike is not None
    assert (unlike.node, unlike.written, unlike.kept) == ("c", pytest.approx(1 / 3), pytest.approx(1.001 / 3.001))
    assert compared(one, one, ["a", "b", "c", "nowhere"], "") is None


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_every_netlist_is_read_back_as_it_was_written(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HwlearnWarning)
        if path.stem in REFUSED:
            pytest.skip("refused")
        network = Network.from_netlist(path, control="ignore")
        network.to_netlist("again.cir")
        again = Network.from_netlist("again.cir")
    assert set(again.nodes) == set(network.nodes)
    assert dict(zip(again.edge_names, again.edges, strict=True)) == dict(zip(network.edge_names, network.edges, strict=True))
    assert again.conductances == pytest.approx(network.conductances, rel=1e-15)
    assert {source.name: source for source in again.sources} == {source.name: source for source in network.sources}
    assert [(element.name, element.nodes) for element in again.elements] == [(e.name, e.nodes) for e in network.elements]
    volts = []
    for one in (network, again):
        with NgspiceCircuit(one, processes=1) as circuit:
            measured = circuit.measure(Drive(np.zeros((1, 0)))).node_voltages[0]
        volts.append(dict(zip(one.nodes, measured.tolist(), strict=True)))
    assert volts[1] == pytest.approx(volts[0], rel=1e-9, abs=1e-12)
