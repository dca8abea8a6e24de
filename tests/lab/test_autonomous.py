"""Hardware that learns by itself: recorded, and compared with a rule; the truth is measured, or a closed formula."""

import json
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.io
from processes import ROOT
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.errors import HwlearnError, InstrumentError, StationError
from hwlearn.experiments import load_experiment
from hwlearn.inference.autonomous import Explained, Trajectory, explain
from hwlearn.lab.bench.trajectories import read_trajectory, write_trajectory
from hwlearn.lab.bench.watch import watch
from hwlearn.lab.station import load_station
from hwlearn.lab.station.autonomous import load_autonomous

DATA = ROOT / "tests" / "data" / "dillavou2025" / "exp1DriftTest_1.mat"
STATION = """schema = 1
name = "pair"
program = "autonomous"
[instrument.daq]
driver = "replayed:Replayed"
[gate]
MMINUS = { read = "daq:1" }
MPLUS = { read = "daq:2" }
[channel]
"daq:2" = { gain = 0.5 }
[node]
o = { read = "daq:3" }
"""
MODULE = '''
import numpy as np
from hwlearn.lab.instruments.roles import Scanner

DONE = []

class Replayed(Scanner):
    """Answers from a table, line by line."""

    ROWS = iter(())

    def select(self, channels, *, volts, nplc, high_z, delay=None):
        DONE.append(("select", tuple(channels)))

    def scan(self, repeats=1):
        return np.array([next(Replayed.ROWS)])

    def safe(self, wired):
        DONE.append(("safe", wired))
'''


@pytest.fixture
def experiment(tmp_path):
    """The task of the drift test alone, with the rule of that machine."""
    text = (ROOT / "netlists" / "gates.toml").read_text(encoding="utf-8")
    for old, new in (
        ("[[0.4351], [0.0181]]", "[[0.0181]]"),
        ("[[0.31], [0.14]]", "[[0.14]]"),
        ('name = "ep"\nnudge = 1e-4 # S\nsymmetric = true', 'name = "clamp"'),
        ('"gates.cir"', f'"{(ROOT / "netlists" / "gates.cir").as_posix()}"'),
    ):
        assert old in text, old
        text = text.replace(old, new)
    path = tmp_path / "drift.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def station(tmp_path):
    (tmp_path / "station.toml").write_text(STATION, encoding="utf-8")
    (tmp_path / "replayed.py").write_text(MODULE, encoding="utf-8")
    return tmp_path / "station.toml"


def drift():
    """What was measured: the first two samples are before the start."""
    data = scipy.io.loadmat(DATA)
    seconds, minus, plus = (data[name].ravel()[2:] for name in ("time", "GMINUS", "GPLUS"))
    return Trajectory(seconds, {"MMINUS": minus, "MPLUS": plus}, {"o": np.full(len(seconds), 0.14)})


def test_the_measured_drift_of_a_real_network_is_no_learning_but_a_bias(experiment):
    loaded = load_experiment(experiment)
    found = explain(loaded.network, loaded.task, loaded.rule, drift())
    assert found.names == ["MMINUS", "MPLUS"]
    assert 0.4 < found.stopped < 0.6  # G− meets 5.03 V
    assert found.off_alone > 0.6 * found.travel  # a solution is where the rule rests
    assert found.off_biased < 0.05  # of 2.6 V
    assert (found.bias > 2 * found.bias_error).all()
    assert 3 < found.bias[0] < 5  # 2.92 and 4.4 V/s are published, 3.38 and 3.73 were fitted with gain and threshold
    assert 1.5 < found.bias[1] < 5


def analytic(speed, bias, start, seconds):
    """Gates under a full clamp at 0.0181 V and a bias, by Kirchhoff's law in closed form and fine Runge–Kutta steps."""
    high, low, steep, threshold, resistor, u, target = 0.4351, 0.0181, 0.85e-3, 0.7, 1 / 500, 0.0181, 0.14

    def velocity(gates):
        minus, plus = gates - threshold
        k = resistor / steep
        half = (minus + plus + k) / 2
        o = half - np.sqrt(half**2 - (minus * low + plus * high - (low**2 + high**2) / 2) - k * u)
        rails = np.array([low, high])
        return speed * ((rails - o) ** 2 - (rails - target) ** 2) + bias

    path, here = [np.array(start)], np.array(start, dtype=float)
    for one, two in pairwise(seconds):
        for _ in range(200):
            h = (two - one) / 200
            a = velocity(here)
            b = velocity(here + h / 2 * a)
            c = velocity(here + h / 2 * b)
            here = here + h / 6 * (a + 2 * b + 2 * c + velocity(here + h * c))
        path.append(here)
    return np.array(path)


@pytest.mark.parametrize("bias", [(0.0, 0.0), (0.5, -0.3)])
def test_a_machine_that_learns_as_the_rule_says_is_explained_by_it(experiment, bias):
    loaded = load_experiment(experiment)
    seconds = np.linspace(0, 0.5, 26)
    gates = analytic(150.0, np.array(bias), (2.5, 2.2), seconds) + np.random.default_rng(0).normal(0, 3e-4, (26, 2))
    read = dict(zip(("MMINUS", "MPLUS"), gates.T, strict=True))
    found = explain(loaded.network, loaded.task, loaded.rule, Trajectory(seconds, read, {}))
    np.testing.assert_allclose(found.bias, bias, atol=0.02)
    assert found.off_biased < 1e-3
    assert found.stopped is None
    if not any(bias):
        assert found.off_alone < 5e-3 < 0.1 * found.travel


def test_it_is_recorded_and_nothing_is_driven(station, experiment):
    watched = load_autonomous(station, trust=True)
    watched.validate(load_experiment(experiment).network)
    import sys

    driver = watched.station.drivers["daq"]
    done = sys.modules[driver.__module__].DONE
    done.clear()
    driver.ROWS = iter([[2.0 + 0.01 * k, 1.5, 0.14] for k in range(10_000)])
    found = watch(watched, 0.05, every=0.01)
    assert 4 <= len(found.seconds) <= 7
    np.testing.assert_allclose(found.gates["MMINUS"], 2.0 + 0.01 * np.arange(len(found.seconds)))
    np.testing.assert_allclose(found.gates["MPLUS"], 3.0)  # gain 0.5
    assert (np.diff(found.seconds) > 0).all()
    assert done == [("select", ("1", "2", "3"))]
    driver.ROWS = iter([[2.0, np.inf, 0.14]])
    with pytest.raises(InstrumentError, match="gate of MPLUS"):
        watch(watched, 0.05)


def test_the_command_explains_a_recorded_trajectory(station, experiment, tmp_path, monkeypatch):
    recorded = tmp_path / "measured.csv"
    write_trajectory(drift(), recorded)
    again = read_trajectory(recorded, load_autonomous(station, trust=True))
    np.testing.assert_allclose(again.gates["MPLUS"], drift().gates["MPLUS"], rtol=1e-8)
    command = ["bench", "watch", str(station), str(experiment), "--out", str(tmp_path / "out"), "--recorded", str(recorded)]
    result = CliRunner().invoke(app, [*command, "--trust-station", "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    keys = ("gates", "seconds", "measured", "rule_alone", "rule_and_bias", "speed", "bias", "bias_error")
    found = Explained(*(np.array(told[key]) for key in keys), told["stopped"])
    assert found.off_biased == pytest.approx(told["off_biased"])
    assert told["off_biased"] < 0.05
    assert told["off_alone"] > 0.6
    assert (tmp_path / "out" / "trajectory.png").stat().st_size > 5000
    assert CliRunner().invoke(app, [*command, "--trust-station"]).exit_code == 2  # the folder is not empty
    monkeypatch.setattr("hwlearn.inference.autonomous.explain", lambda *given: found)
    plain = CliRunner().invoke(app, [*command, "--trust-station", "--overwrite"])
    assert plain.exit_code == 0
    assert "clamp alone is off by" in plain.stdout


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('program = "autonomous"\n', ""), 'program = "autonomous"'),
        (("MPLUS = ", "MPLU = "), r"gate\.MPLU: .* has no such gate.*MPLUS"),
        (("o = ", "oo = "), r"node\.oo: .* has no such node"),
        (('MPLUS = { read = "daq:2" }\n', ""), r"gate\.MPLUS is missing|nothing is read by 'daq:2'"),
        (('"daq:3" }', '"dq:3" }'), "no instrument 'dq'"),
        (("[gate]", '[defaults]\nbackend = "virtual"\n[gate]'), "no virtual bench learns by itself"),
    ],
)
def test_what_cannot_be_watched_is_refused(station, experiment, change, says):
    station.write_text(STATION.replace(*change), encoding="utf-8")
    with pytest.raises(StationError, match=says):
        load_autonomous(station, trust=True).validate(load_experiment(experiment).network)


def test_a_bench_does_not_take_such_a_station(station):
    with pytest.raises(StationError, match="bench watch"):
        load_station(station, trust=True)


def test_too_few_points_are_refused(experiment):
    loaded = load_experiment(experiment)
    short = Trajectory(np.arange(4.0), {"MMINUS": np.full(4, 2.0), "MPLUS": np.full(4, 2.0)}, {})
    with pytest.raises(HwlearnError, match="4 points"):
        explain(loaded.network, loaded.task, loaded.rule, short)
    with pytest.raises(HwlearnError, match="no gate that learns"):
        explain(loaded.network, loaded.task, loaded.rule, SimpleNamespace(seconds=short.seconds, gates={}, nodes={}))
