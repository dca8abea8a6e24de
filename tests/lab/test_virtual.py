"""The virtual bench over raw sockets: physics, command sets, faults, clean end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace as Table
from typing import Any

import numpy as np
import psutil
import pytest
from benches import Clock
from processes import PATIENCE

from hwlearn import Drive, Hold, Inject, Network, Open
from hwlearn.lab.instruments.drivers import DRIVERS
from hwlearn.lab.instruments.roles import Wired
from hwlearn.lab.instruments.scpi.session import Session
from hwlearn.lab.virtual import VirtualBench
from hwlearn.testing.nodal import modified_nodal

EDGES = [("a", "m"), ("m", "k"), ("k", "0"), ("a", "k"), ("m", "b"), ("b", "0")]
CODES = np.linspace(1e-4, 2e-3, 64)


def network() -> Network:
    return Network.from_edges(EDGES, 1e-3, inputs=["a"], outputs=["m", "k,b"])


def station(smu: str = "keithley_2400", daq: str = "keysight_34970a", dac: str = "scpi_dac", **virtual: Any) -> Any:
    made = network()
    perfect = {
        "seed": 1, "backend": "exact", "noise_v": 0.0, "lsb_v": 0.0, "offset_v": 0.0, "drift_v_per_s": 0.0, "tau_s": 0.0,
        "pot_tolerance": 0.0, "pot_drift": 0.0, "dac_bits": 0, "dac_span_v": 0.0, "dmm_ohm": 0.0,
        "warming_c_per_s": 0.0,
    }  # fmt: skip
    drivers = {"dac": dac, "daq": daq, "smu": smu, "smu2": smu, "pots": "scpi_resistors"}
    settings = Table(
        instrument={name: Table(driver=driver, resource=None, terminator="LF", told=None) for name, driver in drivers.items()},
        input={"V_a": Table(drive="dac:1", shunt=None)},
        source={},
        node={name: Table(read=f"daq:{101 + k}", against=None) for k, name in enumerate(made.nodes) if name != "0"},
        channel={},
        output={"m": Table(nudge="smu:1"), "k,b": Table(nudge="smu2:1")},
        edge={
            name: Table(set=f"pots:{k}", gate=None, series_ohm=0.0, fixed_ohm=None) for k, name in enumerate(made.edge_names)
        },
        temperature={},
        virtual=Table(**(perfect | virtual)),
    )
    known = {name: DRIVERS.get(driver) for name, driver in drivers.items()}
    return Table(
        settings=settings,
        path="bench.toml",
        drivers=known,
        tables={name: Table(conductances=CODES) for name in made.edge_names},
    )


class Client:
    """A line in, a line out."""

    def __init__(self, resource: str) -> None:
        host, port = resource.split("::")[1:3]
        assert host == "127.0.0.1"
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self.file = self.socket.makefile("rb")

    def ask(self, message: str) -> str:
        self.socket.sendall(message.encode() + b"\n")
        return self.file.readline().decode().strip()

    def do(self, message: str) -> None:
        """No answer but an empty error queue."""
        assert self.ask(message + ";:SYST:ERR?").lstrip("+") == '0,"No error"', message

    def close(self) -> None:
        self.file.close()
        self.socket.close()


class Bench:
    """A virtual bench with a client per instrument."""

    def __init__(self, **options: Any) -> None:
        self.virtual = VirtualBench(network(), station(**options))
        self.clients = {name: Client(resource) for name, resource in self.virtual.resources.items()}
        self.network = self.virtual.model.network
        self.nodes = [self.network.node_index[name] for name in self.virtual.model.wiring.nodes.values()]
        self.codes = np.array([5, 50, 20, 33, 60, 11])
        self["pots"].do("RES:CODE " + ",".join(map(str, self.codes)))
        self["dac"].do("SOUR:VOLT 1.25,(@1)")
        self.channels = ",".join(place.partition(":")[2] for place in self.virtual.model.wiring.nodes)

    def __getitem__(self, name: str) -> Client:
        return self.clients[name]

    def scan(self) -> np.ndarray:
        self["daq"].do(f"CONF:VOLT:DC 10,(@{self.channels});:INP:IMP:AUTO ON,(@{self.channels})")
        return numbers(self["daq"].ask("READ?"))

    def true(self, outputs: Any) -> Any:
        return modified_nodal(network(), CODES[self.codes], Drive([[1.25]], outputs))

    def close(self) -> None:
        for client in self.clients.values():
            client.close()
        self.virtual.close()


def numbers(text: str) -> np.ndarray:
    return np.array([float(part) for part in text.split(",")])


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


CURRENT = "SOUR:FUNC CURR;:SENS:VOLT:PROT {limit};:SOUR:CURR {level};:FORM:ELEM VOLT,CURR;:OUTP ON"
VOLTAGE = "SOUR:FUNC VOLT;:SENS:CURR:PROT {limit};:SOUR:VOLT {level};:FORM:ELEM VOLT,CURR;:OUTP ON"


def near(got: Any, true: Any) -> None:
    np.testing.assert_allclose(got, true, rtol=1e-11, atol=1e-13)


def test_open_phase_is_exact(bench: Bench) -> None:
    near(bench.scan(), bench.true(Open()).node_voltages[0, bench.nodes])


def test_injected_phase_is_exact(bench: Bench) -> None:
    bench["smu"].do(CURRENT.format(limit=5, level=1e-4))
    bench["smu2"].do(CURRENT.format(limit=5, level=-2e-4))
    true = bench.true(Inject([[1e-4, -2e-4]]))
    near(bench.scan(), true.node_voltages[0, bench.nodes])
    near(numbers(bench["smu2"].ask("READ?")), [true.output_voltages[0, 1], -2e-4])


def test_held_phase_is_exact(bench: Bench) -> None:
    bench["smu"].do(VOLTAGE.format(limit=0.1, level=0.3))
    bench["smu2"].do(VOLTAGE.format(limit=0.1, level=-0.2))
    true = bench.true(Hold([[0.3, -0.2]]))
    near(bench.scan(), true.node_voltages[0, bench.nodes])
    near(numbers(bench["smu"].ask("READ?")), [0.3, true.output_currents[0, 0]])


def test_one_port_held_while_the_other_is_injected(bench: Bench) -> None:
    bench["smu"].do(VOLTAGE.format(limit=0.1, level=0.3))
    bench["smu2"].do(CURRENT.format(limit=5, level=1e-4))
    volts, amperes = numbers(bench["smu"].ask("READ?"))
    true = bench.true(Inject([[amperes, 1e-4]]))
    near(true.output_voltages[0, 0], volts)
    near(bench.scan(), true.node_voltages[0, bench.nodes])


def test_compliance_limits_a_current_source(bench: Bench) -> None:
    bench["smu"].do(CURRENT.format(limit=0.9, level=0.5))
    near(numbers(bench["smu"].ask("READ?")), [0.9, _held(bench)])
    assert bench["smu"].ask("SENS:VOLT:PROT:TRIP?;:SENS:CURR:PROT:TRIP?") == "1;0"
    bench["smu"].do("SOUR:CURR 0")
    assert bench["smu"].ask("SENS:VOLT:PROT:TRIP?") == "0"
    near(bench.scan(), bench.true(Open()).node_voltages[0, bench.nodes])


def _held(bench: Bench) -> float:
    """The current that holds m at 0.9 V with the other port open."""
    one = network().with_ports(outputs=["m"])
    return float(modified_nodal(one, CODES[bench.codes], Drive([[1.25]], Hold([[0.9]]))).output_currents[0, 0])


def test_compliance_limits_a_voltage_source(bench: Bench) -> None:
    bench["smu"].do(VOLTAGE.format(limit=1e-4, level=5))
    near(numbers(bench["smu"].ask("READ?")), [bench.true(Inject([[1e-4, 0]])).output_voltages[0, 0], 1e-4])
    assert bench["smu"].ask("SENS:VOLT:PROT:TRIP?;:SENS:CURR:PROT:TRIP?") == "0;1"


def test_2400_refuses_to_read_with_its_output_off(bench: Bench) -> None:
    bench["smu"].socket.sendall(b"READ?;*IDN?\n")  # what follows a refused command in the same message is ignored
    assert bench["smu"].ask("SYST:ERR?").startswith("803,")


def test_2450() -> None:
    bench = Bench(smu="keithley_2450")
    try:
        bench["smu"].do("SOUR:FUNC CURR;:SOUR:CURR:VLIM 2;:SENS:FUNC 'VOLT';:SOUR:CURR:LEV 1e-4;:OUTP ON")
        volts = bench.true(Inject([[1e-4, 0]])).output_voltages[0, 0]
        near(numbers(bench["smu"].ask('READ? "defbuffer1",READ,SOUR')), [volts, 1e-4])
        assert bench["smu"].ask("SOUR:CURR:VLIM:TRIP?") == "0"
        bench["smu"].do("SOUR:CURR 1")
        assert bench["smu"].ask("SOUR:CURR:VLIM:TRIP?;:SOUR:VOLT:ILIM:TRIP?") == "1;0"
    finally:
        bench.close()


def test_b2900() -> None:
    bench = Bench(smu="keysight_b2900")
    try:
        bench["smu"].do("SENS1:FUNC 'VOLT','CURR'")
        bench["smu"].do("SOUR1:FUNC:MODE CURR;:SENS1:VOLT:PROT 2;:SOUR1:CURR 1e-4;:FORM:ELEM:SENS VOLT,CURR;:OUTP1 1")
        volts = bench.true(Inject([[1e-4, 0]])).output_voltages[0, 0]
        near(numbers(bench["smu"].ask("READ? (@1)")), [volts, 1e-4])
        assert bench["smu"].ask("SENS1:VOLT:PROT:TRIP?") == "0"
    finally:
        bench.close()


def test_2700_scan() -> None:
    bench = Bench(daq="keithley_2700")
    try:
        listed = f"(@{bench.channels})"
        bench["daq"].do(
            f"FORM:ELEM READ;:TRAC:CLE;:INIT:CONT OFF;:SENS:FUNC 'VOLT',{listed};:SENS:VOLT:NPLC 1,{listed};"
            f":SENS:VOLT:RANG 10,{listed};:TRIG:SOUR IMM;:TRIG:COUN 1;:SAMP:COUN {len(bench.nodes)};"
            f":ROUT:SCAN {listed};:ROUT:SCAN:TSO IMM;:ROUT:SCAN:LSEL INT"
        )
        near(numbers(bench["daq"].ask("READ?")), bench.true(Open()).node_voltages[0, bench.nodes])
    finally:
        bench.close()


def test_daq6510_scan() -> None:
    bench = Bench(daq="keithley_daq6510")
    try:
        listed, count = f"(@{bench.channels})", len(bench.nodes)
        bench["daq"].do(f"FUNC 'VOLT:DC',{listed};:VOLT:DC:NPLC 1,{listed};:VOLT:DC:RANG 10,{listed};:ROUT:SCAN:CRE {listed}")
        answer = bench["daq"].ask(f'TRAC:CLE;:INIT;*OPC?;:TRAC:DATA? 1,{count},"defbuffer1",READ;:SYST:ERR?')
        done, values, error = answer.split(";")
        assert (done, error) == ("1", '0,"No error"')
        near(numbers(values), bench.true(Open()).node_voltages[0, bench.nodes])
    finally:
        bench.close()


def test_qdac2() -> None:
    bench = Bench()
    bench.close()
    with VirtualBench(network(), station(dac="qdac2")) as virtual:
        client = Client(virtual.resources["dac"])
        client.do("sour1:rang high;:sour1:volt:mode fix;:sour1:volt 0.5")
        assert client.ask("sour1:volt:last?") == "0.5"
        assert client.ask("sour1:volt 11;:syst:err?").startswith("-222")
        client.close()


def test_source_answers_what_it_is_set_to(bench: Bench) -> None:
    bench["dac"].do("SOUR:VOLT 1,-2,(@1,2)")
    assert bench["dac"].ask("SOUR:VOLT? (@1,2)") == "1,-2"
    assert bench["dac"].ask("SOUR:VOLT 1,99,(@1,2);:SYST:ERR?").startswith("-222")
    assert bench["dac"].ask("SOUR:VOLT? (@1,2)") == "1,-2"


def test_box_reads_back_opens_and_refuses(bench: Bench) -> None:
    pots = bench["pots"]
    assert pots.ask("RES:COUN?;:RES:CODE?;:RES:OPEN?") == "6,63;5,50,20,33,60,11;0"
    assert pots.ask("RES:CODE 1,2,3,4,5,64;:SYST:ERR?").startswith("-222")
    assert pots.ask("RES:CODE 1,2;:SYST:ERR?").startswith("-115")
    pots.do("RES:OPEN")
    assert pots.ask("RES:OPEN?") == "1"
    assert bench.virtual.model.conductances.max() < 1e-9
    pots.do("RES:CODE 5,50,20,33,60,11")
    near(bench.scan(), bench.true(Open()).node_voltages[0, bench.nodes])


def test_watchdog_opens_all_when_no_message_came(bench: Bench) -> None:
    pots = bench["pots"]
    clock = Clock(bench.virtual)
    pots.do("SYST:WDOG 300")
    for _ in range(5):
        clock.skip(100)
        assert pots.ask("SYST:WDOG?") == "300"
    assert bench.virtual.model.conductances.min() > 1e-5
    clock.skip(301)
    assert pots.ask("RES:OPEN?") == "1"
    assert bench.virtual.model.conductances.max() < 1e-9


def test_over_range(bench: Bench) -> None:
    bench["dac"].do("SOUR:VOLT 9,(@1)")
    bench["daq"].do(f"CONF:VOLT:DC 1,(@{bench.channels})")
    assert numbers(bench["daq"].ask("READ?"))[0] == 9.9e37
    bench["dac"].do("SOUR:VOLT 1,(@1)")
    bench.virtual.fault("daq", "over")
    assert (numbers(bench["daq"].ask("READ?")) == 9.9e37).all()
    assert (numbers(bench["daq"].ask("READ?")) < 2).all()


def test_undefined_header_and_relative_paths(bench: Bench) -> None:
    assert bench["dac"].ask("VOLTAGE:NONSENSE 3;:SYST:ERR?;:SYST:ERR?") == '-113,"Undefined header";0,"No error"'
    bench["smu"].socket.sendall(b"SOUR:FUNC CURR;SOUR:CURR 1e-5\n")
    assert bench["smu"].ask("SYST:ERR?").startswith("-113")
    assert bench["smu"].ask("SOURCE:FUNCTION CURR;CURRENT:LEVEL 1e-5;LEVEL?;:SYST:ERR?").endswith('0,"No error"')


def test_faults_of_the_line(bench: Bench) -> None:
    client = bench["dac"]
    bench.virtual.fault("dac", "garbage", 2)
    for _ in range(2):
        client.socket.sendall(b"*IDN?\n")
        assert client.file.readline() == b"\xff\x00?#!\n"
    assert "SCPI-DAC" in client.ask("*IDN?")
    bench.virtual.fault("dac", "late")
    start = time.monotonic()
    assert "SCPI-DAC" in client.ask("*IDN?")
    assert time.monotonic() - start > 0.5
    bench.virtual.fault("dac", "mute")
    client.socket.sendall(b"*IDN?\n")
    client.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.socket.recv(100)
    for kind, size in (("half", 1), ("drop", 0)):
        again = Client(bench.virtual.resources["dac"])
        bench.virtual.fault("dac", kind)  # type: ignore[arg-type]
        again.socket.sendall(b"*IDN?\n")
        answer = again.file.read()
        assert len(answer) >= size
        assert not answer.endswith(b"\n")
        again.close()
    with pytest.raises(ValueError, match="no fault"):
        bench.virtual.fault("dac", "fire")  # type: ignore[arg-type]


def test_a_stuck_edge_keeps_its_conductance(bench: Bench) -> None:
    bench.virtual.fault("pots", "stuck", edge="R2")
    bench["pots"].do("RES:CODE 6,6,6,6,6,6")
    assert bench.virtual.model.conductances[1] == pytest.approx(CODES[50])
    assert bench.virtual.model.conductances[0] == pytest.approx(CODES[6])


def test_imperfections() -> None:
    bench = Bench(noise_v=1e-3, lsb_v=1e-4, offset_v=1e-2, dac_bits=8, dac_span_v=10.0, pot_tolerance=0.2)
    try:
        scans = np.array([bench.scan() for _ in range(200)])
        assert scans.std(0) == pytest.approx(1e-3, rel=0.3)
        np.testing.assert_allclose(scans / 1e-4, np.round(scans / 1e-4), atol=1e-6)
        assert bench["dac"].ask("SOUR:VOLT? (@1)") == "1.25"
        bench["dac"].do("SOUR:VOLT 1.26,(@1)")
        assert bench["dac"].ask("SOUR:VOLT? (@1)") == "1.25"
        ratio = bench.virtual.model.conductances / CODES[bench.codes]
        assert 0.01 < np.abs(1 / ratio - 1).max() <= 0.2
    finally:
        bench.close()


def test_pots_drift_by_as_much_at_each_new_code_and_rest_between() -> None:
    bench = Bench(pot_drift=1e-2)
    try:
        first = bench.virtual.model.conductances
        for code in (6, 5, 6, 5):
            bench["pots"].do(f"RES:CODE {code},50,20,33,60,11")
        drifted = first / bench.virtual.model.conductances
        assert 1e-3 < abs(drifted[0] - 1) < 4.1e-2
        for _ in range(2):
            bench["pots"].do("RES:OPEN")
            bench["pots"].do("RES:CODE 5,50,20,33,60,11")
        np.testing.assert_array_equal(first / bench.virtual.model.conductances, drifted)
        np.testing.assert_array_equal(drifted[1:], 1)
        for code in (6, 5, 6, 5):
            bench["pots"].do(f"RES:CODE {code},50,20,33,60,11")
        assert first[0] / bench.virtual.model.conductances[0] == pytest.approx(drifted[0] ** 2)
    finally:
        bench.close()


def test_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("hwlearn.lab.virtual.model.time", Table(monotonic=lambda: now[0]))
    bench = Bench(tau_s=0.2)
    try:
        now[0] += 4.0
        before = bench.scan()
        assert before[0] == pytest.approx(1.25, abs=1e-8)
        bench["dac"].do("SOUR:VOLT 2.25,(@1)")
        near(bench.scan(), before)
        final = before * 2.25 / 1.25
        for later, left in ((0.2 * np.log(2), 0.5), (0.2 * np.log(2), 0.25), (4.0, 0.0)):
            now[0] += later
            np.testing.assert_allclose(bench.scan(), final + left * (before - final), rtol=1e-7)
    finally:
        bench.close()


def test_loading_is_what_a_resistor_at_the_scanned_node_does() -> None:
    bench = Bench(dmm_ohm=1e5)
    try:
        bench["daq"].do(f"CONF:VOLT:DC 10,(@{bench.channels})")
        bench["smu"].do(VOLTAGE.format(limit=0.1, level=0.3))
        read = numbers(bench["daq"].ask("READ?"))
        one = network().with_ports(outputs=["m"])
        for k, node in enumerate(bench.virtual.model.wiring.nodes.values()):
            loaded = Network.from_edges([*EDGES, (node, "0")], inputs=["a"], outputs=["m"])
            drive = Drive([[1.25]], Hold([[0.3]]))
            true = modified_nodal(loaded, np.append(CODES[bench.codes], 1e-5), drive)
            near(read[k], true.node_voltages[0, one.node_index[node]])
    finally:
        bench.close()


def test_listens_on_loopback_only_and_leaves_nothing() -> None:
    threads, process = threading.active_count(), psutil.Process()
    sockets = len(process.net_connections())
    bench = Bench()
    listening = [c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN]
    assert len(listening) >= 5
    assert set(listening) == {"127.0.0.1"}
    bench.virtual.close()
    bench.close()
    assert threading.active_count() == threads
    assert len(process.net_connections()) == sockets


def test_codes_without_a_known_resistance_are_still_resistors() -> None:
    made = station()
    odd = CODES.copy()
    odd[:40], odd[63] = np.nan, np.inf
    made.tables["R1"].conductances = odd
    with VirtualBench(network(), made) as virtual:
        client = Client(virtual.resources["pots"])
        client.do("RES:CODE 3,5,5,5,5,5")
        assert virtual.model.conductances[0] == pytest.approx(CODES[40])
        client.do("RES:CODE 63,5,5,5,5,5")
        assert virtual.model.conductances[0] == pytest.approx(1e3)
        client.close()


@pytest.mark.parametrize("smu", ["keithley_2400", "keithley_2450", "keysight_b2900"])
@pytest.mark.parametrize("dac", ["scpi_dac", "qdac2"])
@pytest.mark.parametrize(
    "daq", ["keysight_34970a", "keysight_34980a", "keysight_daq970a", "keithley_2700", "keithley_daq6510"]
)
def test_every_driver_is_understood(smu: str, dac: str, daq: str) -> None:
    made = station(smu, daq, dac)
    codes = [5, 50, 20, 33, 60, 11]
    with VirtualBench(network(), made) as virtual, ExitStack() as stack:
        use: dict[str, Any] = {}
        for name, resource in virtual.resources.items():
            session = Session(resource, name=name)
            stack.callback(session.close)
            use[name] = DRIVERS.get(made.settings.instrument[name].driver)(session)  # type: ignore[arg-type]
        reads = virtual.model.wiring.nodes
        at = [network().node_index[node] for node in reads.values()]
        use["pots"].watchdog(30.0)
        use["pots"].write(codes)
        use["dac"].set({"1": 1.25})
        use["daq"].select([place.partition(":")[2] for place in reads], volts=10.0, nplc=1.0, high_z=True)
        for name in ("smu", "smu2"):
            use[name].limit("1", volts=5.0, amperes=0.01, nplc=1.0)
        for outputs in (Inject([[1e-4, -2e-4]]), Hold([[0.3, -0.2]]), Inject([[0.0, 0.0]])):
            imposed = outputs.voltage if isinstance(outputs, Hold) else outputs.current
            for name, value in zip(("smu", "smu2"), imposed[0].tolist(), strict=True):
                (use[name].hold if isinstance(outputs, Hold) else use[name].inject)("1", value)
            true = modified_nodal(network(), CODES[codes], Drive([[1.25]], outputs))
            near(use["daq"].scan()[0], true.node_voltages[0, at])
            for k, name in enumerate(("smu", "smu2")):
                near(use[name].read("1"), [true.output_voltages[0, k], true.output_currents[0, k], 0])
        use["smu"].inject("1", 0.5)
        assert use["smu"].read("1").tripped
        use["smu"].safe(Wired(nudge=("1",)))
        use["smu2"].safe(Wired(nudge=("1",)))
        true = modified_nodal(network(), CODES[codes], Drive([[1.25]], Open()))
        near(use["daq"].scan()[0], true.node_voltages[0, at])
        use["dac"].safe(Wired(drive=("1",)))
        near(use["daq"].scan()[0], 0 * true.node_voltages[0, at])
        use["pots"].safe(Wired())
        assert virtual.model.conductances.max() < 1e-9
