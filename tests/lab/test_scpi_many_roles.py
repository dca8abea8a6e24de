"""One instrument of `driver = "scpi"` that is source, scanner and resistor box, spoken to by the board's firmware."""

import numpy as np
import pytest
from processes import ROOT
from test_board import NETWORK, OnBoard, TestResistorBox, TestScanner, TestSource, written

from hwlearn import Drive, Inject, Network, train
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.instruments.roles import Wired, roles_of
from hwlearn.lab.instruments.settings import Setup
from hwlearn.learning.rules import EquilibriumPropagation
from hwlearn.testing.nodal import modified_nodal

LINES = """driver = "scpi"

[instrument.board.scpi]
twin = "scpi_board"

[instrument.board.scpi.source]
set = ":SOUR:VOLT {volts},(@{channel})"
ask = ":SOUR:VOLT? (@{channel})"

[instrument.board.scpi.scanner]
select = \"\"\":SENS:VOLT:RANG {volts},(@{channels});:SENS:VOLT:NPLC {nplc},(@{channels});\\
:INP:IMP:AUTO {high_z},(@{channels});:ROUT:CHAN:DEL 0,(@{channels});:ROUT:SCAN (@{channels})\"\"\"
scan = ":TRIG:COUN 1;:READ?"

[instrument.board.scpi.box]
count = 24
top = 255
set = ":RES:CODE {codes}"
ask = ":RES:CODE?"
open = ":RES:OPEN"
open_ask = ":RES:OPEN?"
watchdog = ":SYST:WDOG {seconds}"
"""
WHERE = 'resource = "ASRL/dev/ttyACM0::INSTR" # TODO: your port\nwatchdog_s = 30\n'
CHANGES = {WHERE: "", 'driver = "scpi_board"\n': f"watchdog_s = 30\n{LINES}"}


class Told(OnBoard):
    """The board of test_board.py, told by templates."""

    @pytest.fixture(autouse=True)
    def _told(self, tmp_path):
        self.told = written(tmp_path, **CHANGES)

    def make(self):
        table = self.told.settings.instrument["board"]
        return self.told.drivers["board"].connect(Setup("board", table, self.virtual.resources["board"]))


class TestToldSource(Told, TestSource):
    pass


class TestToldBox(Told, TestResistorBox):
    pass


class TestToldScanner(Told, TestScanner):
    def make(self):
        made = Told.make(self)
        made.write([100] * len(NETWORK.edges))
        made.set({"201": 0.75})
        return made


del TestSource, TestResistorBox, TestScanner  # they are those of test_board.py


def test_it_has_the_roles_of_its_tables_and_looks_at_all_of_them(tmp_path):
    station = written(tmp_path, **CHANGES)
    assert roles_of(station.drivers["board"]) == ["Source", "Scanner", "ResistorBox"]
    with BenchCircuit(NETWORK, station) as circuit:
        board = circuit.connection.instruments["board"]
        board.set({"201": 0.5})
        assert [str(one) for one in board.look(Wired(drive=("201", "202"), read=("101",)))] == ["channel 201 makes 0.5 V"]


def test_phases_are_those_of_the_circuit_ep_learns_and_all_its_roles_end_safe(tmp_path):
    exact = {"dac_bits = 12": "dac_bits = 0", "repeats = 4": "repeats = 1", 'rounding = "stochastic"': 'rounding = "nearest"'}
    task = load_experiment(ROOT / "netlists" / "board.toml").task
    with BenchCircuit(NETWORK, written(tmp_path, **CHANGES, **exact)) as circuit:
        model = circuit.connection.virtual.model
        drive = Drive([[0.75], [-0.5]], Inject([[5e-6], [-2e-6]]))
        measured = circuit.measure(drive)
        edges = [edge[:2] for edge in NETWORK.edges]
        true = modified_nodal(
            Network.from_edges(edges, inputs=NETWORK.inputs, outputs=NETWORK.outputs), model.conductances, drive
        )
        np.testing.assert_allclose(measured.output_voltages, true.output_voltages, atol=2e-3)  # tolerance_v of its nudge
        found = train(circuit, task, EquilibriumPropagation(2e-5, symmetric=True), steps=10, learning_rate=5e-6)
    assert found.losses[-1] < 0.5 * found.losses[0]
    assert model.levels["board:201"] == model.levels["board:202"] == 0.0
    assert model.conductances.max() < 1e-9
