"""Random faults while a bench learns, over real sockets: the right reading, or a named error and a safe bench."""

import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hwlearn import Drive, EquilibriumPropagation, ExactCircuit, Inject, Task, train
from hwlearn.errors import InstrumentError
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.instruments.scpi import scanner
from hwlearn.lab.virtual.ports import OPEN

ROOT = Path(__file__).parents[2]
NETWORK = load_experiment(ROOT / "netlists" / "allostery-bench.toml").network
RULE = EquilibriumPropagation(2e-4, symmetric=True)
FAULTS, LSB = int(os.environ.get("HWLEARN_FAULTS", "60")), 5e-6  # 500 take 40 s
GAP = (12, 45)
"""Messages from one fault to the next."""
KINDS = {"mute": 10, "late": 10, "garbage": 26, "half": 16, "drop": 16, "power": 16, "over": 6, "stuck": 8}
"""Weights of the kinds of faults."""
ERRORS = ("NOT SAFE", "does not follow its code", "read inf V", "the connection failed", "twice", "to '*IDN?'")
"""What errors may say."""
QUIET = {
    "nplc = 1": "nplc = 0.02\ndrift_max = 1e-4\noffset_max = 1e-4",
    "repeats = 8": "repeats = 1",
    "noise_v = 20e-6": "noise_v = 0",
    "dac_bits = 16": "dac_bits = 0",
    'rounding = "stochastic"': 'rounding = "nearest"',
}


@pytest.fixture
def station(tmp_path, monkeypatch):
    monkeypatch.setattr(scanner, "RELAY_SECONDS", 1e-3)  # a virtual relay needs no time to wait for
    text = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
    for old, new in QUIET.items():
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "station.toml"
    path.write_text(text, encoding="utf-8")
    return path


class Watched(BenchCircuit):
    """A bench whose readings are compared with the exact model of its true conductances."""

    def __init__(self, station, start):
        super().__init__(NETWORK, station)
        self.virtual = self.connection.virtual
        for instrument in self.connection.instruments.values():
            instrument.session.timeout = 0.05
        self.exact = ExactCircuit(NETWORK)
        self.programmed, self.phases = self.conductances, 0
        if start is not None:  # where the last training ended
            np.testing.assert_array_equal(self.program(start), start)

    def _program(self, conductances):
        self.programmed = super()._program(conductances)
        return self.programmed

    def measure(self, drive):
        measured = super().measure(drive)
        self.exact.program(self.virtual.model.conductances)
        true = self.exact.measure(drive)
        assert np.abs(measured.node_voltages - true.node_voltages).max() <= 0.51 * LSB
        assert np.abs(measured.output_currents - true.output_currents).max() <= 1e-12
        self.phases += 1
        return measured


class Trouble:
    """Injects a random fault into a random instrument at a random message, again and again."""

    def __init__(self, virtual, random):
        self.virtual, self.random = virtual, random
        self.injected = []  # (kind, instrument or edge)
        self.waiting, self.cut, self.unlimited = {}, set(), 0
        self.left = random.integers(*GAP)
        for name, instrument in virtual.instruments.items():
            instrument.faults.late = 0.15
            instrument.received = lambda name=name, before=instrument.received: (before(), self.heard(name))

    def heard(self, name):
        self.left -= 1
        meter = self.virtual.instruments["smu"].channels.get("1")
        self.unlimited += meter is not None and meter.on and meter.i_limit != 1e-2
        if self.left <= 0 and not self.waiting:
            kind = self.random.choice(list(KINDS), p=np.array(list(KINDS.values())) / sum(KINDS.values()))
            at = "daq" if kind == "over" else str(self.random.choice(list(self.virtual.instruments)))
            if kind in ("power", "stuck"):  # while the message goes to another instrument
                self.happen(kind, at)
            else:
                self.waiting = {at: kind}
        if name in self.waiting:
            self.happen(self.waiting.pop(name), name)
        if name in self.cut:
            self.cut.remove(name)
            raise ConnectionResetError  # the message is lost

    def happen(self, kind, at):
        self.left = self.random.integers(*GAP)
        if kind == "power":
            switched_off_and_on(self.virtual.instruments[at], self.virtual.model)
            self.cut.add(at)
        elif kind == "stuck":
            at = str(self.random.choice(NETWORK.edge_names))
            self.virtual.fault("pots", "stuck", edge=at)
        else:
            self.virtual.fault(at, kind, 1 if kind == "over" else int(self.random.choice([1, 2, 3], p=[0.96, 0.02, 0.02])))
        self.injected.append((kind, at))


def switched_off_and_on(instrument, model):
    """Everything that was set is lost."""
    if instrument.name == "daq":
        instrument.channels, instrument.limit, instrument.high_z, instrument.busy = (), {}, {}, False
    elif instrument.name == "dac":
        instrument.volts.clear()
        model.set_source("dac:1", 0.0)
    elif instrument.name == "smu":
        instrument.channels.clear()
        instrument.told.clear()
        model.set_meter("smu:1", OPEN)
    else:
        instrument.codes, instrument.opened, instrument.watchdog = [128] * instrument.count, False, 0.0
        for k in range(instrument.count):
            model.set_code(f"pots:{k}", 128)


def test_random_faults(station):
    random = np.random.default_rng(1)
    start, injected, errors, phases = None, Counter(), Counter(), 0
    found = ("read inf V", "does not follow its code")  # each at least once, by whichever fault
    while injected.total() < FAULTS or phases <= FAULTS or not all(errors[text] for text in found):
        assert injected.total() < 10 * FAULTS, errors
        circuit = Watched(station, start)
        trouble, error = Trouble(circuit.virtual, random), ""
        try:
            with circuit:
                for target in random.uniform(-0.2, 0.3, (6, 1, 1)):
                    train(circuit, Task([[1.0]], target), RULE, steps=30, learning_rate=1e-6)
        except InstrumentError as raised:
            error = str(raised)
            assert re.match("daq|dac|smu|pots", error)
            errors[next((text for text in ERRORS if text in error), error)] += 1
        phases += circuit.phases
        injected.update(kind for kind, _ in trouble.injected)
        if "does not follow its code" in error:
            assert any(f"(edge {edge})" in error for kind, edge in trouble.injected if kind == "stuck")
        if "NOT SAFE" not in error:
            instruments = circuit.virtual.instruments
            assert not any(channel.on for channel in instruments["smu"].channels.values())  # none if it was switched off since
            assert not any(instruments["dac"].volts.values())
            assert instruments["pots"].opened
        assert not trouble.unlimited
        np.testing.assert_array_equal(circuit.conductances, circuit.programmed)
        start = circuit.conductances
    assert phases > FAULTS
    assert set(errors) <= set(ERRORS)
    assert 0 < errors["read inf V"] <= injected["over"]
    assert errors["does not follow its code"] > 0
    assert errors["NOT SAFE"] <= 2
    lost = errors.total() - errors["read inf V"] - errors["does not follow its code"]
    assert lost < 0.15 * injected.total()  # the others were recovered


def test_limits_return_before_a_lost_message_is_sent_again(station):
    with Watched(station, None) as circuit:
        circuit.measure(Drive([[1.0]]))
        smu = circuit.virtual.instruments["smu"]
        before, smu.lines = smu.lines, []
        circuit.virtual.fault("smu", "drop")
        circuit.measure(Drive([[1.0]], Inject([[1e-4]])))
    (limits,) = {line for line in before if ":SOUR:CURR:VLIM 2;" in line}
    lost = ":SOUR:CURR 0.0001;*OPC?;:SYST:ERR?"
    assert [line.replace(";*OPC?", "") for line in smu.lines[:4]] == [
        lost.replace(";*OPC?", ""),
        "*IDN?",
        ":SYST:ERR?",
        limits.replace(";*OPC?;:SYST:ERR?", ""),
    ]
    assert smu.lines[5] == lost


def test_instruments_that_were_not_set_up_say_so(station):
    with Watched(station, None) as circuit:
        with pytest.raises(InstrumentError, match=r"smu .*channel 1 sources nothing"):
            circuit.connection.instruments["smu"].read("1")
        with pytest.raises(InstrumentError, match=r"daq .*select them first"):
            circuit.connection.instruments["daq"].scan()


def test_a_box_with_unused_channels_is_programmed_after_it_was_opened(station):
    with Watched(station, None) as circuit:
        circuit.measure(Drive([[1.0]]))
        pots = circuit.virtual.instruments["pots"]
        pots.count, pots.codes = 26, [*pots.codes, 7, 9]
        circuit.connection.instruments["pots"].count = 0
        pots.open()
        circuit.program(1.1 * circuit.conductances)
        assert pots.codes[24:] == [7, 9]
        assert not pots.opened
