"""What the expansion of a netlist loses is found before it is a wrong number; what is written reads back as it was."""

import gzip
import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from netlist_text import load

from hwlearn import Drive, Network, NgspiceCircuit
from hwlearn.errors import HwlearnWarning, NetlistError
from hwlearn.netlist.expanded import expand
from hwlearn.netlist.faithful import compared
from hwlearn.spice.apart import EndlessError, apart, end

ROOT = Path(__file__).parents[2]
SHARED = next((folder for above in ROOT.parents if (folder := above / "shared" / "data").is_dir()), None)
FOLDERS = [ROOT / "netlists", ROOT / "tests" / "data", *([SHARED] if SHARED else [])]
FOUND = [path for at in FOLDERS for end in ("*.cir", "*.sp", "*.sp.gz") for path in sorted(at.rglob(end))]
ALONE = [*{path.read_bytes(): path for path in reversed(FOUND)}.values()]
"""Each text once: shared/data and tests/data have much in common."""

NO_SHARED = pytest.param(None, marks=pytest.mark.skip(reason="no folder shared/data beside this checkout"))
REFUSED = {"only-a-subcircuit": "holds no element outside of its subcircuits"}


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


LOST = """* a parameter of a model, one of an element inside a subcircuit, and a load
.subckt pair a b
D1 a b dm area=3
.ends
.model dm d(is=2e-14 n=1.2)
V1 a 0 1
R1 a b 1k
X1 b 0 pair
L1 b c 1m
R2 c 0 {1k*unif(1, 0.5)}
.end
"""


@pytest.mark.parametrize(
    ("text", "lost", "says"),
    [
        ("is=2.0", "is=2.1", r"n\.cir:5: model dm has is = 2e-14 in this netlist, but 2\.1e-14 in what ngspice lists of it"),
        ("n=1.2", "", r"n\.cir:5: model dm has n = 1\.2 in this netlist, but 0 in what"),
        ("area=3", "area=2", r"n\.cir:3: d\.x1\.d1 has area = 3 in this netlist, but 2 in what"),
        ("area=3", "", r"n\.cir:3: d\.x1\.d1 has area = 3 in this netlist, but 0 in what"),
        ("l1 b c 1m", "l1 b c 2m", r"n\.cir:9: L1 has inductance = 0\.001 in this netlist, but 0\.002 in what"),
    ],
)
def test_what_ngspice_has_is_compared_with_what_is_kept(monkeypatch, text, lost, says):
    """Also beside what is drawn at random, where voltages cannot be compared; and with no current, as of the inductance."""

    def expanded(*args):
        found = expand(*args)
        text_of = "\n".join((*(card.text for card in found.cards), *found.directives))
        pattern = re.compile(re.escape(text).replace("2\\.0", r"2(?:\.0+)?") + r"(?=[^.\w]|e|\Z)")
        assert pattern.search(text_of), text_of
        cards = tuple(replace(card, text=pattern.sub(lost, card.text)) for card in found.cards)
        return replace(found, cards=cards, directives=tuple(pattern.sub(lost, line) for line in found.directives))

    monkeypatch.setattr("hwlearn.netlist.reader.expand", expanded)
    with pytest.raises(NetlistError, match=says):
        load(LOST)


def test_what_is_drawn_at_random_is_kept_as_it_was_drawn_first():
    network = load(LOST.replace("is=2e-14", "is={2e-14*unif(1, 0.5)}"))
    directive = next(line for line in network.directives if line.startswith(".model"))
    assert 1e-14 <= float(re.search(r"is=\s*(\S+?)[\s)]", directive)[1]) <= 3e-14


def test_a_loss_beside_rshunt_is_found(monkeypatch):
    monkeypatch.setattr("hwlearn.netlist.reader.with_temperature", lambda source: source)  # as it was once
    monkeypatch.setattr("hwlearn.netlist.reader.check_parameters", lambda *args: None)
    text = (ROOT / "tests" / "data" / "netlists" / "temper-model.cir").read_text()
    title, _, rest = text.partition("\n")
    with pytest.warns(HwlearnWarning, match="rshunt"), pytest.raises(NetlistError, match=r"node b is at 1\.22324 V"):
        load(f"{title}\n.options rshunt=1e12\n{rest}")


def test_two_decks_are_told_apart_by_their_largest_difference():
    deck = ["t", "v1 a 0 1", "r1 a b 1k", "r2 b c 1k", "r3 c 0 {}", ".end"]
    one, two = ([line.format(value) for line in deck] for value in ("1k", "1.001k"))
    unlike = compared(one, two, ["a", "b", "c"], "")
    assert unlike is not None
    assert (unlike.node, unlike.written, unlike.kept) == ("c", pytest.approx(1 / 3), pytest.approx(1.001 / 3.001))
    assert compared(one, one, ["a", "b", "c", "nowhere"], "") is None


@pytest.mark.parametrize("path", [*ALONE, *([] if SHARED else [NO_SHARED])], ids=lambda path: str(path)[-50:])
def test_every_netlist_is_read_back_as_it_was_written(path):
    if path.suffix == ".gz":
        Path(path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        path = Path(path.stem)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HwlearnWarning)
        if path.stem in REFUSED:
            with pytest.raises(NetlistError, match=REFUSED[path.stem]):
                Network.from_netlist(path, control="ignore")
            return
        network = Network.from_netlist(path, control="ignore")
        network.to_netlist("again.cir")
        again = Network.from_netlist("again.cir")
    assert set(again.nodes) == set(network.nodes)
    assert dict(zip(again.edge_names, again.edges, strict=True)) == dict(zip(network.edge_names, network.edges, strict=True))
    assert again.conductances == pytest.approx(network.conductances, rel=1e-15)
    sources = [{source.name: source for source in one.sources} for one in (again, network)]
    ends = [{name: replace(source, value=0.0) for name, source in one.items()} for one in sources]
    assert ends[0] == ends[1]
    values = [{name: source.value for name, source in one.items()} for one in sources]
    assert values[0] == pytest.approx(values[1], rel=1e-15, abs=0)
    assert [(element.name, element.nodes) for element in again.elements] == [(e.name, e.nodes) for e in network.elements]
    assert again.devices == network.devices
    volts = []
    for one in (network, again):
        with NgspiceCircuit(one, processes=1) as circuit:
            measured = circuit.measure(Drive(np.zeros((1, 0)))).node_voltages[0]
        volts.append(dict(zip(one.nodes, measured.tolist(), strict=True)))
    assert volts[1] == pytest.approx(volts[0], rel=1e-9, abs=1e-12)
