"""A resistor box on a serial port: the protocol of docs/resistor-box.md over a pseudo-terminal, PyVISA-py and pyserial."""

import os
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil
import pytest

from hwlearn import Drive, EquilibriumPropagation, Inject, train
from hwlearn.errors import InstrumentError
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.instruments.drivers.scpi_resistors import ScpiResistors
from hwlearn.lab.instruments.scpi.session import Session
from hwlearn.lab.instruments.scpi.visa import Line
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual import VirtualBench
from hwlearn.testing.nodal import modified_nodal

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="Windows has no pseudo-terminals")

ROOT = Path(__file__).parents[2]
EXPERIMENT = load_experiment(ROOT / "netlists" / "allostery-bench.toml")
NETWORK, TASK = EXPERIMENT.network, EXPERIMENT.task
EDGES = len(NETWORK.edges)
TIMEOUT = 0.3

CHANGES = {
    "noise_v = 20e-6": "noise_v = 0",
    "pot_tolerance = 0.2": "pot_tolerance = 0",
    "dac_bits = 16": "dac_bits = 0",
    'rounding = "stochastic"': 'rounding = "nearest"',
    "[defaults]": f"[defaults]\ntimeout_s = {TIMEOUT}",
}
SERIAL = {"[instrument.pots]": '[instrument.pots]\nresource = "ASRL/dev/ttyACM0::INSTR"\nbaud_rate = 115200'}


@pytest.fixture
def station(tmp_path):
    """The station of netlists/allostery-bench.toml without imperfections, its resistor box on a serial port or not."""

    def make(serial=True, keys=""):
        text = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
        for old, new in {**CHANGES, **(SERIAL if serial else {})}.items():
            assert old in text
            text = text.replace(old, new)
        text = text.replace("[instrument.pots]", f"[instrument.pots]\n{keys}")
        path = tmp_path / "station.toml"
        path.write_text(text, encoding="utf-8")
        return load_station(path)

    return make


@pytest.fixture
def virtual(station):
    with VirtualBench(NETWORK, station()) as made:
        yield made


@pytest.fixture
def box(virtual):
    session = Session(virtual.resources["pots"], name="pots", timeout=TIMEOUT, line=Line(baud_rate=115200))
    yield ScpiResistors(session)
    session.close()


def conductances(codes):
    """The table of the station file: 10 kΩ in 255 steps, 70 Ω of wiper, 1 kΩ in series."""
    return 1 / (1070 + 10e3 * np.asarray(codes) / 255)


def test_the_box_is_driven_over_the_line(virtual, box):
    assert box.session.resource.startswith("ASRL/")
    assert box.size() == (EDGES, 255)
    codes = np.arange(EDGES) * 7 + 1
    box.write(codes.tolist())
    np.testing.assert_array_equal(box.codes(), codes)
    np.testing.assert_allclose(virtual.model.conductances, conductances(codes), rtol=1e-12)
    with pytest.raises(InstrumentError, match="-222"):
        box.session.tell(":RES:CODE " + ",".join(["256"] * EDGES))
    box.safe([])
    assert virtual.model.conductances.max() < 1e-9
    assert box.session.recoveries == 0


def test_the_line_has_the_speed_of_the_station_file(box):
    import termios

    path = box.session.resource.removeprefix("ASRL").removesuffix("::INSTR")
    line = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        assert termios.tcgetattr(line)[4:6] == [termios.B115200, termios.B115200]
    finally:
        os.close(line)


def test_closing_and_opening_the_port_changes_nothing(virtual, box):
    codes = (np.arange(EDGES) * 3 + 2).tolist()
    box.write(codes)
    box.session.close()
    again = Session(virtual.resources["pots"], name="pots", timeout=TIMEOUT)
    try:
        assert ScpiResistors(again).codes().tolist() == codes
        np.testing.assert_allclose(virtual.model.conductances, conductances(codes), rtol=1e-12)
        with pytest.raises(InstrumentError, match="in use"):
            Session(virtual.resources["pots"], name="other", timeout=TIMEOUT)
    finally:
        again.close()


@pytest.mark.parametrize("kind", ["mute", "late", "garbage", "half", "drop"])
def test_a_fault_of_the_line_is_recovered(virtual, box, kind):
    codes = [9] * EDGES
    box.write([5] * EDGES)
    virtual.instruments["pots"].faults.late = 1.2 * TIMEOUT
    virtual.fault("pots", kind)
    box.write(codes)
    assert box.codes().tolist() == codes
    np.testing.assert_allclose(virtual.model.conductances, conductances(codes), rtol=1e-12)
    assert box.session.recoveries == 1


def test_training_over_the_line_is_training_over_sockets(station):
    ends = []
    for serial in (True, False):
        with BenchCircuit(NETWORK, station(serial)) as circuit:
            resource = circuit.connection.instruments["pots"].session.resource
            assert resource.startswith("ASRL" if serial else "TCPIP")
            rule = EquilibriumPropagation(2e-4, symmetric=True)
            result = train(circuit, TASK, rule, steps=5, learning_rate=1e-6, optimizer="momentum")
            drive = Drive([[1.0]], Inject([[1e-4]]))
            measured = circuit.measure(drive)
            np.testing.assert_allclose(result.conductances, conductances(circuit.codes), rtol=1e-12)
            true = modified_nodal(NETWORK, conductances(circuit.codes), drive).node_voltages
            np.testing.assert_allclose(measured.node_voltages, true, atol=0.51 * 5e-6)
            assert circuit.writes.sum() > 0
            ends.append(circuit.codes)
    np.testing.assert_array_equal(*ends)


def test_it_leaves_no_port_behind(station):
    with ExitStack() as stack:
        stack.enter_context(VirtualBench(NETWORK, station()))  # what Python opens once and for all
    files = psutil.Process().num_fds()
    with VirtualBench(NETWORK, station()) as virtual:
        path = virtual.resources["pots"].removeprefix("ASRL").removesuffix("::INSTR")
        assert os.path.exists(path)
    assert psutil.Process().num_fds() == files
    assert not os.path.exists(path)


@pytest.mark.parametrize("serial", [True, False])
@pytest.mark.parametrize("terminator", ["CR", "CRLF"])
def test_lines_end_as_the_station_says(station, serial, terminator):
    with BenchCircuit(NETWORK, station(serial, f'terminator = "{terminator}"')) as circuit:
        assert circuit.measure(Drive([[1.0]])).output_voltages.shape == (1, 1)
        assert circuit.connection.instruments["pots"].recoveries == 0


def test_a_serial_port_is_set_up_as_the_station_says(station):
    with BenchCircuit(NETWORK, station(keys='stop_bits = 2\nflow_control = "xon_xoff"')) as circuit:
        handle = circuit.connection.instruments["pots"].session._visa._handle
        told = handle.baud_rate, handle.data_bits, handle.stop_bits.name, handle.flow_control.name
    assert told == (115200, 8, "two", "xon_xoff")
    with pytest.raises(InstrumentError, match=r"pots: its port cannot be set up as .*data_bits=7"):
        BenchCircuit(NETWORK, station(keys='data_bits = 7\nparity = "even"'))  # which a pseudo-terminal has not
