"""Tolerances that ngspice cannot meet are loosened in steps; the provenance tells the one that was reached."""

import numpy as np
import pytest
from netlist_text import load

from hwlearn import Drive, NgspiceCircuit
from hwlearn.circuits.ngspice import circuit as ngspice_circuit
from hwlearn.circuits.ngspice import deck
from hwlearn.errors import ConvergenceError

DIODE = "* d\nV1 a 0 1\nR1 a b 1k\nD1 b 0 dm\n.model dm d(is=1e-14)\n.end\n"
POWER = "vdmos cgdmin=0.05p cgdmax=0.2p a=1.2 cgs=0.15p rg=10 kp=1e-5 rb=1e7 cjo=1n ksubthres=0.2"
INVERTER = ".subckt inv out in vdd\nMP out in vdd pv\nMN out in 0 nv\nC1 out 0 0.2p\n.ends\n"
RING = f"""* three inverters in a ring: its gates are light nodes
VDD vdd 0 5
.model nv {POWER}
.model pv {POWER} pchan
{INVERTER}X1 a c vdd inv
X2 b a vdd inv
X3 c b vdd inv
.end
"""
"""With the first tolerances: "Transient op failed, timestep too small"."""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_first_step_that_converges_is_taken_and_told():
    with NgspiceCircuit(load(RING), processes=1) as circuit:
        found = circuit.measure(Drive(np.zeros((1, 0))))
        assert circuit.provenance()["reltol"] == 1e-8
    assert "reltol 1e-08" in found.provenance
    volts = dict(zip(found.network.nodes, found.node_voltages[0].tolist(), strict=True))
    assert [volts["a"], volts["b"], volts["c"]] == pytest.approx([volts["a"]] * 3, abs=1e-6)  # by symmetry
    with NgspiceCircuit(load(DIODE), processes=1) as circuit:
        assert "reltol" not in circuit.measure(Drive(np.zeros((1, 0)))).provenance
        assert circuit.provenance()["reltol"] == 1e-11


def test_tolerances_with_which_ngspice_does_not_end_are_passed_by(monkeypatch):
    """Loosened ones too are tried in a child before they are used here: the second seem endless, and are not used."""
    tried = []

    def ends(network, lines, fed, *, patient):
        tried.append(lines)
        return len(tried) != 2

    monkeypatch.setattr(ngspice_circuit, "try_deck", ends)
    with NgspiceCircuit(load(RING), processes=1) as circuit:
        circuit.measure(Drive(np.zeros((1, 0))))
        assert circuit.provenance()["reltol"] == deck.TOLERANCES[2]["reltol"]
    assert len(tried) == 3
    assert len({tuple(lines) for lines in tried}) == 3


def test_if_none_converges_the_message_names_the_options(monkeypatch):
    monkeypatch.setattr(deck, "TOLERANCES", deck.TOLERANCES[:1])
    with (
        NgspiceCircuit(load(RING), processes=1) as circuit,
        pytest.raises(
            ConvergenceError, match=r"reltol up to 1e-11 was tried\. Give the netlist a \.nodeset, or \.options such as"
        ),
    ):
        circuit.measure(Drive(np.zeros((1, 0))))


def test_options_of_the_netlist_win():
    made = deck.Deck(load(DIODE.replace(".model", ".options reltol=1e-4 vntol=1e-6 abstol=1e-12\n.model")))
    assert made.tolerances == [{}]
    made = deck.Deck(load(DIODE.replace(".model", ".options reltol=1e-4\n.model")))
    assert made.tolerances[0] == {"vntol": 1e-12, "abstol": 1e-15}
