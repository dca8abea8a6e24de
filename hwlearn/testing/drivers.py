"""What every driver must do, by role, for those who write their own::

    class TestMyDac(SourceContract):
        wired = Wired(drive=("1", "2"))

        def make(self):
            return MyDac("dac")

        def true_volts(self, instrument, channel):
            return instrument.card.output(channel)

An instrument with several roles passes the contract of each. `make` gives one that is connected; the other methods look at
what it truly does, with the eyes of a simulation or of another instrument. Needs pytest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.found import Found
from hwlearn.lab.instruments.roles import ROLES, Instrument, ResistorBox, Scanner, Source, SourceMeter, Wired, roles_of


class DriverContract:
    """What all drivers do.

    Attributes:
        wired: the channels that the suite uses.
        tolerance: how exact a voltage is [V], and a current, as a part of its size.
    """

    wired: ClassVar[Wired] = Wired()
    tolerance: ClassVar[float] = 1e-3

    def make(self) -> Any:
        """A connected instrument; the suite closes it."""
        raise NotImplementedError

    @pytest.fixture
    def instrument(self) -> Iterator[Any]:
        """Made anew for each test, and left safe."""
        made = self.make()
        yield made
        made.safe(self.wired)
        made.close()

    def test_it_has_a_role_a_name_and_an_identity(self, instrument: Instrument) -> None:
        assert roles_of(type(instrument))
        assert instrument.name
        assert instrument.identity
        assert type(instrument).model
        assert issubclass(type(instrument), ROLES)

    def test_its_report_is_json(self, instrument: Instrument) -> None:
        report = json.loads(json.dumps(instrument.report()))
        assert report["identity"] == instrument.identity
        assert report["recoveries"] == instrument.recoveries == 0

    def test_it_is_present(self, instrument: Instrument) -> None:
        instrument.present()

    def test_it_says_what_it_was_left_with(self, instrument: Instrument) -> None:
        assert all(isinstance(one, Found) and one.what for one in instrument.look(self.wired))

    def test_errors_name_it(self, instrument: Instrument) -> None:
        error = instrument.error("channel 1 burns")
        assert isinstance(error, InstrumentError)
        assert error.instrument == instrument.name
        assert "channel 1 burns" in str(error)

    def test_it_becomes_safe_at_once_and_again(self, instrument: Instrument) -> None:
        instrument.safe(self.wired)
        instrument.safe(self.wired)

    def test_it_may_be_closed_twice(self) -> None:
        made = self.make()
        made.close()
        made.close()


class SourceContract(DriverContract):
    """Role drive; needs two channels in `wired.drive`."""

    volts: ClassVar[float] = 1.0
    """A voltage that it can make both ways."""

    def true_volts(self, instrument: Source, channel: str) -> float:
        """What a channel truly makes [V]."""
        raise NotImplementedError

    def test_channels_are_set_together_and_acknowledged(self, instrument: Source) -> None:
        one, two = self.wired.drive
        for asked in ({one: self.volts, two: -0.5 * self.volts}, {two: 0.25 * self.volts}):
            told = instrument.set(asked)
            assert list(told) == list(asked)
            for channel, volts in asked.items():
                assert told[channel] == pytest.approx(volts, abs=self.tolerance)
                assert self.true_volts(instrument, channel) == pytest.approx(volts, abs=self.tolerance)
        assert self.true_volts(instrument, one) == pytest.approx(self.volts, abs=self.tolerance)

    def test_looking_changes_nothing(self, instrument: Source) -> None:
        one, two = self.wired.drive
        instrument.set({one: self.volts, two: -0.5 * self.volts})
        instrument.look(self.wired)
        assert self.true_volts(instrument, one) == pytest.approx(self.volts, abs=self.tolerance)
        assert self.true_volts(instrument, two) == pytest.approx(-0.5 * self.volts, abs=self.tolerance)

    def test_safe_is_zero_volts(self, instrument: Source) -> None:
        instrument.set(dict.fromkeys(self.wired.drive, self.volts))
        instrument.safe(self.wired)
        for channel in self.wired.drive:
            assert self.true_volts(instrument, channel) == pytest.approx(0.0, abs=self.tolerance)


class ScannerContract(DriverContract):
    """Role sense; needs three channels or more in `wired.read`, with voltages of their own that stay."""

    def true_readings(self, instrument: Scanner) -> dict[str, float]:
        """What is truly at each channel [V]."""
        raise NotImplementedError

    def test_readings_come_in_the_order_asked_for(self, instrument: Scanner) -> None:
        true = self.true_readings(instrument)
        for channels in (self.wired.read, self.wired.read[::-1], self.wired.read[1:]):
            instrument.select(list(channels), volts=10.0, nplc=1.0, high_z=True)
            for repeats in (1, 3):
                read = instrument.scan(repeats)
                assert read.shape == (repeats, len(channels))
                assert read.dtype == np.float64
                np.testing.assert_allclose(read, [[true[channel] for channel in channels]] * repeats, atol=self.tolerance)

    def test_nothing_selected_is_an_error(self, instrument: Scanner) -> None:
        with pytest.raises(InstrumentError, match=instrument.name):
            instrument.scan()


class ResistorBoxContract(DriverContract):
    """Role program."""

    def true_codes(self, instrument: ResistorBox) -> list[int] | None:
        """The codes that its resistors truly have; None if they are open."""
        raise NotImplementedError

    def test_codes_are_written_and_read(self, instrument: ResistorBox) -> None:
        count, top = instrument.size()
        for codes in ([top * k // max(count - 1, 1) for k in range(count)], [top // 2] * count):
            instrument.write(codes)
            read, opened = instrument.state()
            assert (read.tolist(), opened) == (codes, False)
            assert instrument.codes().tolist() == codes
            assert self.true_codes(instrument) == codes

    def test_codes_that_do_not_fit_are_refused_and_change_nothing(self, instrument: ResistorBox) -> None:
        count, top = instrument.size()
        codes = [top // 2] * count
        instrument.write(codes)
        for wrong in ([*codes, 0], codes[1:], [top + 1, *codes[1:]], [-1, *codes[1:]]):
            with pytest.raises(InstrumentError, match=instrument.name):
                instrument.write(wrong)
        assert instrument.codes().tolist() == codes

    def test_open_is_open_until_codes_are_written(self, instrument: ResistorBox) -> None:
        count, top = instrument.size()
        for safe in (instrument.open, lambda: instrument.safe(self.wired)):
            instrument.write([top] * count)
            safe()
            assert self.true_codes(instrument) is None
            assert instrument.state()[1]
            with pytest.raises(InstrumentError, match="open"):
                instrument.codes()
        instrument.write([top] * count)
        assert self.true_codes(instrument) == [top] * count


class SourceMeterContract(DriverContract):
    """Role nudge; needs a channel in `wired.nudge`, with a linear load that stays and answers to a current with a voltage."""

    amperes: ClassVar[float] = 1e-4
    """A current that drives the load both ways."""

    def true_output(self, instrument: SourceMeter, channel: str) -> tuple[float, float]:
        """(V, A) at the channel; no current while its output is off."""
        raise NotImplementedError

    @pytest.fixture
    def meter(self, instrument: SourceMeter) -> SourceMeter:
        """With limits that do not act."""
        for channel in self.wired.nudge:
            instrument.limit(channel, volts=100.0, amperes=0.1, nplc=1.0)
        return instrument

    def _near(self, got: tuple[float, float], true: tuple[float, float]) -> None:
        assert got[0] == pytest.approx(true[0], abs=self.tolerance)
        assert got[1] == pytest.approx(true[1], rel=self.tolerance, abs=self.tolerance * self.amperes)

    def test_a_current_is_made_and_measured(self, meter: SourceMeter) -> None:
        (channel, *_) = self.wired.nudge
        for amperes in (self.amperes, -self.amperes, 0.0):
            meter.inject(channel, amperes)
            read = meter.read(channel)
            self._near((read.volts, read.amperes), self.true_output(meter, channel))
            assert read.amperes == pytest.approx(amperes, abs=self.tolerance * self.amperes)
            assert not read.tripped

    def test_a_voltage_is_held_and_measured(self, meter: SourceMeter) -> None:
        (channel, *_) = self.wired.nudge
        for volts in (0.2, -0.2):
            meter.hold(channel, volts)
            read = meter.read(channel)
            self._near((read.volts, read.amperes), self.true_output(meter, channel))
            assert read.volts == pytest.approx(volts, abs=self.tolerance)
            assert not read.tripped

    def test_a_step_measures_what_was_there_before_it(self, meter: SourceMeter) -> None:
        (channel, *_) = self.wired.nudge
        for source, levels in ((meter.inject, (self.amperes, -self.amperes)), (meter.hold, (0.2, -0.1))):
            source(channel, levels[0])
            before = self.true_output(meter, channel)
            read = meter.step(channel, levels[1])
            if read is None:  # two round trips
                self._near(self.true_output(meter, channel), before)
                continue
            self._near((read.volts, read.amperes), before)
            after = meter.read(channel)
            self._near((after.volts, after.amperes), self.true_output(meter, channel))
            assert (after.amperes if source == meter.inject else after.volts) == pytest.approx(
                levels[1], abs=self.tolerance * max(self.amperes, abs(levels[1]))
            )

    def test_as_a_drive_it_holds(self, meter: SourceMeter) -> None:
        (channel, *_) = self.wired.nudge
        assert meter.set({channel: 0.1})[channel] == pytest.approx(0.1, abs=self.tolerance)
        assert self.true_output(meter, channel)[0] == pytest.approx(0.1, abs=self.tolerance)

    def test_looking_changes_nothing(self, meter: SourceMeter) -> None:
        (channel, *_) = self.wired.nudge
        meter.hold(channel, 0.2)
        before = self.true_output(meter, channel)
        meter.look(self.wired)
        self._near(self.true_output(meter, channel), before)

    def test_a_limit_that_acts_is_told(self, meter: SourceMeter) -> None:
        (channel, *_) = self.wired.nudge
        meter.inject(channel, self.amperes)
        one = meter.read(channel).volts
        meter.inject(channel, 0.0)
        resistance = abs(one - meter.read(channel).volts) / self.amperes
        most = 2 * self.amperes * resistance + abs(one)
        meter.limit(channel, volts=most, amperes=0.1, nplc=1.0)
        meter.inject(channel, 10 * most / resistance)
        assert meter.read(channel).tripped

    def test_safe_is_off(self, meter: SourceMeter) -> None:
        (channel, *_) = self.wired.nudge
        for source in (meter.inject, meter.hold):
            source(channel, 1e-4)
            meter.safe(self.wired)
            assert self.true_output(meter, channel)[1] == 0.0

    def test_what_sources_nothing_is_not_read(self, meter: SourceMeter) -> None:
        (channel, *_) = self.wired.nudge
        with pytest.raises(InstrumentError, match=meter.name):
            meter.read(channel)
