"""`driver = "pymeasure"`: line by line by PyMeasure's own `expected_protocol`, and against virtual instruments."""

from contextlib import contextmanager

import pytest
from adapters import made, needs, table, virtual_bench
from benches import changed
from pydantic import ValidationError

from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.drivers.pymeasure import Pymeasure
from hwlearn.lab.instruments.found import Driving
from hwlearn.lab.instruments.roles import Wired
from hwlearn.testing import SourceMeterContract

needs("pymeasure")

METER = """
driver = "pymeasure"
terminator = "LF"
[table.pymeasure]
class = "pymeasure.instruments.keithley.Keithley2400"
errors = ":SYST:ERR?"
[table.pymeasure.meter]
limit = "compliance_voltage = {volts}; compliance_current = {amperes}; voltage_nplc = {nplc}"
inject = "source_mode = 'current'; source_current = {amperes}; source_enabled = True"
hold = "source_mode = 'voltage'; source_voltage = {volts}; source_enabled = True"
volts_ask = "measure_all()['voltage']"
amperes_ask = "measure_all()['current']"
off = "source_enabled = False"
off_ask = "source_enabled"
"""
SOURCE = """
driver = "pymeasure"
[table.pymeasure]
class = "pymeasure.instruments.keithley.Keithley2400"
[table.pymeasure.source]
set = "source_voltage = {volts}"
ask = "source_voltage"
on = "source_enabled = True"
off = "source_enabled = False"
off_ask = "source_enabled"
"""
FORMAT = (":FORMAT:ELEMENTS VOLTAGE, CURRENT, RESISTANCE, TIME, STATUS", None)
IDENTITY = ("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C30")


class TestMeter(SourceMeterContract):
    wired = Wired(nudge=("1",))

    @pytest.fixture(autouse=True)
    def _bench(self, tmp_path):
        self.folder = tmp_path
        with virtual_bench(tmp_path) as self.virtual:
            self.twin = self.virtual.instruments["smu"]
            yield

    def make(self):
        changes = [
            ("keithley.Keithley2400", "keithley.Keithley2450"),
            ("\"measure_all()['voltage']\"", "'''write(':SENS:FUNC \"VOLT\"'); voltage'''"),
            ("\"measure_all()['current']\"", "'''write(':SENS:FUNC \"CURR\"'); current'''"),
            ("source_enabled = True", "enable_source()"),
            ("source_enabled = False", "disable_source()"),
        ]
        return made(Pymeasure, table(changed(METER, *changes), self.folder), self.virtual.resources["smu"])

    def true_output(self, instrument, channel):
        volts, amperes, _ = self.twin.measured(channel)
        return volts, amperes if self.twin.channels[channel].on else 0.0


@contextmanager
def spoken(text, folder, *lines):
    """The instrument of a table, and exactly these lines."""
    from pymeasure.instruments.keithley import Keithley2400
    from pymeasure.test import expected_protocol

    with expected_protocol(Keithley2400, [FORMAT, IDENTITY, *lines]) as device:

        class Spoken(Pymeasure):
            def _made(self, setup):
                return device

        instrument = made(Spoken, table(text, folder))
        try:
            yield instrument
        finally:
            instrument.device = None  # the protocol cannot be closed
            instrument.close()


def test_a_source_sends_and_asks(tmp_path):
    lines = [(":SOURCE:VOLTAGE 1.5", None), ("OUTPUT 1", None), (":SOURCE:VOLTAGE?", "1.5")]
    with spoken(SOURCE, tmp_path, *lines) as dac:
        assert dac.identity == IDENTITY[1]
        assert dac.set({"1": 1.5}) == {"1": 1.5}


def test_what_its_driver_clipped_is_no_voltage_that_was_made(tmp_path):
    lines = [(":SOURCE:VOLTAGE 1.5", None), ("OUTPUT 1", None), (":SOURCE:VOLTAGE?", "1.0")]
    with (
        spoken(SOURCE, tmp_path, *lines) as dac,
        pytest.raises(InstrumentError, match=r"channel 1 was set to 1\.5 V and says 1 V"),
    ):
        dac.set({"1": 1.5})


def test_safe_is_zero_then_off_and_both_are_asked(tmp_path):
    lines = [(":SOURCE:VOLTAGE 0", None), (":SOURCE:VOLTAGE?", "0"), ("OUTPUT 0", None), ("OUTPUT?", "0")]
    with spoken(SOURCE, tmp_path, *lines) as dac:
        dac.safe(Wired(drive=("1",)))


def test_an_output_that_stays_on_is_told_twice_and_not_called_off(tmp_path):
    lines = [(":SOURCE:VOLTAGE 0", None), (":SOURCE:VOLTAGE?", "0"), *[("OUTPUT 0", None), ("OUTPUT?", "1")] * 2]
    with (
        spoken(SOURCE, tmp_path, *lines) as dac,
        pytest.raises(InstrumentError, match=r"channel 1, pymeasure\.source\.off: was told .* still on"),
    ):
        dac.safe(Wired(drive=("1",)))


def test_an_output_that_is_on_is_found(tmp_path):
    with spoken(SOURCE, tmp_path, ("OUTPUT?", "1"), (":SOURCE:VOLTAGE?", "0.5")) as dac:
        assert dac.look(Wired(drive=("1",)))[1:] == [Driving("makes 0.5 V", "1")]
    with spoken(SOURCE, tmp_path, ("OUTPUT?", "0")) as dac:
        (told,) = dac.look(Wired(drive=("1",)))
        assert "not known" in str(told)


def test_a_source_meter_measures_and_its_limit_acts_from_99_percent_on(tmp_path):
    queue = (":SYST:ERR?", '0,"No error"')
    measured = [(":SENSE:RESISTANCE:MODE MAN", None), (":SENSE:FUNCTION:ALL", None)]
    lines = [queue, ("OUTPUT 0", None), queue, ("OUTPUT?", "0"), queue,
             (":SENSE:VOLTAGE:PROTECTION 2", None), (":SENSE:CURRENT:PROTECTION 0.01", None),
             (":SENSE:VOLTAGE:NPLCYCLES 1", None), queue,
             (":SOURCE:FUNCTION CURR", None), (":SOURCE:CURRENT 0.0001", None), ("OUTPUT 1", None), queue]  # fmt: skip
    for volts in ("0.5", "1.985"):
        answer = f"{volts},1e-4,9.91e37,0,0"
        lines += [*measured, (":READ?", answer), queue, *measured, (":READ?", answer), queue]
    with spoken(METER, tmp_path, *lines) as smu:
        smu.limit("1", volts=2.0, amperes=0.01, nplc=1.0)
        smu.inject("1", 1e-4)
        assert smu.read("1") == (0.5, 1e-4, False)
        assert smu.read("1") == (1.985, 1e-4, True)


def test_a_refusal_of_the_instrument_is_none_of_the_drivers_business_but_ours(tmp_path):
    queue = (":SYST:ERR?", '0,"No error"')
    lines = [queue, (":SOURCE:FUNCTION CURR", None), (":SOURCE:CURRENT 0.0001", None), ("OUTPUT 1", None),
             (":SYST:ERR?", '-222,"Data out of range"'), queue]  # fmt: skip
    with (
        spoken(METER, tmp_path, *lines) as smu,
        pytest.raises(InstrumentError, match=r"channel 1, pymeasure\.meter\.inject: refused: -222"),
    ):
        smu.inject("1", 1e-4)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("source_voltag = {volts}", "has no source_voltag that can be set"),
        ("voltage_nplc = {volts}", "is not in range"),
        ("enable_source = {volts}", "has no enable_source that can be set"),
        ("adapter.connection = {volts}", "VISAAdapter|ProtocolAdapter"),
        ("name = {volts}", "has no name that can be set"),
    ],
)
def test_what_cannot_be_set_is_not_made_up(tmp_path, step, said):
    with (
        spoken(SOURCE.replace("source_voltage = {volts}", step), tmp_path) as dac,
        pytest.raises(InstrumentError, match=rf"channel 1, pymeasure\.source\.set: .*({said})"),
    ):
        dac.set({"1": 99.0})


def test_a_class_is_needed_and_only_its_own_classes_are_installed_code(tmp_path):
    with pytest.raises(ValidationError, match="class is missing"):
        table(SOURCE.replace('class = "pymeasure.instruments.keithley.Keithley2400"', ""), tmp_path)
    assert Pymeasure.code(table(SOURCE, tmp_path)) == ""
    assert Pymeasure.code(table(SOURCE.replace("pymeasure.instruments.keithley.", "mylab."), tmp_path))
    with pytest.raises(InstrumentError, match="is no PyMeasure instrument"):
        made(Pymeasure, table(SOURCE.replace("keithley.Keithley2400", "Channel"), tmp_path))
