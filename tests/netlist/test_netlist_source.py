"""Includes are flattened before ngspice sees the netlist, and never leave its folder unasked."""

from pathlib import Path

import pytest
from netlist_text import divider, refusal, resistances

from hwlearn.errors import NetlistError
from hwlearn.netlist.source import read_source


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    monkeypatch.chdir(tmp_path / "own")


def write(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


@pytest.mark.parametrize(
    ("card", "name"),
    [
        (".include {}", "Part.inc"),
        ('.INC "{}"', "sub dir/Part.inc"),
        (".incl '{}' ; comment", "sub dir/Part.inc"),
        (".lib {}", "Part.dio"),  # LTspice
    ],
)
def test_include(card, name):
    write(name, "R3 b 0\n+ 3k")
    assert resistances(divider(card.format(name)))["R3"] == pytest.approx(3e3)


def test_includes_are_relative_to_the_including_file():
    write("lib/one.inc", ".include two.inc\n")
    write("lib/two.inc", "R3 b 0 3k\n.end\nR4 b 0 4k\n")
    assert set(resistances(divider(".include lib/one.inc"))) == {"R1", "R2", "R3", "R4"}


LIBRARY = """* corners
.lib tt
.param rv=1k
.endl tt
.lib 'ff'
.param rv=2k
.lib corners.lib parts
.endl
.lib parts
R3 b 0 {rv}
.endl
R9 outside 0 1k
"""


def test_lib_takes_one_section_and_what_it_asks_for():
    write("corners.lib", LIBRARY)
    assert resistances(divider(".lib 'corners.lib' FF")) == pytest.approx({"R1": 1e3, "R2": 1e3, "R3": 2e3})
    with pytest.raises(NetlistError, match=r"corners.lib: has no section \.lib ss"):
        divider(".lib corners.lib ss")


def test_places_survive_flattening():
    write("part.inc", "* x\n\nR3 b 0\n+ 3k\n")
    Path("n.cir").write_text("t\nV1 a 0 1\n.include part.inc\nR1 a\n* y\n+ b 1k ; z\n.tran 1 2\n.end\n")
    lines = read_source("n.cir").lines
    assert [(line.file, line.number, line.text.split()) for line in lines] == [
        ("n.cir", 2, ["V1", "a", "0", "1"]),
        ("part.inc", 3, ["R3", "b", "0", "3k"]),
        ("n.cir", 4, ["R1", "a", "b", "1k"]),
    ]


def test_cycle():
    write("one.inc", "* 1\n.include two.inc\n")
    write("two.inc", ".include one.inc\n")
    with pytest.raises(NetlistError, match=r"two\.inc:1: .*includes itself"):
        divider(".include one.inc")
    assert "includes itself" in refusal(".include n.cir")


@pytest.mark.parametrize("card", [".include ../out.inc", ".lib ../out.inc tt", ".include link.inc", ".include {absolute}"])
def test_files_outside_the_folder_need_trust(card):
    write("../out.inc", ".lib tt\nR4 b 0 4k\n.endl\nR3 b 0 3k\n")
    Path("link.inc").symlink_to("../out.inc")
    card = card.format(absolute=Path("../out.inc").resolve())
    assert "--trust-netlist" in refusal(card)
    assert len(divider(card, trust=True).edges) == 3


def test_no_card_of_the_deck_reads_a_file():
    write("a.inc", ".include b.inc\n.lib c.lib tt\n")
    write("b.inc", "R3 b 0 1k\n")
    write("c.lib", ".lib tt\nR4 b 0 1k\n.endl\n")
    Path("n.cir").write_text("t\n.include a.inc\n")
    assert read_source("n.cir").deck == ["netlist", "R3 b 0 1k", "R4 b 0 1k", ".end"]
