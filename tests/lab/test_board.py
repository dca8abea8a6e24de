"""`scpi_board`, one instrument that is box, DAC and scanner, on the virtual bench; the stations that `bench new` writes."""

import re
import time
import tomllib
from types import SimpleNamespace

import numpy as np
import pytest
from benches import Watch
from processes import ROOT

from hwlearn import Drive, Inject, Network
from hwlearn.errors import StationError
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.bench.selftest import self_test
from hwlearn.lab.instruments.drivers.scpi_board import ScpiBoard
from hwlearn.lab.instruments.roles import Wired
from hwlearn.lab.instruments.scpi.session import Session
from hwlearn.lab.station import load_station
from hwlearn.lab.station.leads import leads
from hwlearn.lab.station.new import new_station
from hwlearn.lab.station.parts import BOARDS
from hwlearn.lab.virtual import VirtualBench
from hwlearn.network.builders import kite
from hwlearn.testing import ResistorBoxContract, ScannerContract, SourceContract
from hwlearn.testing.nodal import modified_nodal

NETWORK = load_experiment(ROOT / "netlists" / "board.toml").network


def written(folder, network=NETWORK, board="pico", virtual=True, **changes):
    text = new_station(network, BOARDS[board], "made", virtual=virtual)
    for old, new in {"noise_v = 3e-5": "noise_v = 0", "lsb_v = 6.25e-5": "", "pot_tolerance = 0.2": "", **changes}.items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "station.toml"
    path.write_text(text, encoding="utf-8")
    return load_station(path)


class OnBoard:
    @pytest.fixture(autouse=True)
    def _bench(self, tmp_path):
        self.station = written(tmp_path)
        with VirtualBench(NETWORK, self.station) as self.virtual:
            yield

    def make(self):
        return ScpiBoard(Session(self.virtual.resources["board"], name="board"))


class TestSource(OnBoard, SourceContract):
    wired = Wired(drive=("201", "202"))

    def true_volts(self, instrument, channel):
        return self.virtual.model.levels.get(f"board:{channel}", 0.0)


class TestScanner(OnBoard, ScannerContract):
    wired, tolerance = Wired(read=("102", "101", "108")), 1e-7

    def make(self):
        made = super().make()
        made.write([100] * len(NETWORK.edges))
        made.set({"201": 0.75})
        return made

    def true_readings(self, instrument):
        table = self.station.tables["R1"]
        edges = [edge[:2] for edge in NETWORK.edges] + [("/out", "0")]  # the DAC at 0 V, behind the resistor of the nudge
        loaded = Network.from_edges(edges, inputs=NETWORK.inputs, outputs=NETWORK.outputs)
        made = np.array([table.conductances[100]] * 24 + [1 / 47e3])
        read = modified_nodal(loaded, made, Drive([[0.75]], Inject([[0.0]]))).node_voltages[0]
        nodes = self.virtual.model.wiring.nodes
        return {channel: read[loaded.node_index[nodes[f"board:{channel}"]]] for channel in self.wired.read}


class TestResistorBox(OnBoard, ResistorBoxContract):
    wired = Wired(set=tuple(map(str, range(24))))

    def true_codes(self, instrument):
        made = self.virtual.model.conductances
        table = self.station.tables["R1"].conductances
        return None if made.max() < 1e-9 else [int(abs(table - g).argmin()) for g in made]


def test_all_that_new_writes_is_wired_and_fits(tmp_path):
    for board in BOARDS:
        station = written(tmp_path, board=board)
        station.validate(NETWORK)
        assert len(station.settings.edge) == len(NETWORK.edges)
        assert station.imposable(NETWORK) >= {"current"}


@pytest.mark.parametrize("board", BOARDS)
def test_the_limits_are_those_of_the_parts(tmp_path, board):
    """The worst case at the limits is below the digipot's current; a tenth of a volt more is not."""
    settings, pot = written(tmp_path, board=board).settings, BOARDS[board].pot
    volts = settings.limits.v_node_max
    assert volts <= BOARDS[board].volts
    assert 2 * volts / pot.smallest <= pot.amperes
    assert 2 * (volts + 0.1) / pot.smallest > pot.amperes or volts + 0.1 > BOARDS[board].volts
    assert settings.table["pot"].i_max == pot.amperes


def test_what_only_the_owner_knows_is_a_question(tmp_path):
    network = Network.from_edges(
        [("a", "m"), ("m", "k"), ("k", "0")], inputs=["a,k", "I(m)"], outputs=["m,k"], trainable=[True, True, False],
    )  # fmt: skip
    text = new_station(network, BOARDS["pico"], "made")
    questions = re.findall(r"TODO: (.*)", text)
    assert [question.split()[0] for question in questions] == ["your", *[s.name for s in network.inputs], "output", "`hwlearn"]
    assert tomllib.loads(text)["edge"][network.edge_names[2]] == {"fixed_ohm": 1.0}


@pytest.mark.parametrize("board", BOARDS)
def test_a_new_station_of_two_outputs_passes_its_check(tmp_path, board):
    network = kite([2e-4] * 6).with_ports(outputs=["T", "M"])
    path = tmp_path / "made.toml"
    path.write_text(new_station(network, BOARDS[board], "made", virtual=True), encoding="utf-8")
    with BenchCircuit(network, path) as circuit:
        assert [finding for finding in self_test(circuit) if not finding.passed] == []


def test_source_meters_of_a_new_station_have_an_address_each(tmp_path):
    network = kite([2e-4] * 6).with_ports(outputs=["T", "M"])
    (tmp_path / "made.toml").write_text(new_station(network, BOARDS["instruments"], "made"), encoding="utf-8")
    settings = load_station(tmp_path / "made.toml").settings
    assert {name: output.nudge for name, output in settings.output.items()} == {"T": "smu:1", "M": "smu2:1"}
    assert settings.safe.order[:2] == ["smu", "smu2"]
    assert len({table.resource for table in settings.instrument.values()}) == 5


def test_more_than_the_board_has_is_a_question(tmp_path):
    edges = [(f"n{k}", f"n{k + 1}") for k in range(30)] + [("n30", "0")]
    network = Network.from_edges(edges, 2e-4, inputs=["n0"], outputs=["n3"])
    text = new_station(network, BOARDS["pico"], "made")
    assert "# TODO: 32 inputs, and board has 18" in text
    assert "# TODO: 31 resistors, and board has 24" in text


def test_each_end_of_each_resistor_and_each_channel_is_in_the_wiring_list(tmp_path):
    station = written(tmp_path)
    wires = leads(NETWORK, station)
    pins = [wire.pin for wire in wires if wire.pin]
    assert len(set(pins)) == len(pins) == 2 * 24 + 16 + 2
    for k, edge in enumerate(NETWORK.edges):
        ends = [(wire.node, wire.ohm) for wire in wires if wire.channel == f"board:{k}"]
        assert ends == [(edge.tail, 1000.0), (edge.head, 0.0)]
    assert {"ADS1115 6 A0", "MCP4251 12 P1W", "MCP4728 1 VA", "MCP4728 1 VB"} <= set(pins)


def test_its_watchdog_opens_the_virtual_board(tmp_path, monkeypatch):
    with BenchCircuit(NETWORK, written(tmp_path, **{"watchdog_s = 30": "watchdog_s = 600"})) as circuit:
        clock = Watch(circuit.connection.virtual)
        circuit.measure(Drive([[0.5]]))
        model = circuit.connection.virtual.model
        assert model.conductances.max() > 1e-5
        later = SimpleNamespace(**vars(time) | {"monotonic_ns": lambda: time.monotonic_ns() + 601 * 10**9})
        monkeypatch.setattr("hwlearn.lab.firmware.clock.time", later)  # the firmware's own clock
        clock.sleep(601)
        assert model.conductances.max() < 1e-9
        assert model.levels["board:201"] == 0.0


def test_a_file_is_not_replaced_and_an_unknown_board_is_named(tmp_path):
    from hwlearn.cli.bench_new import new

    out = tmp_path / "station.toml"
    new(ROOT / "netlists" / "board.cir", out, board="pico")
    assert load_station(out).settings.input["V1"].drive == "board:201"
    with pytest.raises(StationError, match="is there already"):
        new(ROOT / "netlists" / "board.cir", out, board="pico")
    with pytest.raises(StationError, match=r"did you mean '?pico"):
        new(ROOT / "netlists" / "board.cir", tmp_path / "other.toml", board="pica")
