"""Clients of a bench, in processes of their own, that are ended from outside: what is on afterwards."""

import os
import re
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from benches import Clock
from processes import COMMAND, ENDLESS, ENVIRONMENT, PATIENCE, ended, start, stop_when, wait_until

from hwlearn import Drive, Inject
from hwlearn.errors import InstrumentError
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.bench.connection import make_safe
from hwlearn.lab.instruments.signals import ENDING, ending_signals_raise, ending_signals_wait
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual import VirtualBench

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

ROOT = Path(__file__).parents[2]
EXPERIMENT = ROOT / "netlists" / "allostery-bench.toml"
STATION = ROOT / "stations" / "allostery.toml"

ON = {"smu": "1", "dac": "1", "pots": "0"}
OFF = {"smu": "0", "dac": "0", "pots": "1"}
WATCHDOG = 600
"""[s]"""


@pytest.fixture(scope="module")
def virtual():
    with VirtualBench(load_experiment(EXPERIMENT).network, load_station(STATION)) as made:
        yield made


@pytest.fixture(scope="module")
def clock(virtual):
    return Clock(virtual)


@pytest.fixture(scope="module")
def ports(virtual):
    """Port of each instrument."""
    return {name: int(resource.split("::")[2]) for name, resource in virtual.resources.items()}


def test_a_bench_is_served_until_ctrl_c():
    process = start("bench", "serve", STATION, EXPERIMENT)
    try:
        lines = [process.stdout.readline().split() for _ in range(4)]
        assert all(re.fullmatch(r"TCPIP::127\.0\.0\.1::\d+::SOCKET", resource) for _, resource in lines)
        for name, resource in lines:
            assert ask(int(resource.split("::")[2]), "*IDN?").startswith("HWLEARN,"), name
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in ended(process)[1]
        assert process.returncode == 130
    finally:
        process.kill()
        process.communicate()


def ask(port, question):
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as line:
        line.sendall(question.encode() + b"\n")
        return line.makefile().readline().strip()


def outputs(ports):
    """Whether the source meter is on, the voltage of the DAC, whether the resistors are open."""
    return {
        "smu": ask(ports["smu"], ":OUTP?"),
        "dac": f"{float(ask(ports['dac'], ':SOUR:VOLT? (@1)')):.3g}",
        "pots": ask(ports["pots"], ":RES:OPEN?"),
    }


@pytest.fixture
def station(tmp_path, ports):
    """A station file of real instruments, so far as a client can tell."""

    def make(**others):
        text = STATION.read_text(encoding="utf-8").replace('backend = "virtual"', 'backend = "@py"\ntimeout_s = 30')
        text = text.replace("watchdog_s = 30", f"watchdog_s = {WATCHDOG}")
        for name, port in {**ports, **others}.items():
            text = text.replace(f"[instrument.{name}]", f'[instrument.{name}]\nresource = "TCPIP::127.0.0.1::{port}::SOCKET"')
        path = tmp_path / "station.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return make


@pytest.fixture
def learning(station, ports):
    """A client that learns on the bench, all outputs on."""
    make_safe(load_station(station()))
    process = start("train", EXPERIMENT, "--backend", "bench", "--station", station(), *ENDLESS, "--no-save")
    try:
        wait_until(lambda: outputs(ports) == ON, process)
        yield process
    finally:
        process.kill()
        process.communicate()


def made_safe(station):
    """`hwlearn bench safe`, done."""
    command = [*COMMAND, "bench", "safe", str(station)]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=PATIENCE)


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_leaves_the_bench_off(learning, ports, number, code):
    learning.send_signal(getattr(signal, number))
    _, error = ended(learning)
    assert outputs(ports) == OFF
    assert float(ask(ports["smu"], ":SOUR:CURR?")) == 0
    assert learning.returncode == code, error
    assert "Traceback" not in error


def test_after_kill_9_the_watchdog_opens_and_the_file_alone_makes_safe(learning, ports, station, clock):
    stop_when(lambda: outputs(ports) == ON, learning)
    learning.kill()
    ended(learning)
    assert outputs(ports) == ON
    clock.skip(WATCHDOG + 1)
    assert outputs(ports) == {**ON, "pots": "1"}
    done = made_safe(station())
    assert (done.returncode, done.stdout, done.stderr) == (0, "allostery: safe\n", "")
    assert outputs(ports) == OFF


def test_an_instrument_in_use_is_refused_and_stays_as_it_is(learning, ports, station):
    done = made_safe(station())
    assert done.returncode == 2
    assert f"in use by process {learning.pid}" in done.stderr
    wait_until(lambda: outputs(ports) == ON, learning)


def test_an_instrument_that_is_gone_does_not_keep_the_others_on(ports, station):
    ask(ports["dac"], ":SOUR:VOLT 1,(@1);*OPC?")
    ask(ports["smu"], ":SOUR:CURR 1e-4;:OUTP ON;*OPC?")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        path = station(smu=nobody.getsockname()[1])
    with pytest.raises(InstrumentError, match=r"NOT SAFE: .*smu"):
        make_safe(load_station(path))
    assert outputs(ports) == {**OFF, "smu": "1"}
    make_safe(load_station(station()))
    assert outputs(ports) == OFF


@pytest.mark.usefixtures("terminal_signals")
@pytest.mark.parametrize("number", [signal.SIGINT, *ENDING])
def test_a_signal_while_it_is_made_safe_acts_when_all_is_safe(number):
    circuit = BenchCircuit(load_experiment(EXPERIMENT).network, STATION)
    circuit.measure(Drive([[1.0]], Inject([[1e-4]])))
    virtual = circuit.connection.virtual
    smu, dac, pots = (virtual.instruments[name] for name in ("smu", "dac", "pots"))
    smu.received = lambda: os.kill(os.getpid(), number)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        circuit.close()
    assert (smu.channels["1"].on, dac.volts["1"], pots.opened) == (False, 0.0, True)


@pytest.mark.usefixtures("terminal_signals")
def test_signals_that_wait_give_way_to_an_error():
    with pytest.raises(InstrumentError), ending_signals_wait():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        raise InstrumentError("NOT SAFE")


def test_a_hangup_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending_signals_raise():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_circuit_may_be_closed_by_another_thread():
    before = {number: signal.getsignal(number) for number in ENDING}
    circuit = BenchCircuit(load_experiment(EXPERIMENT).network, STATION)
    try:
        with ThreadPoolExecutor() as pool:
            pool.submit(circuit.close).result()
        assert circuit.connection.virtual.instruments["pots"].opened
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
