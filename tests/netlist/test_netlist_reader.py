"""What a netlist means: what ngspice makes of it, checked against numbers worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from netlist_text import divider, load, resistances

from hwlearn import Drive, ExactCircuit, Network, NgspiceCircuit, Source
from hwlearn.errors import HwlearnWarning, ModelError, NetlistError


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


SUBCIRCUITS = """* An EDA tool's export
.param rv=1k n=2
.global VDD
.SUBCKT Half in out params: f=1
RA in mid {rv*f}
.subckt leaf x y
R1 x y r='rv/n'
.ends leaf
X9 mid out leaf
.ends
xTop VDD Tap Half f = 3
Xlow Tap 0 Half
Vs vdd 0 5
.func twice(x) {x*2}
RB Tap
* a comment between
+ 0
+ {twice(rv)} $ ends here
.end
"""


def test_subcircuits_parameters_and_continuation_lines():
    net = load(SUBCIRCUITS, inputs=["VS"], outputs=["TAP"], trainable=["rb"])
    assert resistances(net) == pytest.approx(
        {"r.xtop.ra": 3e3, "r.xtop.r.x9.r1": 500, "r.xlow.ra": 1e3, "r.xlow.r.x9.r1": 500, "RB": 2e3}
    )
    assert [edge[:2] for edge in net.edges][:2] == [("VDD", "xtop.mid"), ("xtop.mid", "Tap")]
    assert net.outputs[0].name == "Tap"
    assert net.trainable.tolist() == [name == "RB" for name in net.edge_names]
    low = 1 / (1 / 1500 + 1 / 2000)
    with ExactCircuit(net) as circuit:
        assert circuit.measure(Drive([[5.0]])).output_voltages == pytest.approx(5 * low / (3500 + low))


@pytest.mark.parametrize(
    ("card", "ohms"),
    [
        ("R3 b 0 4.7k", 4.7e3),
        ("r3 B gnd 2MEG", 2e6),
        ("R3 b 0 1e3 ; comment", 1e3),
        ("R3 b 0 r = {3*2}", 6.0),
        ("R3 b 0 1k m=4", 250.0),
        ("R3 b 0 1k tc1=0.01 temp=37", 1.1e3),
        ("R3 b 0 1k tc1=0.01\n.temp {25+27}", 1.25e3),
        ("R3 b 0 1k tc1=0.01\n.options temp=47 tnom=37", 1.1e3),
        ("R3 b 0 rm 2k\n.model rm r(tc1=0.01)\n.temp 37", 2.2e3),
        ("R3 b 0 rm l=10u w=1u\n.model rm r(rsh=7)", 70.0),
        ("R3 b 0 1k ac=5k", 1e3),
        (".if (0)\nR3 b 0 1k\n.else\nR3 b 0 3k\n.endif", 3e3),
    ],
)
def test_values_are_what_ngspice_makes_of_them(card, ohms):
    values = resistances(divider(card))
    assert values[next(name for name in values if name.lower() == "r3")] == pytest.approx(ohms, rel=4e-15)


@pytest.mark.parametrize(
    ("card", "source"),
    [
        ("V3 c 0 dc 2.5 ac 1", Source("V3", "voltage", "c", "0", 2.5)),
        ("V3 c 0 ac 1", Source("V3", "voltage", "c", "0", 0.0)),
        ("V3 c 0 sin(0 1 1k) dc 3", Source("V3", "voltage", "c", "0", 3.0)),
        ("V3 c 0 2 dc 3", Source("V3", "voltage", "c", "0", 2.0)),
        ("v3 C 0 {2*3}", Source("v3", "voltage", "C", "0", 6.0)),
        ("I3 0 c 1m", Source("I3", "current", "c", "0", 1e-3)),  # from ground through the source into c
        ("I3 c 0 2u", Source("I3", "current", "0", "c", 2e-6)),
    ],
)
def test_sources(card, source):
    net = divider(f"{card}\nR3 c 0 1k")
    found = net.fixed_sources[1]
    assert (found.name, found.kind, found.plus, found.minus) == (source.name, source.kind, source.plus, source.minus)
    assert found.value == pytest.approx(source.value, rel=1e-15, abs=0)


def test_current_source_lifts_its_second_node():
    net = load("t\nI1 0 a 1m\nR1 a 0 1k", inputs=["i1"], outputs=["a"])
    for backend in (ExactCircuit, NgspiceCircuit):
        with backend(net) as circuit:
            assert circuit.measure(Drive([[1e-3]])).output_voltages == pytest.approx(1.0)


def test_inputs_are_sources_or_nodes():
    net = load(
        "t\nVA In 0 3\nR1 IN b 1k\nR2 b C 1k\nR3 c 0 1k", inputs=["va", "I(B)", "b,c", Source("VX", "voltage", "c", "0")]
    )
    assert net.inputs == (
        Source("VA", "voltage", "In", "0", 3.0),
        Source("I_B", "current", "b", "0"),
        Source("V_b_c", "voltage", "b", "C"),
        Source("VX", "voltage", "C", "0"),
    )
    assert net.fixed_sources == ()


@pytest.mark.parametrize(
    ("wave", "at_zero"),
    [
        ("pulse(1 2 0 1n 1n)", 1.0),
        ("PULSE 0.25 2 1u 1n", 0.25),
        ("pulse(1 2 -1u 1n 1n 10u 20u)", 2.0),
        ("pulse(1 2 -0.5n 1n 1n 10u 20u)", 1.5),
        ("sin(0.5 1 1k 0 0 30)", 1.0),
        ("SINE(0.5 1 1k 0 0 30)", 1.0),  # as LTspice writes it
        ("ac 1 sin(0.2 1 1k)", 0.2),
        ("pwl(-1 0 1 4)", 2.0),
        ("pwl(1 3 2 5)", 3.0),
        ("exp(0.3 2 0 1)", 0.3),
        ("distof1 1", 0.0),
        ("dc 0.7 pulse(1 2 0 1n 1n)", 0.7),
    ],
)
def test_a_waveform_is_its_value_at_zero_on_both_backends(wave, at_zero):
    """That of `ngspice -b` with .op, and by hand; a netlist that is written has it as DC."""
    net = load(
        f"t\nV1 a 0 2\nV2 b 0 {wave}\nI1 0 c {wave}\nR1 a b 1k\nR2 b m 1k\nR3 m 0 1k\nR4 c 0 1",
        inputs=["V1"],
        outputs=["m", "c"],
    )
    for backend in (ExactCircuit, NgspiceCircuit):
        with backend(net) as circuit:
            assert circuit.measure(Drive([[2.0]])).output_voltages[0] == pytest.approx([at_zero / 2, at_zero], rel=1e-12)


def test_what_has_no_value_at_zero_is_opaque_unless_it_is_an_input():
    text = "t\nV1 a 0 trnoise(0.1 1n 0 0)\nI2 0 a external\nR1 a 0 1k"
    assert [element.name for element in load(text, inputs=["I2"]).elements] == ["V1"]
    with pytest.raises(NetlistError, match=r"n\.cir:3: nothing feeds the external source I2: make it an input"):
        load(text)
    net = load(text, inputs=["V1", "I2"])
    assert not net.elements
    assert net.input_names == ("V1", "I2")


def test_zero_ohms_is_a_wire_on_both_backends():
    net = divider("RJ b c 0\nRJ2 C b {1-1}\nR3 c 0 1k\nRJ3 c c 0R", inputs=["V1"], outputs=["c"])
    assert net.fixed_sources == (Source("RJ", "voltage", "b", "c", 0.0),)
    assert "RJ" not in net.edge_names
    for backend in (ExactCircuit, NgspiceCircuit):
        with backend(net) as circuit:
            assert circuit.measure(Drive([[3.0]])).output_voltages == pytest.approx(1.0, rel=1e-14)


NONLINEAR = """* diode and friends
V1 a 0 1
R1 a B 1k
.subckt clamp p
D1 p 0 dm
.model dm d(is=1e-14)
.ends
Xo b outer
.subckt outer q
Xc q clamp
.ends
R2 B 0 r={1k*(1+v(a))}
C1 b 0 1n
E1 e 0 a B 2
Re e 0 1k
Q1 b e 0 qn
.model qn npn
"""


def test_what_is_not_linear_keeps_its_card_and_its_line():
    net = load(NONLINEAR, inputs=["V1"], outputs=["B"])
    found = {element.name: (element.nodes, element.where) for element in net.elements}
    assert found == {
        "d.xo.xc.d1": (("B", "0"), "n.cir:5"),
        "br2": (("B", "0"), "n.cir:12"),
        "C1": (("B", "0"), "n.cir:13"),
        "E1": (("e", "0", "a", "B"), "n.cir:14"),
        "Q1": (("B", "e", "0"), "n.cir:16"),
    }
    assert sum(line.startswith(".model") for line in net.directives) == 2
    with pytest.raises(ModelError, match=r"n\.cir:5"):
        ExactCircuit(net)


def test_a_diode_runs_in_ngspice():
    net = load("t\nV1 a 0 1\nR1 a b 1k\nD1 b 0 dm\n.model dm d(is=1e-14 n=1)", inputs=["V1"], outputs=["b"])
    with NgspiceCircuit(net) as circuit:
        v = circuit.measure(Drive([[1.0]])).output_voltages[0, 0]
    assert (1 - v) / 1e3 == pytest.approx(1e-14 * np.expm1(v / 0.025864186), rel=1e-3)


KICAD = """.title KiCad schematic
.save all
.probe alli
V1 /in 0 DC 1
R1 /in /out 1k
R2 Net-_R2-Pad1_ /out 1k
R3 Net-_R2-Pad1_ GND 1k
R4 unconnected-(R4-Pad2) 0 1k
.tran 1u 1m
.end
"""


def test_kicad_export():
    net = load(KICAD, inputs=["V1"], outputs=["/OUT", "net-_r2-pad1_"])
    assert net.title == "KiCad schematic"
    assert net.output_names == ("/out", "Net-_R2-Pad1_")
    assert "unconnected-(R4-Pad2)" in net.nodes
    for backend in (ExactCircuit, NgspiceCircuit):
        with backend(net) as circuit:
            assert circuit.measure(Drive([[3.0]])).output_voltages[0] == pytest.approx([2.0, 1.0])


def test_ltspice_export():
    net = load("* C:\\Users\\me\\x.asc\nV1 N001 0 1\nR1 N001 OUT 1k\nR2 OUT 0 3K\n.op\n.backanno\n.end\n", outputs=["out"])
    assert resistances(net) == pytest.approx({"R1": 1e3, "R2": 3e3})
    assert net.outputs[0].plus == "OUT"


def test_windows_line_ends_and_byte_order_mark():
    Path("n.cir").write_bytes(b"\xef\xbb\xbf* t\r\nR1 a 0\r\n+ 1k\r\nV1 a 0 1\r\n")
    assert resistances(Network.from_netlist("n.cir")) == pytest.approx({"R1": 1e3})


def test_comments_may_hold_any_character():
    net = load("Brücke µ\n* Ω\nV1 a 0 1 ; größer\nR1 a 0 1k // µ\n; é\n")
    assert (net.title, net.edge_names) == ("Brücke µ", ("R1",))


def test_title_falls_back_to_the_file_name():
    assert load("*\nR1 a 0 1k\nV1 a 0 1").title == "n"


def test_20_000_lines():
    ladder = "\n".join(f"R{k} n{k} n{k + 1} {k + 1}" for k in range(19_990))
    net = load(f"ladder\nV1 n0 0 1\n{ladder}\nRend n19990 0 1\n", inputs=["V1"], outputs=["n5"])
    assert len(net.edges) == 19_991
    assert np.allclose(1 / net.conductances[:-1], np.arange(1, 19_991), rtol=1e-14)


@pytest.mark.parametrize(
    ("first", "lost"),
    [("R0 a b 5", True), ("rx b a {1+1}", True), ("X7 a b sub", True), (".param x=1", True),
     ("Ratio test of 3 resistors", False), ("Lab on day 2", False),
     ("* R0 a b 5", False), (".title R0 a b 5", False), ("", False)],
)  # fmt: skip
def test_a_first_line_that_looks_like_a_card_is_lost_and_said_so(first, lost, recwarn):
    net = load(f"{first}\nV1 a 0 1\nR1 a b 1k\nR2 b 0 1k")
    assert net.edge_names == ("R1", "R2")
    said = [str(warning.message) for warning in recwarn if warning.category is HwlearnWarning]
    assert [text.startswith("n.cir:1: the first line of a netlist is its title") for text in said] == [True] * lost


@pytest.mark.parametrize(
    ("card", "ohms", "said"),
    [
        ("R3 b 0 1M", 1e-3, "ngspice reads 1M as 1 milli; write 1Meg if mega is meant"),
        ("R3 b 0 {x}\n.param x=2.5M", 2.5e-3, "n.cir:6: ngspice reads 2.5M as 2.5 milli"),
        ("R3 b 0 1,5", 5.0, "ngspice reads 1,5 as 5: a comma separates; write 1.5"),
        ("R3 b 0 1.000,5", 5.0, "ngspice reads 1.000,5 as 5: a comma separates; write 1000.5"),
        ("R3 b 0 1k 2k", 2e3, "ngspice reads 1k 2k as 2k; delete one of the two"),
        ("R3 b 0 {1k} 2k", 2e3, "ngspice reads {1k} 2k as 2k; delete one of the two"),
        ("R3 b 0 1k5", 1e3, "ngspice reads 1k5 as 1k; write 1.5k"),
        ("R3 b 0 4R7", 4.0, "ngspice reads 4R7 as 4; write 4.7"),
        ("R3 b 0 1k\n.option rshunt=1e9", 1e3, "n.cir:6: option rshunt"),
        ("R3 b 0 1k\n.frobnicate x", 1e3, "n.cir:6: .frobnicate is not understood and left out"),
    ],
)
def test_surprises_are_warned_of(card, ohms, said):
    with pytest.warns(HwlearnWarning) as caught:
        net = divider(card)
    assert resistances(net)["R3"] == pytest.approx(ohms)
    assert said in str(caught[0].message)


def test_many_warnings_of_one_kind_are_summed_up():
    many = "\n".join(f"RM{k} b 0 1M" for k in range(20))
    with pytest.warns(HwlearnWarning) as caught:
        divider(many)
    assert len(caught) == 6
    assert "15 more lines" in str(caught[-1].message)


@pytest.mark.parametrize("value", ["1Meg", "1MEG", "50mil", "1m", "1k"])
def test_no_warning_without_a_surprise(value):
    divider(f"RM1M b 0 {value}")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"outputs": ["vot"]}, "output 'vot': the netlist has no node 'vot'; did you mean 'Vout'?"),
        ({"inputs": ["V2"]}, "input 'V2': the netlist has no source or node 'V2'; did you mean 'V1'?"),
        ({"inputs": ["R1"]}, "n.cir:3: input 'R1' is neither an independent source nor a node"),
        ({"trainable": ["Q*"]}, "trainable pattern 'Q\\*' fits no edge"),
        ({"trainable": ["RJ"]}, "n.cir:5: RJ is a 0 Ω jumper and cannot be trained"),
        ({"outputs": ["a"]}, "output 'a' is tied to an input"),
        ({"inputs": ["a"]}, "n.cir:2: voltage sources in a loop: V_a, V1"),
        ({"bounds": (1e-6, 1e-4)}, "n.cir:3: R1 is 0.001 S, outside its bounds"),
    ],
)
def test_what_is_asked_for_must_exist(options, said):
    with pytest.raises(NetlistError, match="n.cir.*" + said.removeprefix("n.cir").replace("(", "\\(").replace("?", "\\?")):
        load("t\nV1 a 0 1\nR1 a Vout 1k\nR2 Vout j 1k\nRJ j 0 0", **options)
