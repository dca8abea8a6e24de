"""Bad netlists: refused with file and line, and the next netlist loads as if nothing had happened."""

from pathlib import Path

import pytest
from netlist_text import divider, load, refusal

from hwlearn import Network
from hwlearn.errors import NetlistError
from hwlearn.spice.session import session


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("R1 b 0 2k", "element R1 is given twice; first at n.cir:4"),
        ("r1 b 0 2k", "element r1 is given twice; first at n.cir:4"),
        ("R3 b 0", "R3 has no value"),
        ("R3 b 0 tc1=0.1", "R3 has no value"),
        ("R3 b", "R3 needs two nodes"),
        ("V3", "V3 needs two nodes"),
        ("R3 b 0 -5", "the resistance of R3 is negative"),
        ("R3 b 0 {0-5}", "the resistance of R3 is negative"),
        ("R3 b 0 1e400", "the resistance of R3 is infinite"),
        ("R3 b 0 1k m=0", "the resistance of R3 is infinite"),
        ("R3 b 0 nan", "unknown parameter (nan)"),
        ("R3 b 0 inf", "unknown parameter (inf)"),
        ("V3 c 0 1e400", "the value of V3 is inf"),
        ("R3 b 0 {foo}", "Undefined parameter [foo]"),
        ("R3 a=b 0 1k", "node 'a=b' of R3"),
        ("R3 a{x} 0 1k", "node 'a{x}' of R3"),
        ("R3 'a b' 0 1k", "rename the node"),
        ("R3 a,b 0 1k", "node 'a,b' of R3"),
        ("R3 b 0 {1k", "'{' is never closed"),
        ("R3 b 0 1k}", "'}' closes nothing"),
        ("B3 b 0 i=v(a", "'(' is never closed"),  # ngspice 39 dies of it
        ("E3 b 0 vol='v(a'", "is never closed"),
        ("R3 b 0 1k foo=2", "unknown parameter (foo)"),
        ("R3 b 0 1µ", "write u instead"),
        ("Rµ b 0 1k", "write u instead"),
        ("D3 b 0 nomodel", "nomodel"),
        ("X3 b 0 nosub", "unknown subckt"),
        ("Z3 b 0 1k", "model"),
        ("foo b 0 1k", "ngspice cannot read this"),
        (".subckt s a", ".subckt s has no .ends"),
        (".ends", ".ends without .subckt"),
        (".temp 40 50", "ngspice would ignore this: write .temp and one number"),
        (".temp 40C", "ngspice would ignore this: write .temp and one number"),
        (".temp", "ngspice would ignore this: write .temp and one number"),
        (".include", ".include without a file name"),
        (".include gone.inc", ".include gone.inc: no such file"),
        (".lib standard.dio", ".lib standard.dio: no such file"),  # LTspice
        ("R3 x y 1k", "island without a source or ground: x, y"),
        ("I3 0 x 1m", "island without a source or ground: x"),
        ("X1 a s\n.subckt s p q\nRs p q 1\n.ends", "X1 gives 1 nodes to subcircuit s, which has 2"),
        ("X1 a b 0 s\n.subckt s p q f=1\nRs p q 1\n.ends", "X1 gives 3 nodes to subcircuit s, which has 2"),
        (".model foo", ".model needs a name and a type"),  # ngspice 39 dies of these five
        (".model foo= d(is=1)", ".model needs a name and a type"),
        (".nodeset v()=1", "write v(node)=value"),
        (".ic vb=1", "write v(node)=value"),
        ("R3 b temper 1k", "node 'temper' of R3"),
        ("1 b 0 1k", "no element begins with '1'"),
        ("RJ a 0 0", "voltage sources in a loop"),
    ],
)
def test_bad_line(line, said):
    if said.startswith("voltage sources"):
        with pytest.raises(NetlistError, match=r"n\.cir:3: voltage sources in a loop: V1, RJ"):
            divider(line)
    else:
        assert said in refusal(line)
    assert len(divider("R3 b 0 1k").edges) == 3


def test_two_voltage_sources_in_a_loop():
    with pytest.raises(NetlistError, match=r"n\.cir:3: voltage sources in a loop: V1, V2"):
        divider("V2 a 0 2")


def test_an_error_inside_a_subcircuit_names_the_line_of_the_definition():
    for value in ("1k foo=1", "{foo}", "{0-1}"):
        with pytest.raises(NetlistError) as caught:
            load(f"t\nV1 a 0 1\nX1 a s\n.subckt s p\nR1 p 0 {value}\n.ends\n")
        assert caught.value.line == 5


@pytest.mark.parametrize("text", ["", "title only", "t\n* R1 a 0 1k\n.end", "t\n.op\n", "\n\n"])
def test_empty_netlist(text):
    with pytest.raises(NetlistError, match=r"n\.cir: holds no element"):
        load(text)


@pytest.mark.parametrize(
    ("raw", "line", "said"),
    [
        ("t\nR1 a 0 1k\n".encode("utf-16"), 1, "save it as UTF-8"),
        (b"t\nR1 a 0 1k\0\n", 2, "NUL"),
    ],
)
def test_not_utf8(raw, line, said):
    Path("n.cir").write_bytes(raw)
    with pytest.raises(NetlistError, match=said) as caught:
        Network.from_netlist("n.cir")
    assert (caught.value.file, caught.value.line) == ("n.cir", line)


def test_missing_netlist():
    with pytest.raises(NetlistError, match=r"gone\.cir: cannot be read: No such file"):
        Network.from_netlist("gone.cir")


def test_error_in_an_included_file_names_that_file():
    Path("sub").mkdir()
    Path("sub/part.inc").write_text("* part\nR9 b 0 -1\n")
    with pytest.raises(NetlistError) as caught:
        divider(".include sub/part.inc")
    assert (Path(caught.value.file), caught.value.line) == (Path("sub/part.inc"), 2)


def test_a_netlist_that_ngspice_gives_up_on_harms_nothing():
    refusal("R3 b 0 {foo}")
    assert "R3" in divider("R3 b 0 1k").edge_names


def test_nothing_stays_loaded():
    divider("R3 b 0 1k")
    before = len(session().decks)
    for line in ("R3 b 0 1k", "R3 b 0 nan", "R3 b 0 -1"):
        refusal(line) if "1k" not in line else divider(line)
    assert len(session().decks) == before


def test_a_subcircuit_that_calls_itself():
    with pytest.raises(NetlistError, match=r"n\.cir:5: X1 calls a subcircuit from inside itself"):
        load("t\nV1 a 0 1\nX1 a s\n.subckt s p\nX1 p s\nR1 p 0 1\n.ends\n")
    with pytest.raises(NetlistError, match=r"n\.cir:8: X1 calls a subcircuit from inside itself"):
        load("t\nV1 a 0 1\nX1 a s\n.subckt s p\nX1 p q\n.ends\n.subckt q p\nX1 p s\nR1 p 0 1\n.ends\n")


def test_subcircuits_that_multiply_without_end():
    levels = "".join(f".subckt s{k} p\n" + "".join(f"X{j} p s{k + 1}\n" for j in range(10)) + ".ends\n" for k in range(8))
    with pytest.raises(NetlistError, match="more than 5000000 elements with all subcircuits expanded"):
        load(f"t\nV1 a 0 1\nX1 a s0\n{levels}.subckt s8 p\nR1 p 0 1\n.ends\n")


def test_a_subcircuit_of_many_ports_is_told_in_one_line():
    ports = " ".join(f"p{k}" for k in range(300))
    with pytest.raises(NetlistError, match="add a card 'X1 p0 p1 p2") as refused:
        load(f"t\n.subckt wide {ports}\nR1 p0 p1 1k\n.ends\n")
    assert len(str(refused.value)) < 300
