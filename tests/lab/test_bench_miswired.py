"""Thirteen wiring mistakes at several seeds of noise and devices: `bench check` finds each, and blames a good bench for none.

`HWLEARN_SEEDS=20` tries twenty, which takes two minutes.
"""

import os

import pytest
from benches import ELSEWHERE, bench
from test_bench_check import failed, notes, pots

from hwlearn.lab.bench.selftest import self_test


def nodes(one, two):
    """Two scanner channels exchanged."""
    return [(f"daq:{one}", "daq:x"), (f"daq:{two}", f"daq:{one}"), ("daq:x", f"daq:{two}")]


MISTAKES = {
    "nudge leads exchanged": ({}, "smu:1", "nudge"),
    "dac leads exchanged": ({}, "dac:1", "input"),
    "scanner channels swapped": ({"virtual": nodes(106, 111)}, None, "node"),
    "resistor channels swapped": ({"virtual": pots(5, 18)}, None, "edge"),
    "open lead of a channel": ({"virtual": [("daq:106", "daq:206")]}, None, "node"),
    "open lead of an input": ({"virtual": [('"dac:1"', '"dac:7"')]}, None, "input"),
    "open lead of the nudge": ({"virtual": ELSEWHERE}, None, "instruments"),
    "open sense leads": ({}, "smu:1 sense", "leads"),
    "shorted node": ({"netlist": [(".op", "RSHORT n12 0 0.1\n.op")]}, None, "node"),
    "shorted resistor": ({"netlist": [(".op", "RSHORT n12 n13 0.1\n.op")]}, None, "edge"),
    "open resistor": ({"netlist": [("R9 n22 n23 5k", "R9 n22 nx 5k\nROPEN nx n23 0.9e9")]}, None, "edge"),
    "resistor elsewhere": ({"netlist": [("R15 n02 n12", "R15 n02 n13")]}, None, "edge"),
    "two channels on one node": ({}, "daq:106", "node"),
}
SEEDS = range(int(os.environ.get("HWLEARN_SEEDS", "2")))


def look(folder, seed, changes, lead):
    changes = {**changes, "virtual": [("seed = 1", f"seed = {seed}"), *changes.get("virtual", ())]}
    with bench(folder, **changes) as circuit:
        model = circuit.made.model
        if lead is not None and lead.startswith("daq"):
            model.wiring.nodes[lead] = "n23"
        elif lead == "smu:1 sense":
            model.leads["smu:1"] = "sense open"
        elif lead is not None:
            model.leads[lead] = "exchanged"
        return self_test(circuit)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_found(tmp_path, mistake, seed):
    changes, lead, test = MISTAKES[mistake]
    findings = look(tmp_path, seed, changes, lead)
    assert test in {kind for kind, _ in failed(findings)}
    if lead in ("smu:1", "dac:1"):
        assert "the other way round" in notes(findings)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_good_bench_is_blamed_for_nothing(tmp_path, seed):
    assert failed(look(tmp_path, seed, {}, None)) == set()
