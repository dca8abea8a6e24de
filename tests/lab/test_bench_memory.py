"""A phase of many readings takes little memory on a bench: they are averaged part by part, and the checks see all of them."""

import tracemalloc

import numpy as np
import pytest
from support.benches import bench

from hwlearn import Drive, Inject
from hwlearn.circuits import measurement
from hwlearn.lab.bench import readings
from hwlearn.lab.bench.order import visits
from hwlearn.lab.bench.readings import Readings
from hwlearn.lab.bench.reads import Reads

SAMPLES, MANY, REPEATS = 9, 60, 500
QUICK = [("repeats = 8", f"repeats = {REPEATS}"), ('order = "ABBA"', 'order = "AB"'), ("nplc = 1", "nplc = 0.02")]


def test_readings_are_those_of_all_at_once(monkeypatch):
    """Against numpy on the whole table."""
    random = np.random.default_rng(0)
    values = 1 + 1e-3 * random.normal(size=(SAMPLES, 6, 4))
    values[7, 3, 2] += 0.5
    solved = np.array([[1.0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]])
    for most in (10**9, 50, 1):
        monkeypatch.setattr(readings, "AT_ONCE", most)
        reads = object.__new__(Reads)
        reads.plain = False
        found, taken = Readings(reads, SAMPLES, 6, 4), [0] * SAMPLES
        for sample, number in visits(SAMPLES, 6, "ABBA"):
            scans = values[sample, taken[sample] : taken[sample] + number]
            found.add(sample, np.hstack((scans, np.full((number, 1), np.nan))), scans @ solved.T)
            taken[sample] += number
        found.finish()
        potentials = values @ solved.T
        np.testing.assert_allclose(found.means, potentials.mean(axis=1), rtol=1e-14)
        np.testing.assert_allclose(found.scatter, values.var(axis=1).sum(axis=0), rtol=1e-12)
        assert found.noise == pytest.approx(np.sqrt(potentials.var(axis=1, ddof=1).mean()), rel=1e-12)
        worst = max(found.deviations, key=lambda one: one.off)
        assert (worst.sample, worst.channel, worst.read) == (7, 2, values[7, 3, 2])
        assert worst.off == pytest.approx(abs(values[7, 3, 2] - np.median(values[7, :, 2])))
        assert worst.noise == pytest.approx(1e-3, rel=0.5)  # which the spike does not move


def test_a_phase_keeps_its_means_alone(tmp_path, monkeypatch):
    """The scanner is in the same process here, and its messages take memory of their own: readings come from elsewhere."""
    inputs = np.linspace(0, 1, MANY)[:, None]
    found, peaks = [], []
    with bench(tmp_path, station=QUICK) as circuit:
        circuit.measure(Drive(inputs[:1]))
        for most in (10**9, 2 * REPEATS * 13):
            monkeypatch.setattr(readings, "AT_ONCE", most)
            random, channels = np.random.default_rng(1), len(circuit.channels)
            monkeypatch.setattr(circuit._phases, "scan", lambda _, number: random.normal(size=(number, channels)))  # noqa: B023
            tracemalloc.start()
            found.append(circuit.measure(Drive(inputs)))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    whole, parts = found
    np.testing.assert_array_equal(parts.node_voltages, whole.node_voltages)
    assert parts.noise == pytest.approx(whole.noise, rel=1e-12)
    assert whole.noise * np.sqrt(REPEATS) == pytest.approx(1.0, rel=0.05)
    assert 4 * peaks[1] < 8 * MANY * REPEATS * 13 < peaks[0]  # all readings


def test_contrasts_look_at_some_samples_at_a_time(tmp_path, monkeypatch):
    """Also where the number of repeats follows from them."""
    random = np.random.default_rng(2)
    inputs, currents = random.uniform(0, 1, (SAMPLES, 1)), 1e-7 * random.normal(size=(SAMPLES, 1))
    with bench(tmp_path, station=[("repeats = ", 'repeats = "auto" # ')]) as circuit:
        free, nudged = circuit.measure(Drive(inputs)), circuit.measure(Drive(inputs, Inject(currents)))
        chosen = []
        for most in (10**9, 40):
            monkeypatch.setattr(measurement, "AT_ONCE", most)
            nudged.repeats.number = 2
            contrast = nudged.contrast(free)
            chosen.append(circuit.repeats)
            expected = (nudged.edge_drops() ** 2 - free.edge_drops() ** 2).mean(axis=0)
            np.testing.assert_allclose(contrast, expected, atol=1e-15)
        assert chosen[0] == chosen[1] == 4
