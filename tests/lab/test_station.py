"""Station files: read, refused with file and key, checked against a network, hashed."""

import datetime
import warnings
from pathlib import Path

import numpy as np
import pytest

from hwlearn import Network
from hwlearn.errors import HwlearnWarning, StationError
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.rules import runnable_rules
from hwlearn.lab.instruments.roles import Wired
from hwlearn.lab.station import load_station
from hwlearn.learning.rules import RULES
from hwlearn.network import Source

ROOT = Path(__file__).parents[2]

TEXT = """
schema = 1
name = "kite"
[defaults]
backend = "virtual"
[instrument.daq]
driver = "keysight_daq970a"
[instrument.dac]
driver = "scpi_dac"
[instrument.smu]
driver = "keithley_2450"
[instrument.pots]
driver = "scpi_resistors"
[input.V_A]
drive = "dac:1"
[source.VREF]
drive = "ground"
[output.T]
nudge = "smu:1"
[node.A]
read = "daq:101"
[node.T]
read = "daq:102"
[edge.R1]
set = "pots:0"
table = "pot"
series_ohm = 1000
[edge.R2]
set = "pots:1"
table = "pot"
series_ohm = 1000
[edge.R3]
fixed_ohm = 4700
[table.pot]
full_scale_ohm = 10e3
wiper_ohm = 70
i_max = 5e-3
[limits]
v_node_max = 1.5
v_compliance = 1.2
p_edge_max = 0.02
[measure]
repeats = 4
[safe]
order = ["smu", "dac", "pots"]
"""
NODE_T = '[node.T]\nread = "daq:102"\n'
POT = "full_scale_ohm = 10e3\nwiper_ohm = 70\n"
EDGE_R3 = "[edge.R3]\nfixed_ohm = 4700\n"


@pytest.fixture
def network():
    """A to T to B in parallel with A to B; B is wired to ground by VREF."""
    return Network.from_edges(
        [("A", "T"), ("T", "B"), ("A", "B")],
        2e-4,
        inputs=["A"],
        outputs=["T"],
        fixed_sources=[Source("VREF", "voltage", "B", "0", 0.0)],
        title="kite",
    )


@pytest.fixture
def station(tmp_path):
    """Load TEXT with some of it replaced."""

    def make(*changes):
        text = TEXT
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path = tmp_path / "kite.toml"
        path.write_text(text, encoding="utf-8")
        return load_station(path)

    return make


def refused(call, *parts):
    with pytest.raises(StationError) as caught:
        call()
    missing = [part for part in ("kite.toml", *parts) if part not in str(caught.value)]
    assert not missing, f"{missing} not in: {caught.value}"


OF_OTHERS = {"adapters", "labjack"}
"""Shipped stations that name code."""


@pytest.mark.parametrize("path", sorted((ROOT / "stations").glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_station_loads(path):
    assert load_station(path, trust=path.stem in OF_OTHERS).settings.name


def test_the_shipped_station_fits_its_netlist():
    network = load_experiment(ROOT / "netlists" / "allostery-bench.toml").network
    station = load_station(ROOT / "stations" / "allostery.toml")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        station.validate(network)
    assert set(station.tables) == set(network.edge_names)
    assert set(station.settings.node) == set(network.nodes) - {"0", "n11"}
    for name, lower, upper in zip(network.edge_names, network.lower, network.upper, strict=True):
        low, high = station.tables[name].bounds
        assert low <= lower < 1e-4 < upper <= high


def test_what_is_wired(network, station):
    loaded = station()
    loaded.validate(network)
    assert loaded.wired() == {
        "daq": Wired(read=("101", "102")),
        "dac": Wired(drive=("1",)),
        "smu": Wired(nudge=("1",)),
        "pots": Wired(set=("0", "1")),
    }
    assert runnable_rules(loaded, network) == list(RULES)
    assert set(loaded.tables) == {"R1", "R2"}


def test_rules_follow_the_nudges(network, station):
    series = station(('nudge = "smu:1"', 'nudge = { drive = "dac:5", read = "daq:120", series_ohm = 1e4 }'))
    series.validate(network)
    assert runnable_rules(series, network) == list(RULES)
    assert series.wired()["dac"].drive == ("1", "5")
    assert station(('[output.T]\nnudge = "smu:1"\n', "")).imposable(network) == frozenset()


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("schema = 1", "schema = 2", ["schema"]),
        ("schema = 1\n", "", ["schema is missing"]),
        ("schema = 1", 'schema = "a\\u0000b"', ["kite.toml: 'schema' holds a NUL character"]),
        ("schema = 1", "schema =", ["line 2"]),
        ("[limits]\nv_node_max = 1.5\n", "[limits]\n", ["limits.v_node_max is missing"]),
        ("repeats = 4", "repeat = 4", ["unknown key measure.repeat", "did you mean 'repeats'"]),
        ("repeats = 4", 'repeats = "4"', ["measure.repeats"]),
        ("repeats = 4", "repeats = 2.5", ["measure.repeats"]),
        ("repeats = 4", "range_v = nan", ["measure.range_v"]),
        ("repeats = 4", 'order = "BA"', ["measure.order"]),
        ("[measure]", "[mesure]", ["unknown key mesure", "did you mean 'measure'"]),
        ('read = "daq:101"', 'red = "daq:101"', ["node.A.red", "did you mean 'read'"]),
        ('read = "daq:101"', 'read = "daq101"', ["node.A.read", "daq101", "instrument:channel"]),
        ('set = "pots:1"', 'set = "pots:1000000"', ["edge.R2.set", "pots:1000000", "0, 1, 2, … 99999"]),
        ('read = "daq:101"', 'read = "dak:101"', ["node.A.read", "no instrument 'dak'", "did you mean 'daq'"]),
        ('nudge = "smu:1"', 'nudge = "smu1"', ["output.T.nudge", "smu1"]),
        ('read = "daq:101"', 'read = "dac:9"', ["node.A.read", "dac:9", "no Scanner"]),
        ('drive = "dac:1"', 'drive = "daq:1"', ["input.V_A.drive", "daq:1", "no Source"]),
        ('nudge = "smu:1"', 'nudge = "smu:2"', ["output.T.nudge", "smu:2", "has no channel '2', only 1", "add another one"]),
        ('nudge = "smu:1"', 'nudge = "dac:3"', ["output.T.nudge", "dac:3", "no SourceMeter"]),
        ('"pots:1"', '"daq:110"', ["edge.R2.set", "daq:110", "no ResistorBox"]),
        ('"pots:1"', '"pots:x"', ["edge.R2.set", "pots:x", "pots:0"]),
        ('"pots:1"', '"pots:00"', ["edge.R2.set", "pots:00", "pots:0"]),
        ('drive = "ground"', 'drive = "earth"', ["source.VREF.drive", "earth"]),
        ('"scpi_dac"', '"scpi_dak"', ["instrument.dac.driver", "did you mean 'scpi_dac'"]),
        ('"virtual"', '"@py"', ["instrument.daq.resource is missing"]),
        ('"virtual"', '"@sim"', ["defaults.backend", "'@sim' loads code of its own; if you trust this station"]),
        ('"virtual"', '"py"', ["defaults.backend"]),
        ('["smu", "dac", "pots"]', '["smu", "dak"]', ["safe.order", "no instrument 'dak'", "did you mean"]),
        ("fixed_ohm = 4700", 'fixed_ohm = 4700\nset = "pots:2"', ["edge.R3", "either set"]),
        ("fixed_ohm = 4700", 'set = "pots:2"', ["edge.R3", "go together"]),
        ("fixed_ohm = 4700", "fixed_ohm = 0", ["edge.R3.fixed_ohm"]),
        ("fixed_ohm = 4700", 'set = "pots:2"\ntable = "pott"', ["edge.R3.table", "no table 'pott'", "did you mean 'pot'"]),
        (POT, POT + 'file = "pot.csv"\n', ["table.pot", "either full_scale_ohm"]),
        (POT, 'file = "pot.csv"\n', ["table.pot", "edge.R1", "pot.csv: no such file"]),
        ("fixed_ohm = 4700", "fixed_ohm = 4700\nseries_ohm = 10", ["edge.R3", "series_ohm"]),
        (POT, POT + "bits = 40\n", ["table.pot.bits"]),
        (POT, POT + "min_code = 300\n", ["table.pot", "edge.R1", "min_code"]),
        (POT, POT + "max_code = 256\n", ["table.pot", "edge.R1", "max_code"]),
        ("[safe]", '[calibration]\noffsets = "offsets.csv"\n[safe]', ["offsets.csv"]),
        (POT, 'file = "pot.csv"\nwiper_ohm = 70\n', ["table.pot", "wiper_ohm", "full_scale_ohm"]),
        (POT, POT + "formula = \"__import__('os').abort()\"\n", ["unknown key table.pot.formula"]),
        ("full_scale_ohm = 10e3", "full_scale_ohm = \"__import__('os').abort()\"", ["table.pot.full_scale_ohm"]),
        ("[node.A]", "[node.A]\nunit = 1", ["unknown key node.A.unit"]),
        ("[input.V_A]", "[input.V_A]\ndriv = 1", ["unknown key input.V_A.driv", "did you mean 'drive'"]),
        ("[source.VREF]", "[source.VREF]\ndriv = 1", ["unknown key source.VREF.driv", "did you mean 'drive'"]),
        ("[output.T]", "[output.T]\nnuge = 1", ["unknown key output.T.nuge", "did you mean 'nudge'"]),
        ("[edge.R3]", "[edge.R3]\nfixed_om = 1", ["unknown key edge.R3.fixed_om", "did you mean 'fixed_ohm'"]),
        ("[table.pot]", "[table.pot]\nmincode = 1", ["unknown key table.pot.mincode", "did you mean 'min_code'"]),
        ("[limits]", "[limits]\np_edge = 1", ["unknown key limits.p_edge", "did you mean 'p_edge_max'"]),
        ("[safe]", "[safe]\norders = 1", ["unknown key safe.orders", "did you mean 'order'"]),
        ("[safe]", "[calibration]\noffset = 1\n[safe]", ["unknown key calibration.offset", "did you mean 'offsets'"]),
        ("[safe]", "[virtual]\nsed = 1\n[safe]", ["unknown key virtual.sed", "did you mean 'seed'"]),
        ("[safe]", "[program]\nround = 1\n[safe]", ["unknown key program.round", "did you mean 'rounding'"]),
        ("[instrument.smu]", "[instrument.smu]\nidm = 1", ["unknown key instrument.smu.idm", "did you mean 'idn'"]),
        ("[defaults]", "[defaults]\ntimeout = 1", ["unknown key defaults.timeout", "did you mean 'timeout_s'"]),
        ("i_max = 5e-3", "i_max = inf", ["table.pot.i_max", "finite"]),
        ("series_ohm = 1000\n[edge.R2]", "series_ohm = nan\n[edge.R2]", ["edge.R1.series_ohm", "finite"]),
    ],
)
def test_a_file_is_refused_by_key(station, tmp_path, old, new, parts):
    with pytest.raises(StationError) as caught:
        station((old, new))
    text = str(caught.value)
    assert str(tmp_path) in text
    assert all(part in text for part in parts), text


def test_a_file_that_is_not_there(tmp_path):
    refused(lambda: load_station(tmp_path / "kite.toml"), "no such file")


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (NODE_T, "", ["node.T is missing"]),
        ("[node.T]", "[node.T1]", ["node.T1", "did you mean 'T'"]),
        (NODE_T, NODE_T + '[node.B]\nread = "daq:103"\n', ["node.B", "wired to ground"]),
        ('"daq:102"', '"daq:101"', ["node.T.read", "daq:101", "node.A.read"]),
        ('"pots:1"', '"pots:0"', ["edge.R2.set", "pots:0", "edge.R1.set"]),
        ('drive = "ground"', 'drive = "dac:1"', ["source.VREF.drive", "dac:1", "input.V_A.drive"]),
        (EDGE_R3, "", ["edge.R3 is missing"]),
        ("[edge.R3]", "[edge.R33]", ["edge.R33", "did you mean 'R3'"]),
        ('[input.V_A]\ndrive = "dac:1"\n', "", ["input.V_A is missing"]),
        ("[input.V_A]", "[input.VA]", ["input.VA", "did you mean 'V_A'"]),
        ('[source.VREF]\ndrive = "ground"\n', "", ["source.VREF is missing"]),
        ("[source.VREF]", "[source.VREV]", ["source.VREV", "did you mean 'VREF'"]),
        ("[output.T]", "[output.A]", ["output.A", "no output 'A'"]),
        ("p_edge_max = 0.02", "p_edge_max = 0.008", ["edge.R1", "limits.p_edge_max", "series_ohm"]),
        ("fixed_ohm = 4700", "fixed_ohm = 400", ["edge.R3", "limits.p_edge_max"]),
        ("i_max = 5e-3", "i_max = 2e-3", ["edge.R1", "table.pot.i_max"]),
        ("v_node_max = 1.5", "v_node_max = 15", ["edge.R1", "limits.v_node_max"]),
        ('"daq:102"', '"daq:0101"', ["node.T.read", "daq:0101", "node.A.read"]),
        (NODE_T, NODE_T + '[node.0]\nread = "daq:103"\n', ["node.0", "wired to ground"]),
        ("[output.T]", "[output.XYZ]", ["output.XYZ", "there is T"]),
    ],
)
def test_a_wiring_that_does_not_fit_is_refused_by_key(network, station, old, new, parts):
    loaded = station((old, new))
    refused(lambda: loaded.validate(network), *parts)


def test_worst_case_power_is_the_whole_span_across_the_smallest_resistance(network, station):
    power = (2 * 1.5) ** 2 / (1000 + 70)
    station(("p_edge_max = 0.02", f"p_edge_max = {power * 1.001}")).validate(network)
    refused(lambda: station(("p_edge_max = 0.02", f"p_edge_max = {power * 0.999}")).validate(network), "edge.R1")
    nudged, more = ("v_compliance = 1.2", "v_compliance = 2.2"), (1.5 + 2.2) ** 2 / (1000 + 70)
    station(nudged, ("p_edge_max = 0.02", f"p_edge_max = {more * 1.001}")).validate(network)
    refused(lambda: station(nudged, ("p_edge_max = 0.02", f"p_edge_max = {more * 0.999}")).validate(network), "edge.R1")
    step = 10e3 / 255
    power = (2 * 1.5) ** 2 / (1070 + 100 * step)
    codes = ("[table.pot]", "[table.pot]\nmin_code = 100")
    large = ("fixed_ohm = 4700", "fixed_ohm = 47000")
    station(codes, large, ("p_edge_max = 0.02", f"p_edge_max = {power * 1.001}")).validate(network)
    refused(lambda: station(codes, large, ("p_edge_max = 0.02", f"p_edge_max = {power * 0.999}")).validate(network), "edge.R1")


def test_a_node_wired_to_ground_is_not_read_but_one_on_a_channel_is(network, station):
    supplied = ('drive = "ground"', 'drive = "external"')
    refused(lambda: station(supplied).validate(network), "node.B is missing")
    station(supplied, (NODE_T, NODE_T + '[node.B]\nread = "daq:103"\n')).validate(network)


def test_ground_is_zero_volts(station):
    network = Network.from_edges(
        [("A", "T"), ("T", "B"), ("A", "B")],
        2e-4,
        inputs=["A"],
        outputs=["T"],
        fixed_sources=[Source("VREF", "voltage", "B", "0", 0.5)],
    )
    refused(lambda: station().validate(network), "source.VREF", "0.5")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ASRL1::INSTR", "asrl1::instr"),
        ("TCPIP::localhost::5025::SOCKET", "TCPIP0::127.0.0.1::5025::SOCKET"),
        ("USB::1510::9296::04400000", "USB0::0x05E6::0x2450::04400000::INSTR"),
    ],
)
def test_one_resource_is_one_instrument(station, first, second):
    one = f'driver = "scpi_dac"\nresource = "{first}"'
    two = f'driver = "keithley_2450"\nresource = "{second}"'
    others = [
        (f'driver = "{name}"', f'driver = "{name}"\nresource = "{name}"') for name in ("keysight_daq970a", "scpi_resistors")
    ]
    changes = ('"virtual"', '"@py"'), *others, ('driver = "scpi_dac"', one), ('driver = "keithley_2450"', two)
    refused(lambda: station(*changes), "instrument.smu.resource", "instrument.dac")


@pytest.mark.parametrize("drive", ["dac:2", "external"])
def test_a_fixed_source_beyond_the_limit_is_refused(station, drive):
    network = Network.from_edges(
        [("A", "T"), ("T", "B"), ("A", "B")],
        2e-4,
        inputs=["A"],
        outputs=["T"],
        fixed_sources=[Source("VREF", "voltage", "B", "0", -1.6)],
    )
    changes = ('"ground"', f'"{drive}"'), (NODE_T, NODE_T + '[node.B]\nread = "daq:103"\n')
    refused(lambda: station(*changes).validate(network), "source.VREF", "-1.6 V", "limits.v_node_max")
    station(*changes, ("v_node_max = 1.5", "v_node_max = 1.7")).validate(network)


def test_a_source_between_two_nodes_is_no_wire_to_ground(station):
    network = Network.from_edges(
        [("A", "T"), ("T", "B"), ("A", "0")],
        2e-4,
        inputs=["A"],
        outputs=["T"],
        fixed_sources=[Source("VREF", "voltage", "B", "A", 0.0)],
    )
    node_b = (NODE_T, NODE_T + '[node.B]\nread = "daq:103"\n')
    refused(lambda: station(node_b).validate(network), "source.VREF", "between B and A", "external")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"smu:1"', '"smu1"', "output.T.nudge = 'smu1': write a channel as instrument:channel, such as daq:101"),
        ('"smu:1"', '{ drive = "dac:2", read = "daq:3" }', "output.T.nudge.series_ohm is missing"),
        ('nudge = "smu:1"', "nudge = 1", "output.T.nudge = 1: Input should be a valid string"),
        (
            '"ground"',
            '"earth"',
            'source.VREF.drive = \'earth\': write a channel as instrument:channel, such as daq:101, or "ground" or "external"',
        ),
        ("[edge.R3]\nfixed_ohm = 4700", "[edge]\nR3 = 4700", "edge.R3 = 4700: write a table of keys and values"),
    ],
)
def test_one_mistake_is_one_message(station, old, new, said):
    with pytest.raises(StationError) as caught:
        station((old, new))
    assert str(caught.value).partition("kite.toml: ")[2] == said


def test_a_current_input_needs_a_source_meter(station):
    network = Network.from_edges(
        [("A", "T"), ("T", "B"), ("A", "B")],
        2e-4,
        inputs=["I(A)"],
        outputs=["T"],
        fixed_sources=[Source("VREF", "voltage", "B", "0", 0.0)],
    )
    (name,) = network.input_names
    refused(lambda: station(("[input.V_A]", f'[input."{name}"]')).validate(network), name, "current source", "source meter")


def test_a_difference_is_not_nudged_through_a_resistor(station):
    network = Network.from_edges(
        [("A", "T"), ("T", "B"), ("A", "B")],
        2e-4,
        inputs=["A"],
        outputs=["T,B"],
        fixed_sources=[Source("VREF", "voltage", "B", "0", 0.0)],
    )
    series = 'nudge = { drive = "dac:5", read = "daq:120", series_ohm = 1e4 }'
    changes = ("[output.T]", '[output."T,B"]'), ('nudge = "smu:1"', series)
    refused(lambda: station(*changes).validate(network), "output.T,B", "difference")
    station(changes[0]).validate(network)


def test_an_old_calibration_warns_and_a_fresh_one_does_not(network, station):
    def dated(days):
        date = datetime.date.today() - datetime.timedelta(days=days)
        return station(("[safe]", f"[calibration]\ndate = {date}\nvalid_days = 30\n[safe]"))

    with pytest.warns(HwlearnWarning, match=r"kite\.toml.*31 days old"):
        dated(31).validate(network)
    dated(1).validate(network)


WIRING = [
    [('read = "daq:101"', 'read = "daq:109"')],
    [('set = "pots:1"', 'set = "pots:7"')],
    [('set = "pots:0"', 'set = "pots:9"'), ('set = "pots:1"', 'set = "pots:0"')],
    [('drive = "dac:1"', 'drive = "dac:2"')],
    [
        ("[instrument.smu]", '[instrument.smu2]\ndriver = "keithley_2450"\n\n[instrument.smu]'),
        ('nudge = "smu:1"', 'nudge = "smu2:1"'),
    ],
    [('drive = "ground"', 'drive = "external"')],
    [("fixed_ohm = 4700", "fixed_ohm = 4800")],
    [("full_scale_ohm = 10e3", "full_scale_ohm = 10001")],
    [("wiper_ohm = 70", "wiper_ohm = 71")],
    [("[table.pot]", "[table.pot]\nmin_code = 1")],
    [('"keysight_daq970a"', '"keysight_34970a"')],
]
METHOD = [
    [("repeats = 4", "repeats = 8")],
    [("repeats = 4", 'order = "AB"\nsettle_s = 0.1\nnplc = 10\nhigh_z = false')],
    [("v_node_max = 1.5", "v_node_max = 1.2")],
    [("[safe]", "[virtual]\nnoise_v = 1e-3\n[safe]")],
    [('["smu", "dac", "pots"]', '["dac", "smu", "pots"]')],
    [('"virtual"', '"virtual"\ntimeout_s = 5.0\nline_hz = 60')],
    [('name = "kite"', 'name = "the kite"')],
]


@pytest.mark.parametrize("changes", WIRING)
def test_the_hash_changes_with_the_wiring(network, station, changes):
    before = station().wiring_hash(network)
    assert station(*changes).wiring_hash(network) != before


@pytest.mark.parametrize("changes", METHOD)
def test_the_hash_stays_when_only_the_measuring_changes(network, station, changes):
    before = station().wiring_hash(network)
    assert station(*changes).wiring_hash(network) == before


def test_the_hash_belongs_to_the_graph_and_not_to_its_conductances(network, station):
    loaded = station()
    before = loaded.wiring_hash(network)
    assert len(before) == 64
    assert loaded.wiring_hash(network.with_conductances(3e-4)) == before
    turned = Network.from_edges(
        [("T", "A"), ("T", "B"), ("A", "B")], 2e-4, inputs=["A"], outputs=["T"], fixed_sources=network.fixed_sources
    )
    assert loaded.wiring_hash(turned) != before


def test_the_hash_follows_a_measured_table(network, station, tmp_path):
    measured = (POT, 'file = "pot.csv"\n')
    (tmp_path / "pot.csv").write_text("code,ohm\n0,70\n1,5000\n2,10000\n")
    before = station(measured).wiring_hash(network)
    (tmp_path / "pot.csv").write_text("code,ohm\n0,70\n1,5000.001\n2,10000\n")
    assert station(measured).wiring_hash(network) != before


def test_a_measured_table_is_read_relative_to_the_station(network, station, tmp_path):
    (tmp_path / "cal").mkdir()
    (tmp_path / "cal" / "pot.csv").write_text("# pot 12\ncode,ohm\n5, 9000\n4, 4000\n3, 500\n", encoding="utf-8-sig")
    loaded = station((POT, 'file = "cal/pot.csv"\n'))
    loaded.validate(network)
    table = loaded.tables["R1"]
    assert (table.min_code, table.max_code) == (3, 5)
    np.testing.assert_allclose(1 / table.conductances[3:], [1500, 5000, 10000])
    assert table.bounds == (1 / 10000, 1 / 1500)
    assert [table.nearest(1 / ohm) for ohm in (1, 1500, 5100, 9000, 1e9)] == [3, 3, 4, 5, 5]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["code,ohm"]),
        ("code,ohm\n", ["line or more"]),
        ("code,ohms\n0,70\n", ["code,ohm"]),
        ("code,ohm\n0,70\n1,5000,2\n", [":3", "3 values"]),
        ("code,ohm\n0,70\n1.5,5000\n", [":3", "1.5"]),
        ("code,ohm\n0,70\n1,x\n", [":3", "1,x"]),
        ("code,ohm\n0,70\n0,71\n", [":3", "given twice"]),
        ("code,ohm\n0,70\n1000000000000,80\n", [":3", "1000000000000"]),
        ("code,ohm\n-1,70\n0,71\n", [":2", "negative"]),
        ("code,ohm\n0,70\n2,5000\n", [":2", "code 1 is missing"]),
        ("code,ohm\n0,70\n1,5000\n2,4999\n", [":4", "not monotone", "code 1", "code 2"]),
        ("code,ohm\n0,70\n1,5000\n2,5000\n", [":4", "not monotone"]),
        ("code,ohm\n0,-2000\n1,5000\n", [":2", "code 0", "-1000", "series_ohm"]),
        ("code,ohm\n0,70\n1,nan\n", [":3", "code 1", "nan", "measure it again"]),
        ("code,ohm\n0,70\n1,inf\n", [":3", "code 1", "inf"]),
    ],
)
def test_a_measured_table_that_cannot_be_used(station, tmp_path, text, parts):
    (tmp_path / "pot.csv").write_text(text)
    refused(lambda: station((POT, 'file = "pot.csv"\n')), "table.pot", "edge.R1", "pot.csv", *parts)


def test_offsets_by_channel(station, tmp_path):
    calibrated = ("[safe]", '[calibration]\noffsets = "offsets.csv"\n[safe]')
    (tmp_path / "offsets.csv").write_text("channel,volt\ndaq:101,1e-5\ndaq:102,-2e-5\n")
    assert station(calibrated).offsets == {"daq:101": 1e-5, "daq:102": -2e-5}
    for cell in ("x", "nan", "inf"):
        (tmp_path / "offsets.csv").write_text(f"channel,volt\ndaq:101,1e-5\ndaq:102,{cell}\n")
        with pytest.raises(StationError, match=rf"offsets\.csv:3.*{cell}"):
            station(calibrated)
    (tmp_path / "offsets.csv").write_text("channel,volt\ndaq:101,1e-5\ndaq:101,2e-5\n")
    with pytest.raises(StationError, match=r"offsets\.csv:3.*daq:101.*twice"):
        station(calibrated)
    (tmp_path / "offsets.csv").write_text("channel,volt\ndaq:103,1e-5\n")
    with pytest.raises(StationError, match=r"offsets\.csv:2.*daq:103.*did you mean"):
        station(calibrated)


def test_an_instrument_has_keys_of_its_own(network, station):
    own = "nplc = 10\nrange_v = 1\ntimeout_s = 9\nterminator = 'CR'\nparity = 'even'"
    loaded = station(
        ('driver = "keysight_daq970a"', f'driver = "keysight_daq970a"\n{own}'), ("[measure]", "[measure]\nnplc = 2")
    )
    assert (loaded.nplc("daq"), loaded.range_v("daq")) == (10, 1)
    assert (loaded.nplc("smu"), loaded.range_v("smu")) == (2, loaded.settings.measure.range_v)
    for wrong, key in (("nplc = 0", "nplc"), ('terminator = "X"', "terminator"), ("data_bits = 9", "data_bits")):
        refused(lambda wrong=wrong: station(('driver = "scpi_dac"', f'driver = "scpi_dac"\n{wrong}')), f"instrument.dac.{key}")
