"""The checks of a phase: when they look, and that each is one file."""

import ast
from pathlib import Path
from typing import ClassVar

import pytest
from benches import EXPERIMENT, NETWORK, STATION, Watch, changed

from hwlearn import Drive, Inject
from hwlearn.errors import InstrumentError, StationError
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench import checks
from hwlearn.lab.bench.checks.check import Check
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.station import load_station

LAB = Path(checks.__file__).parents[2]
NUDGED = Drive([[1.0]], Inject([[1e-4]]))


class Witness(Check):
    """Writes down when it is asked."""

    always = True
    seen: ClassVar[list[str]] = []
    refuse = ""

    def note(self, what, error):
        self.seen.append(what)
        if what == self.refuse:
            raise error(f"refused {what}")

    def before(self, asked):
        assert asked.imposed is not None
        self.note("before", StationError)

    def after(self, phase):
        assert (phase.repeats, phase.readings.means.shape) == (8, (1, len(self.bench.plan.read_nodes)))
        assert [span.of for span in phase.meters.spans.values()] == ["output t1,t2"]
        self.note("after", InstrumentError)

    def accepted(self, phase):
        self.note("accepted", InstrumentError)


@pytest.fixture
def circuit(tmp_path, monkeypatch):
    witness = type("Fresh", (Witness,), {"seen": []})
    monkeypatch.setattr(checks, "CHECKS", (*checks.CHECKS, witness))
    path = tmp_path / "station.toml"
    path.write_text(changed(STATION, ("[defaults]", "[defaults]\ntimeout_s = 0.3")), encoding="utf-8")
    with BenchCircuit(NETWORK, path, verify=False) as made:
        made.witness = witness
        yield made


def test_a_check_sees_a_phase_before_it_after_it_and_when_it_is_accepted(circuit):
    circuit.measure(NUDGED)
    assert circuit.witness.seen == ["before", "after", "accepted"]


def test_a_phase_in_which_a_connection_failed_is_not_accepted(circuit):
    circuit.measure(NUDGED)
    circuit.connection.virtual.fault("dac", "drop")
    circuit.measure(NUDGED)
    assert circuit.witness.seen == ["before", "after", "accepted", "before", "after", "after", "accepted"]


def test_what_is_refused_before_sends_nothing_and_leaves_the_circuit_open(circuit):
    circuit.witness.refuse = "before"
    with pytest.raises(StationError, match="refused before"):
        circuit.measure(NUDGED)
    sent = [line for made in circuit.connection.virtual.instruments.values() for line in made.lines]
    assert all(command.partition(" ")[0].endswith("?") for line in sent for command in line.split(";"))
    circuit.witness.refuse = ""
    circuit.measure(NUDGED)


@pytest.mark.parametrize("when", ["after", "accepted"])
def test_what_is_refused_later_is_safe(circuit, when):
    circuit.witness.refuse = when
    with pytest.raises(InstrumentError, match=f"refused {when}"):
        circuit.measure(NUDGED)
    virtual = circuit.connection.virtual.instruments
    assert (virtual["smu"].channels["1"].on, virtual["dac"].volts["1"], virtual["pots"].opened) == (False, 0.0, True)


def test_each_check_is_a_file_with_one_class_that_is_gathered():
    names = []
    for file in sorted((LAB / "bench" / "checks").glob("[a-z]*.py")):
        classes = [node.name for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)]
        assert len(classes) == 1
        names += classes
    assert sorted(names) == sorted([Check.__name__, *(check.__name__ for check in checks.CHECKS)])


def test_roles_and_checks_send_no_messages():
    """A role knows no session, and nothing above the drivers does."""
    for file in [LAB / "instruments" / "roles.py", *(LAB / "bench").rglob("*.py")]:
        assert "scpi" not in file.read_text(encoding="utf-8"), file
        assert ".session" not in file.read_text(encoding="utf-8"), file


def test_a_driver_derived_from_ours_has_its_virtual_twin(tmp_path):
    (tmp_path / "mylab.py").write_text(
        "from hwlearn.lab.instruments.drivers.scpi_dac import ScpiDac\n\n\nclass Dac(ScpiDac):\n    model = 'mine'\n",
        encoding="utf-8",
    )
    path = tmp_path / "station.toml"
    path.write_text(changed(STATION, ('driver = "scpi_dac"', 'driver = "mylab:Dac"')), encoding="utf-8")
    with BenchCircuit(load_experiment(EXPERIMENT).network, path, trust=True) as circuit:
        assert circuit.connection.instruments["dac"].model == "mine"
        circuit.measure(Drive([[1.0]]))
        assert circuit.connection.virtual.instruments["dac"].volts["1"] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("watchdog", "refused"), [(2, True), (3, False)])
def test_a_visit_that_outlasts_the_watchdog_is_refused_before_anything_is_sent(tmp_path, watchdog, refused):
    """8 readings of 15 nodes of 20 ms each: 2.4 s a sample on real instruments; the virtual ones do not wait."""
    path = tmp_path / "station.toml"
    path.write_text(changed(STATION, ("watchdog_s = 30", f"watchdog_s = {watchdog}")), encoding="utf-8")
    with BenchCircuit(NETWORK, path) as circuit:
        if not refused:
            circuit.measure(Drive([[1.0]] * 30))
            return
        with pytest.raises(StationError, match=r"take 2.4 s or more, and instrument.pots.watchdog_s = 2"):
            circuit.measure(Drive([[1.0]]))
        sent = [line for made in circuit.connection.virtual.instruments.values() for line in made.lines]
    assert all(command.partition(" ")[0].endswith("?") for line in sent for command in line.split(";"))


def test_a_reading_that_outlasts_the_watchdog_is_refused_when_the_station_is_read(tmp_path):
    """15 nodes at 10 power line cycles are 3 s."""
    path = tmp_path / "station.toml"
    path.write_text(changed(STATION, ("watchdog_s = 30", "watchdog_s = 2"), ("nplc = 1", "nplc = 10")), encoding="utf-8")
    with pytest.raises(StationError, match=r"take 3 s or more, and instrument.pots.watchdog_s = 2 would open"):
        load_station(path).validate(NETWORK)


def test_a_long_phase_keeps_the_watchdog_quiet(tmp_path, monkeypatch):
    path = tmp_path / "station.toml"
    path.write_text(changed(STATION, ("watchdog_s = 30", "watchdog_s = 400")), encoding="utf-8")
    with BenchCircuit(NETWORK, path) as circuit:
        watch, circuit._phases.settle = Watch(circuit.connection.virtual), 150.0
        for module in ("phases", "devices"):
            monkeypatch.setattr(f"hwlearn.lab.bench.{module}.time", watch)
        circuit.measure(Drive([[1.0]] * 6))  # 900 s
        assert not circuit.connection.virtual.instruments["pots"].opened
        watch.sleep(401)
        assert circuit.connection.virtual.instruments["pots"].opened
