"""Random states left by somebody else: the right reading, or a named refusal before anything is learned; and always safe.

Two hundred: `HWLEARN_STATES=200 pytest tests/lab/test_bench_states.py -s`, which takes minutes; a few are quick.
"""

import os
import re
from collections import Counter

import numpy as np
import pytest
from benches import NETWORK, STATION, changed
from test_bench_faults import QUIET
from test_driver_contracts import METERS, OF

from hwlearn import Drive, EquilibriumPropagation, ExactCircuit, Inject, Task, train
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.instruments.roles import Scanner, Source
from hwlearn.lab.instruments.scpi import scanner
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual import VirtualBench
from hwlearn.lab.virtual.resistors import VirtualResistorBox
from hwlearn.lab.virtual.sourcemeters import Channel

STATES = int(os.environ.get("HWLEARN_STATES", "6"))
RULE, TASK = EquilibriumPropagation(2e-4, symmetric=True), Task([[1.0]], [[0.1]])
TOLD = Counter()
"""What became of them all."""
MOST = 1.5
"""limits.v_node_max [V]."""
QUEUE = ['-113,"Undefined header"', '-222,"Data out of range"', '-410,"Query INTERRUPTED"', '-221,"Settings conflict"']
LINES = {
    "keysight": [
        ":CONF:VOLT:DC 0.1,DEF,(@101:105);:ROUT:SCAN (@101:105)",
        ":CALC:SCAL:STAT ON,(@103)",
        ":FORM:READ:CHAN ON;:FORM:READ:UNIT ON",
        ":FORM:READ:ALAR ON;:FORM:READ:TIME ON",
        ":ROUT:CHAN:DEL 0,(@101:115)",
        ":TRIG:SOUR BUS;:INIT",
        ":TRIG:COUN 7",
        ":TRIG:COUN INF;:TRIG:SOUR IMM;:INIT",
    ],
    "keithley_2700": [
        ":ROUT:SCAN (@101:103);:ROUT:SCAN:LSEL INT",
        ":SENS:VOLT:REF 0.3,(@104);:SENS:VOLT:REF:STAT ON,(@104)",
        ":SENS:VOLT:AVER:STAT ON,(@101:115)",
        ":UNIT:VOLT:DC DB,(@106)",
        ":CALC:STAT ON",
        ":SAMP:COUN 3;:TRIG:COUN 5",
        ":TRIG:DEL 0",
        ":SENS:VOLT:RANG 0.1,(@101:115)",
    ],
    "keithley_daq6510": [
        ":ROUT:SCAN:CRE (@101:103)",
        ":VOLT:DC:REL 0.3,(@104);:VOLT:DC:REL:STAT ON,(@104)",
        ":VOLT:DC:AVER ON,(@101:115)",
        ":VOLT:DC:UNIT DB,(@106)",
        ":CALC:VOLT:DC:MATH:STAT ON,(@107)",
        ":TRAC:POIN 20",
        ":FORM:ASC:PREC 3",
        ":VOLT:DC:AZER OFF,(@101:115)",
        ":VOLT:DC:DEL:AUTO OFF,(@101:115);:ROUT:DEL 0,(@101:115)",
    ],
    "keithley_2400": [
        ":FORM:ELEM RES",
        ":TRIG:COUN 10",
        ":SENS:FUNC:CONC OFF",
        ":SENS:AVER ON",
        ":SYST:RSEN ON",
        ":SOUR:CLE:AUTO ON",
        ":ROUT:TERM REAR",
        ":SENS:VOLT:RANG 0.02",
        ":SOUR:CURR:MODE SWE",
        ":SENS:RES:MODE AUTO",
    ],
    "keithley_2450": [
        ":SENS:FUNC 'RES'",
        ":SENS:VOLT:RSEN ON",
        ":SENS:CURR:REL:STAT ON",
        ":CALC:VOLT:MATH:STAT ON",
        ":SENS:VOLT:AVER ON",
        ":ROUT:TERM REAR",
        ":SENS:CURR:RANG 1e-8",
        ":FORM:ASC:PREC 3",
    ],
    "keysight_b2900": [
        ":FORM:ELEM:SENS SOUR,STAT",
        ":SENS1:REM ON",
        ":SOUR1:CURR:RANG 1e-6",
        ":OUTP1:OFF:AUTO ON",
        ":CALC1:MATH:STAT ON",
    ],
    "scpi_adc": [
        ":SENS:VOLT:RANG 0.1,(@101:115)",
        ":SENS:VOLT:NPLC 0.1,(@101:115)",
        ":INP:IMP:AUTO OFF,(@101:115)",
        ":ROUT:CHAN:DEL 0,(@101:115)",
        ":ROUT:SCAN (@101:103)",
        ":TRIG:COUN 7",
    ],
    "scpi_dac": [":OUTP OFF,(@1)"],
    "qdac2": [],
}


def lines_of(driver):
    return next(lines for name, lines in LINES.items() if driver.startswith(name))


def leave(made, drivers, random):
    """The bench as somebody leaves it."""
    for name, twin in made.instruments.items():
        driver = drivers.get(name, "")
        for line in lines_of(driver) if driver else []:
            if random.random() < 0.25:
                twin.answer(line)
        twin._errors = list(random.choice(QUEUE, random.choice([0, 0, 1, 3])))
    smu, dac, daq, pots = (made.instruments[name] for name in ("smu", "dac", "daq", "pots"))
    if random.random() < 0.7:
        mode = str(random.choice(["voltage", "current"]))
        level = float(random.choice([-1, 1]) * 10 ** random.uniform(-2, 0))
        smu.channels["1"] = Channel(mode, 20 * level, 0.05 * level, v_limit=21.0, i_limit=0.1, on=True)
        made.model.set_meter("smu:1", smu.channels["1"].drive())
    if random.random() < 0.7:
        dac.set_volts("1", float(random.uniform(-5, 5)))
    if hasattr(daq, "busy"):
        daq.busy = daq.busy or bool(random.random() < 0.2)
    for key, pressed in (("SYST:FRSW", "1"), ("ROUT:TERM", "FRON")):
        if key in daq.usual and random.random() < 0.08:
            daq.modes[key, ""] = pressed
    for name, twin in (("smu", smu), ("daq", daq)):
        if drivers[name] in ("keithley_2450", "keithley_daq6510") and random.random() < 0.08:
            twin.language = "TSP"
    if random.random() < 0.5:
        pots.open()
    else:
        pots._write(tuple(str(code) for code in random.integers(0, 256, pots.count)))
    pots.watchdog = float(random.choice([0.0, 0.0, 2.0, 600.0]))


def station_of(folder, made, drivers):
    text = changed(STATION, *replaced(drivers), ('backend = "virtual"', 'backend = "@py"'))
    for name, resource in made.resources.items():
        text = text.replace(f"[instrument.{name}]", f'[instrument.{name}]\nresource = "{resource}"')
    (folder / "station.toml").write_text(text, encoding="utf-8")
    return folder / "station.toml"


def replaced(drivers):
    given = {"daq": "keysight_daq970a", "dac": "scpi_dac", "smu": "keithley_2450"}
    quiet = [(old, new.replace("0.001", "0.02")) for old, new in QUIET.items()]
    return [*((f'driver = "{given[name]}"', f'driver = "{driver}"') for name, driver in drivers.items()), *quiet]


def compare(circuit, made, drive):
    """A phase against the exact model of the conductances that the bench truly has."""
    measured = circuit.measure(drive)
    with ExactCircuit(NETWORK) as exact:
        exact.program(made.model.conductances)
        true = exact.measure(drive)
    assert np.abs(measured.node_voltages - true.node_voltages).max() < 2e-5
    assert np.abs(measured.output_currents - true.output_currents).max() < 1e-9


@pytest.mark.parametrize("seed", range(STATES))
def test_a_bench_that_somebody_else_left(tmp_path, monkeypatch, seed):
    random = np.random.default_rng((14, seed))
    dacs = [name for name in OF[Source] if name not in METERS]
    drivers = {"daq": str(random.choice(OF[Scanner])), "dac": str(random.choice(dacs)), "smu": str(random.choice(METERS))}
    monkeypatch.setattr(scanner, "RELAY_SECONDS", 1e-3)
    (tmp_path / "virtual.toml").write_text(changed(STATION, *replaced(drivers)), encoding="utf-8")
    with VirtualBench(NETWORK, load_station(tmp_path / "virtual.toml")) as made:
        leave(made, drivers, random)
        opened, seen, write = made.instruments["pots"].opened, [], VirtualResistorBox._write

        def looked_at(box, arguments):
            write(box, arguments)
            seen.append(float(np.abs(made.model._now()).max()))

        monkeypatch.setattr(VirtualResistorBox, "_write", looked_at)
        path, circuit, error = station_of(tmp_path, made, drivers), None, "right"
        try:
            with BenchCircuit(NETWORK, path) as circuit:
                assert made.instruments["pots"].opened == opened  # connecting changes nothing
                start = circuit.conductances
                compare(circuit, made, Drive([[1.0], [-0.5]]))
                compare(circuit, made, Drive([[1.0], [-0.5]], Inject([[1e-4], [-2e-4]])))
                train(circuit, TASK, RULE, steps=2, learning_rate=1e-6)
                compare(circuit, made, Drive([[0.7]]))
        except InstrumentError as raised:
            error = str(raised)
            assert re.match("(daq|dac|smu|pots)[: ]", error)
            assert "NOT SAFE" not in error
            assert circuit is None or np.array_equal(circuit.conductances, start)  # nothing was learned
        assert max(seen, default=0.0) < MOST
        assert not any(channel.on for channel in made.instruments["smu"].channels.values())
        assert not any(made.instruments["dac"].volts.values())
        assert made.instruments["pots"].opened
        TOLD[re.sub(r"\(TCPIP[^)]*\)|\d[\d.]*", "#", error)[:90]] += 1
        print(f"{seed}: {drivers}: {error}")
        if seed == STATES - 1:
            print(*TOLD.most_common(), sep="\n")
