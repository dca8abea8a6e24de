"""What is written is read back as the same network."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netlist_text import load
from networks import networks

from hwlearn import Drive, Network, NgspiceCircuit, Source
from hwlearn.errors import NetlistError
from hwlearn.network.builders import BUILDERS, grid


@pytest.fixture(autouse=True)
def _own_folder(tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("written"))


def same(one: Network, two: Network) -> None:
    """Edges, sources and ports equal; conductances to what ngspice's reading of decimals allows."""
    assert two.edges == one.edges
    assert np.allclose(two.conductances, one.conductances, rtol=1e-15, atol=0)
    for kind in ("inputs", "fixed_sources"):
        before, after = getattr(one, kind), getattr(two, kind)
        assert [source[:-1] for source in map(_fields, after)] == [source[:-1] for source in map(_fields, before)]
        assert [s.value for s in after] == pytest.approx([s.value for s in before], rel=1e-15, abs=0)
    assert two.outputs == one.outputs


def _fields(source: Source) -> tuple[object, ...]:
    return (source.name, source.kind, source.plus, source.minus, source.value)


def reread(net: Network, **options: Any) -> Network:
    net.to_netlist("n.cir")
    return Network.from_netlist("n.cir", inputs=net.input_names, outputs=net.output_names, **options)


@given(networks(holdable=False))
def test_round_trip(net):
    same(net, reread(net))


@given(st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=20))
def test_conductances_of_any_size(conductances):
    net = Network.from_edges([("A", "0")] * len(conductances), conductances, bounds=(1e-13, 1e13), inputs=["A"])
    same(net, reread(net, bounds=(1e-13, 1e13)))


@pytest.mark.parametrize("name", ["kite", "wheatstone"])
def test_builders(name):
    same(BUILDERS[name](), reread(BUILDERS[name]()))


def test_text():
    net = Network.from_edges(
        [("A", "b"), ("b", "0")],
        [1e-3, 0.5],
        inputs=["A", "I(b)"],
        fixed_sources=[Source("RJ", "voltage", "b", "c")],
        title="two\nlines",
    )
    assert net.to_netlist().splitlines() == [
        "* two lines",
        "* inputs: V_A I_b",
        "R1 A b 1000.0",
        "R2 b 0 2.0",
        "V_A A 0 dc 0.0",
        "I_b 0 b dc 0.0",
        "RJ b c 0",
        ".op",
        ".end",
    ]


ODD = ["(0, 1)", "a b", "é", "a{b", "x=y", "time", "B", "b", "'q'", "$", "new\nline"]


def test_names_that_ngspice_would_not_keep_are_replaced_and_said_so():
    ends = [(node, "0") for node in ODD]
    names = ["R1", "r1", "gap", "R 3", "R=4", *(f"R{k}" for k in range(5, 11))]
    net = Network.from_edges(ends, np.arange(1.0, 12), names=names, inputs=[Source("drive", "voltage", "B")])
    text = net.to_netlist("n.cir")
    back = Network.from_netlist("n.cir")
    assert np.allclose(back.conductances, net.conductances, rtol=1e-15)
    assert len({edge.tail for edge in back.edges}) == len(ODD)
    assert back.edges[6].tail == "B"
    for odd in (*ODD[:6], "gap", "R 3", "drive"):
        assert any(line.startswith("* ") and line.endswith(f"stands for {odd!r}") for line in text.splitlines())
    assert set(back.nodes) == ({*ODD, "0"} - {"b"}) | {"n_6"}  # ngspice knows no case, so b is not taken for B
    assert back.edge_names == ("R1", "r_0", *names[2:])
    again = Network.from_netlist("n.cir", inputs=["drive"], outputs=["a b", "n_0"])
    assert (again.input_names, again.output_names) == (("drive",), ("a b", "(0, 1)"))


@given(st.lists(st.text(min_size=1, max_size=6), min_size=4, max_size=4, unique_by=lambda name: name.casefold()))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_survives_a_round_trip(names):
    if any(name.lower() in ("0", "gnd") or re.fullmatch(r"[nrv]_\d+", name.lower()) for name in names):
        return  # ground, and the names that others are written as
    if len({name.lower() for name in names}) < len(names) or any(not name.isprintable() for name in names):
        return
    one, two, three, drive = names
    ends = [(one, two), (two, three), (three, "0")]
    net = Network.from_edges(ends, [1.0, 2.0, 3.0], names=names[:3], inputs=[Source(drive, "voltage", one)], outputs=[three])
    net.to_netlist("any.cir")
    back = Network.from_netlist("any.cir", inputs=[drive], outputs=[three])
    assert (back.nodes, back.edge_names, back.input_names, back.output_names) == (
        net.nodes,
        net.edge_names,
        net.input_names,
        net.output_names,
    )


SAID = ["'b'", "'B'", "'0'", "'gnd'", "'a'", "b", "'b' + 'c'", "['b']", "'q'\n* node c stands for 'Q'"]


@pytest.mark.parametrize("said", SAID)
def test_a_comment_makes_no_two_nodes_one(said):
    """And runs nothing."""
    text = f"* t\n* node a stands for {said}\nV1 a 0 1\nR1 a b 1k\nR2 b c 1k\nR3 c 0 2k\n.end\n"
    net = load(text, inputs=["V1"], outputs=["c"])
    assert len(net.nodes) == 4
    with NgspiceCircuit(net) as circuit:
        assert circuit.measure(Drive([[1.0]])).output_voltages[0, 0] == pytest.approx(0.5)


def test_nodes_that_a_resistor_reads_keep_their_names():
    text = "* t\n* node a stands for 'Net-(R1)'\nV1 a 0 1\nR2 a b 1k\nR1 b 0 R={1k+1k*v(a)}\n.end\n"
    net = load(text, inputs=["V1"], outputs=["b"])
    with NgspiceCircuit(net) as circuit:
        assert circuit.measure(Drive([[1.0]])).output_voltages[0, 0] == pytest.approx(2 / 3)


def test_nonlinear_elements_are_written_too():
    clamp = ".subckt clamp p\nD1 p 0 dm\n.model dm d(is=1e-14)\n.ends\n"
    text = f"* d\n.temp 50\nV1 In 0 1\nR1 In Out 1k tc1=0.001\nX1 Out clamp\n{clamp}"
    net = load(text, inputs=["V1"], outputs=["Out"])
    again = reread(net)
    same(net, again)
    assert [(e.name, e.nodes) for e in again.elements] == [(e.name, e.nodes) for e in net.elements]
    voltages = []
    for network in (net, again):
        with NgspiceCircuit(network) as circuit:
            voltages.append(circuit.measure(Drive([[2.0]])).output_voltages[0, 0])
    assert 0.5 < voltages[0] < 0.8
    assert voltages[1] == pytest.approx(voltages[0], rel=1e-9)


def test_a_conductance_without_resistance_is_refused():
    with pytest.raises(NetlistError, match="R1: 1e-320 S"):
        Network.from_edges([("A", "0")], 1e-320, bounds=(1e-322, 1.0), inputs=["A"]).to_netlist()


def test_a_title_is_only_a_title():
    for title in ("*# shell touch proof", "*ng_script", "Größe", ""):
        net = Network.from_edges([("A", "0")], inputs=["A"], title=title)
        assert reread(net).edges == net.edges
    assert not Path("proof").exists()


def test_grid_written_and_simulated():
    net = grid(4, 4, inputs=["n0_0"], outputs=["n1_1"], fixed_sources=[Source("Vg", "voltage", "n3_3", "0", 0.0)])
    with NgspiceCircuit(net) as one, NgspiceCircuit(reread(net)) as two:
        drive = Drive([[1.0]])
        assert np.allclose(one.measure(drive).output_voltages, two.measure(drive).output_voltages, rtol=1e-13)
