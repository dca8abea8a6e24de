"""A deck of which ngspice dies, or that it never ends, is an error with the element's line, and Python lives."""

from dataclasses import replace

import numpy as np
import pytest
from netlist_text import load
from processes import PATIENCE

from hwlearn import Drive, NgspiceCircuit
from hwlearn.errors import SimulationError
from hwlearn.spice.apart import end


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def bipolar(card: str, *directives: str):
    """A divider with a transistor, whose card is then another one, as a reader that knows no better would leave it."""
    network = load("* t\nV1 a 0 1\nR1 a b 1k\nQ1 b b 0 qm\nR2 b 0 1k\n.model qm npn\n.end\n")
    (element,) = network.elements
    return replace(network, elements=(element._replace(card=card),), directives=(*network.directives, *directives))


def test_a_deck_of_which_ngspice_dies():
    deadly = bipolar("v9 b 0 dc 1 r=1k")  # found by test_netlist_fuzz
    with pytest.raises(SimulationError, match=r"ngspice dies of this \(SIG.*It may be n\.cir:4: Q1: replace the element"):
        NgspiceCircuit(deadly, processes=1)
    with NgspiceCircuit(bipolar("q1 b b 0 qm"), processes=1) as circuit:
        assert 0 < circuit.measure(Drive(np.zeros((1, 0)))).node_voltages[0, 1] < 0.5


@pytest.mark.slow  # two children are started, and one held at its limit
def test_a_deck_that_ngspice_never_ends(monkeypatch):
    endless = bipolar("q1 b b 0 qm", ".param k=1, l=2")  # a comma, which it reads for ever
    monkeypatch.setenv("HWLEARN_READ_SECONDS", "0.5")
    monkeypatch.setattr("hwlearn.spice.apart.PATIENCE", PATIENCE / 0.5)  # the child may have to wait for a core
    end()  # the child with other limits
    with pytest.raises(SimulationError, match=r"ngspice does not end within 0\.5 s.*It may be n\.cir:4: Q1"):
        NgspiceCircuit(endless, processes=1)
    end()
