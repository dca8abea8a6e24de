"""A bench that somebody else left on, or in a mode of his: said, made safe before a resistor is connected, or refused."""

import logging

import numpy as np
import pytest
from benches import NETWORK, bench
from speaking import SPEAKING
from test_bench_leads import verified
from test_driver_contracts import METERS, OF
from test_virtual import network, station

from hwlearn import Drive, Inject
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.bench.selftest import self_test
from hwlearn.lab.instruments.drivers import DRIVERS
from hwlearn.lab.instruments.found import Driving, Found, Misreading, Noted
from hwlearn.lab.instruments.roles import Scanner, Source, Wired
from hwlearn.lab.instruments.settings import InstrumentTable, Setup
from hwlearn.lab.virtual import VirtualBench
from hwlearn.lab.virtual.resistors import VirtualResistorBox
from hwlearn.lab.virtual.sourcemeters import Channel

ALL_WIRED = Wired(drive=("1", "2"), read=("101", "102", "103"), nudge=("1",))


def left_on(twin, channel="1", mode="voltage", volts=20.0, amperes=0.0):
    """A source meter as somebody left it."""
    twin.channels[channel] = Channel(mode, volts, amperes, v_limit=21.0, i_limit=0.1, on=True)
    twin.model.set_meter(twin.place(channel), twin.channels[channel].drive())


def stubborn(twin):
    """An instrument that keeps its modes, whatever it is told."""
    obeyed = twin._remember
    twin._remember = lambda key, command: obeyed(key, command) if command.header.endswith("?") else None
    twin._set = lambda *_: None
    return twin


def connected(virtual, name, driver):
    return DRIVERS.get(driver).connect(Setup(name, InstrumentTable(driver=driver), virtual.resources[name]))


def only_questions(lines):
    return all(command.partition(" ")[0].endswith("?") for line in lines for command in line.split(";"))


@pytest.mark.parametrize("driver", METERS)
@pytest.mark.parametrize(("mode", "said"), [("voltage", "at 20 V"), ("current", "at -0.003 A")])
def test_a_source_meter_says_what_it_makes_and_looking_changes_nothing(driver, mode, said):
    with VirtualBench(network(), station(smu=driver)) as virtual:
        twin = virtual.instruments["smu"]
        left_on(twin, mode=mode, amperes=-3e-3)
        before = twin.channels["1"].drive()
        made = connected(virtual, "smu", driver)
        found = made.look(Wired(nudge=("1",)))
        made.close()
        assert [one for one in found if isinstance(one, Driving)] == [Driving(f"has its output on, {said}", "1")]
        assert twin.channels["1"].drive() == before
        assert only_questions(twin.lines)


@pytest.mark.parametrize("driver", [name for name in OF[Source] if name not in METERS])
def test_a_source_says_what_it_makes(driver):
    with VirtualBench(network(), station(dac=driver)) as virtual:
        virtual.instruments["dac"].set_volts("2", 7.5)
        made = connected(virtual, "dac", driver)
        assert made.look(Wired(drive=("1", "2"))) == [Driving("makes 7.5 V", "2")]
        made.close()
        assert virtual.instruments["dac"].volts == {"2": 7.5}
        assert only_questions(virtual.instruments["dac"].lines)


@pytest.mark.parametrize("driver", SPEAKING)
def test_an_instrument_as_it_powers_up_is_worth_no_word(driver):
    roles = {"smu": METERS, "dac": OF[Source], "daq": OF[Scanner], "pots": list(SPEAKING)}
    role = next(role for role, names in roles.items() if driver in names)
    with VirtualBench(network(), station(**({} if role == "pots" else {role: driver}))) as virtual:
        made = connected(virtual, role, driver)
        assert made.look(Wired(set=("0", "1")) if role == "pots" else ALL_WIRED) == []
        made.close()


@pytest.mark.parametrize(
    ("role", "driver", "line", "channel", "kind"),
    [
        ("smu", "keithley_2400", ":SYST:RSEN ON", "", Misreading),
        ("smu", "keithley_2400", ":SOUR:CLE:AUTO ON", "", Misreading),
        ("smu", "keithley_2400", ":SENS:AVER ON", "", Misreading),
        ("smu", "keithley_2400", ":CALC2:NULL:STAT ON", "", Noted),
        ("smu", "keithley_2450", ":SENS:CURR:RSEN ON", "", Misreading),
        ("smu", "keithley_2450", ":SENS:VOLT:REL:STAT ON", "", Misreading),
        ("smu", "keysight_b2900", ":SENS1:REM ON", "1", Misreading),
        ("daq", "keithley_2700", ":SENS:VOLT:REF:STAT ON,(@102)", "102", Misreading),
        ("daq", "keithley_2700", ":SENS:VOLT:AVER:STAT ON", "", Misreading),
        ("daq", "keithley_daq6510", ":CALC:VOLT:MATH:STAT ON,(@103)", "103", Misreading),
        ("daq", "keysight_34970a", ":CALC:SCAL:STAT ON,(@101)", "101", Misreading),
        ("daq", "keysight_daq970a", ":CALC:SCAL:STAT ON,(@102)", "102", Misreading),
    ],
)
def test_a_mode_is_named_with_its_channel(role, driver, line, channel, kind):
    with VirtualBench(network(), station(**{role: driver})) as virtual:
        virtual.instruments[role].answer(line)
        made = connected(virtual, role, driver)
        found = made.look(ALL_WIRED if role == "daq" else Wired(nudge=("1",)))
        made.close()
    named = {channel} if channel else {"1"} if role == "smu" else {"101", "102", "103"}
    assert {type(one) for one in found} == {kind}
    assert {one.channel for one in found} == named


def test_nothing_is_connected_to_a_source_that_was_left_on(tmp_path, monkeypatch, caplog):
    with bench(tmp_path) as circuit:
        circuit.close()
        made = circuit.made
        smu, dac, pots, model = made.instruments["smu"], made.instruments["dac"], made.instruments["pots"], made.model
        pots.open()
        left_on(smu)
        dac.set_volts("1", -4.0)
        smu._errors.append('-113,"Undefined header"')
        smu.lines, dac.lines = [], []
        seen = []
        write = VirtualResistorBox._write

        def looked_at(box, arguments):
            write(box, arguments)
            seen.append(float(np.abs(model._now()).max()))

        monkeypatch.setattr(VirtualResistorBox, "_write", looked_at)
        with caplog.at_level(logging.WARNING), BenchCircuit(NETWORK, tmp_path / "station.toml") as again:
            assert smu.channels["1"].on  # connecting has changed nothing
            assert pots.opened
            assert only_questions([*smu.lines, *dac.lines])
            again.program(again.conductances)
            assert not smu.channels["1"].on
            assert smu.channels["1"].volts == dac.volts["1"] == 0.0
            measured = again.measure(Drive([[1.0]], Inject([[1e-4]])))
            assert measured.output_currents[0, 0] == pytest.approx(1e-4)
        assert seen
        assert max(seen) < 1e-3  # V: nodes as the resistors are connected
    told = " ".join(caplog.messages)
    assert "smu: channel 1 has its output on, at 20 V; it is switched off before a resistor is connected" in told
    assert "dac: channel 1 makes -4 V; it is switched off" in told
    assert 'smu: has in its error queue, from before: -113,"Undefined header"' in told
    assert again.provenance()["instruments"]["dac"]["found"] == ["channel 1 makes -4 V"]


def test_a_source_that_cannot_be_switched_off_keeps_the_resistors_open(tmp_path):
    with bench(tmp_path) as circuit:
        made = circuit.made
        smu, pots = made.instruments["smu"], made.instruments["pots"]
        circuit.close()
        left_on(smu)
        obeyed = smu.command
        smu.command = lambda given: None if given.header == "OUTP" else obeyed(given)
        with BenchCircuit(NETWORK, tmp_path / "station.toml") as again:
            pots.lines = []
            with pytest.raises(InstrumentError, match=r"NOT SAFE: smu .*':OUTP OFF', twice.* by hand"):
                again.measure(Drive([[1.0]]))
        assert not any(":RES:CODE " in line for line in pots.lines)
        assert pots.opened


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("smu", ":SENS:VOLT:RSEN ON", "smu .*channel 1 senses voltage with four wires.*\\*RST"),
        ("daq", ":CALC:SCAL:STAT ON,(@107)", "daq .*channel 107 scales its readings.*\\*RST"),
    ],
)
def test_a_mode_that_is_not_set_back_is_refused_before_anything_is_learned(tmp_path, name, line, said):
    with bench(tmp_path) as circuit:
        circuit.made.instruments[name].answer(line)
        stubborn(circuit.made.instruments[name])
        with pytest.raises(InstrumentError, match=said):
            verified(circuit).measure(Drive([[1.0]]))
        assert not circuit.made.instruments["smu"].channels["1"].on


def test_the_self_test_tells_what_it_found_and_what_stays(tmp_path):
    with bench(tmp_path) as circuit:
        circuit.close()
        left_on(circuit.made.instruments["smu"], volts=3.0)
        stubborn(circuit.made.instruments["daq"]).modes["CALC:SCAL", "107"] = "1"
        with BenchCircuit(NETWORK, tmp_path / "station.toml", verify=False) as again:
            findings = self_test(again)
    said = {(f.test, f.subject, f.passed): f.note for f in findings if f.test in ("found", "mode")}
    assert said["found", "smu", True] == "channel 1 has its output on, at 3 V"
    assert said["mode", "daq", False].startswith("channel 107 scales its readings: switch that off")


def test_a_source_meter_that_speaks_another_language_is_refused_and_off(tmp_path):
    with bench(tmp_path) as circuit:
        circuit.close()
        smu, dac = circuit.made.instruments["smu"], circuit.made.instruments["dac"]
        left_on(smu)
        dac.set_volts("1", 4.0)
        smu.language = "TSP"
        with pytest.raises(
            InstrumentError,
            match=r"^smu: speaks TSP: send '\*LANG SCPI', or .* menu, then switch it off and on$",
        ):
            BenchCircuit(NETWORK, tmp_path / "station.toml")
        assert not smu.channels["1"].on
        assert dac.volts["1"] == 0.0


def test_old_entries_of_a_queue_are_not_blamed_on_the_first_message():
    with VirtualBench(network(), station(smu="keithley_2400")) as virtual:
        virtual.instruments["smu"]._errors += ['-222,"Data out of range"', '-410,"Query INTERRUPTED"']
        made = connected(virtual, "smu", "keithley_2400")
        assert made.look(Wired()) == [
            Found('has in its error queue, from before: -222,"Data out of range"'),
            Found('has in its error queue, from before: -410,"Query INTERRUPTED"'),
        ]
        made.limit("1", volts=1.0, amperes=1e-3, nplc=1.0)
        made.close()
