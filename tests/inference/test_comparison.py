"""`compare_circuits` and `hwlearn compare`, over real sockets to a virtual bench with known faults."""

import json
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwlearn import (
    Circuit,
    CoupledLearning,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    Inject,
    NewtonCircuit,
    NgspiceCircuit,
)
from hwlearn.errors import HwlearnError
from hwlearn.experiments import load_experiment
from hwlearn.inference.compared_phases import probing_phases
from hwlearn.inference.comparison import compare_circuits
from hwlearn.inference.faults import Accuracy
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.station import load_station

ROOT = Path(__file__).parents[2]
EXPERIMENT = load_experiment(ROOT / "netlists" / "allostery-bench.toml")
NETWORK, TASK = EXPERIMENT.network, EXPERIMENT.task
RULE = EquilibriumPropagation(symmetric=True)


@pytest.fixture
def spoilable(tmp_path, seed):
    """A bench whose code tables hold to half a percent, everything else imperfect as shipped."""
    text = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
    for old, new in (
        ("pot_tolerance = 0.2", "pot_tolerance = 0.005"),
        ("seed = 1", f"seed = {seed}"),
        ("repeats = 8", "repeats = 2"),
    ):
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "station.toml"
    path.write_text(text, encoding="utf-8")
    with BenchCircuit(NETWORK, path, verify=False) as bench, ExactCircuit(NETWORK) as exact:
        yield Spoilable(exact, bench)


class Spoilable:
    """A bench that can get one fault at a time, compared with the exact model."""

    def __init__(self, exact, bench):
        self.circuits, self.bench = {"exact": exact, "bench": bench}, bench
        self.model = bench.connection.virtual.model
        known = bench.station.settings.calibration
        self.accuracy = Accuracy(0.0, known.conductance, known.source, known.current)

    def compared(self):
        return compare_circuits(TASK, RULE, self.circuits, self.accuracy).compared[0]

    def fault(self):
        (found,) = self.compared().diagnosis.faults
        return found

    @contextmanager
    def resistor(self, edge, factor):
        """A resistor, its series resistor included, is off by a factor."""
        name, before = NETWORK.edge_names[edge], self.model.pots.factors[edge]
        series = self.model.pots.series[name]
        self.model.pots.factors[edge], self.model.pots.series[name] = factor, 0.0
        self.model.set_code(f"pots:{edge}", int(self.bench.codes[edge]))
        yield
        self.model.pots.factors[edge], self.model.pots.series[name] = before, series
        self.model.set_code(f"pots:{edge}", int(self.bench.codes[edge]))

    @contextmanager
    def cut(self, edge):
        """An edge is open."""
        self.model.set_code(f"pots:{edge}", None)
        self.model.pots.stick(NETWORK.edge_names[edge])
        yield
        self.model.pots.release(NETWORK.edge_names[edge])
        self.model.set_code(f"pots:{edge}", int(self.bench.codes[edge]))

    @contextmanager
    def offset(self, node, volts):
        """A channel reads too much."""
        place = self.bench.station.settings.node[node].read
        self.model.channels.offsets[place] += volts
        yield
        self.model.channels.offsets[place] -= volts

    @contextmanager
    def swapped(self, one, two):
        """Two channels are swapped."""
        before, places = self.model.wiring, dict(self.model.wiring.nodes)
        first, second = (self.bench.station.settings.node[node].read for node in (one, two))
        places[first], places[second] = places[second], places[first]
        self.model.wiring = replace(before, nodes=places)
        yield
        self.model.wiring = before


@pytest.mark.parametrize("seed", range(20))
def test_a_clean_bench_agrees_and_each_fault_is_named(spoilable, seed):
    random = np.random.default_rng(100 + seed)
    clean = spoilable.compared()
    assert clean.reasons == ()
    assert clean.diagnosis.faults == ()

    edge = int(random.choice([k for k, name in enumerate(NETWORK.edge_names) if name != "R1"]))  # R1 lies across the source
    factor = float(random.choice([0.95, 1.05]))
    with spoilable.resistor(edge, factor):
        found = spoilable.fault()
    assert (found.kind, found.names) == ("edge", (NETWORK.edge_names[edge],))
    assert found.size == pytest.approx(1 / factor - 1, abs=0.015)

    with spoilable.cut(edge):
        opened = spoilable.compared()
    (found,) = opened.diagnosis.faults
    assert (found.kind, found.names) == ("open edge", (NETWORK.edge_names[edge],))
    assert opened.identified.conductances[edge] < 0.01 * opened.identified.nominal[edge]

    one, two = random.choice(list(spoilable.bench.station.settings.node), 2, replace=False)
    with spoilable.offset(one, 1e-3):
        found = spoilable.fault()
    assert (found.kind, found.names) == ("offset", (one,))
    assert found.size == pytest.approx(1e-3, abs=2e-4)

    with spoilable.swapped(one, two):
        found = spoilable.fault()
    assert found.kind == "swapped channels"
    assert set(found.names) == {one, two}


def test_uncalibrated_devices_differ_and_are_identified():
    station = load_station(ROOT / "stations" / "allostery.toml")
    with ExactCircuit(NETWORK) as exact, BenchCircuit(NETWORK, station, verify=False) as bench:
        one = compare_circuits(TASK, RULE, {"exact": exact, "bench": bench}).compared[0]
        true = bench.connection.virtual.model.conductances
    assert not one.agrees
    seen = one.identified.relative_error < 0.02
    assert seen.sum() > 12
    errors = np.log(one.identified.conductances / true)[seen] / one.identified.relative_error[seen]
    assert np.abs(errors).max() < 6


@pytest.mark.parametrize("rule", [RULE, CoupledLearning()])
def test_simulators_agree(rule):
    with ExactCircuit(NETWORK) as exact, NgspiceCircuit(NETWORK) as ngspice:
        found = compare_circuits(TASK, rule, {"exact": exact, "ngspice": ngspice})
    assert found.agrees
    assert found.compared[0].cosine == pytest.approx(1, abs=1e-9)
    assert found.compared[0].identified is None


def test_a_simulator_of_another_network_differs():
    changed = NETWORK.conductances.copy()
    changed[4] *= 1.2

    class Wrong(Circuit):
        name = "wrong"

        def _program(self, conductances):
            return conductances

        def _measure(self, inputs, outputs, imposed):
            with ExactCircuit(self.network) as inner:
                inner.program(self.conductances * changed / NETWORK.conductances)
                return inner.measure(Drive(inputs, outputs))

        def _close(self):
            pass

    with ExactCircuit(NETWORK) as exact, Wrong(NETWORK) as wrong:
        found = compare_circuits(TASK, RULE, {"exact": exact, "wrong": wrong})
    assert not found.agrees
    assert found.compared[0].diagnosis.faults[0].names == ("R5",)


@pytest.mark.parametrize("name", ["gates", "xor"])
def test_nonlinear_networks_get_a_verdict_but_no_place_of_a_fault(name, capsys):
    from hwlearn.cli import app

    path = str(ROOT / "netlists" / f"{name}.toml")
    for more in ([], ["--json"]):
        with pytest.raises(SystemExit) as ended:
            app(["compare", path, "--backends", "exact,ngspice", *more])
        assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "not told: the circuit is not linear" in printed
    (found,) = json.loads(printed[printed.index("{") :])["backends"]
    assert found["faults"] is None
    assert found["cosine"] == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("factor", "accuracy", "agrees"), [(1.0001, None, False), (1.0001, Accuracy(0.0), True)])
def test_a_simulator_of_another_nonlinear_network_differs_by_more_than_is_accepted(factor, accuracy, agrees):
    experiment = load_experiment(ROOT / "netlists" / "gates.toml")
    network = experiment.network
    wrong = replace(network, fixed_sources=tuple(replace(s, value=factor * s.value) for s in network.fixed_sources))
    with NewtonCircuit(network) as right, NgspiceCircuit(wrong) as other:
        found = compare_circuits(experiment.task, experiment.rule, {"exact": right, "ngspice": other}, accuracy)
    assert found.agrees is agrees
    if not agrees:
        assert "node high differs by 4.35e-05 V" in found.compared[0].reasons[0]  # 435.1 mV × 1e-4


def test_probing_phases_drive_every_port_both_ways():
    rest, injected = probing_phases(NETWORK, TASK)
    assert rest.inputs.sum() == 0
    assert isinstance(injected.outputs, Inject)
    assert injected.outputs.current.sum() == 0


def test_one_circuit_is_no_comparison():
    with ExactCircuit(NETWORK) as exact, pytest.raises(HwlearnError, match="two circuits"):
        compare_circuits(TASK, RULE, {"exact": exact})


def test_the_command_writes_a_verdict_and_a_figure(tmp_path, capsys):
    from hwlearn.cli import app

    arguments = ["compare", str(EXPERIMENT.path), "--backends", "exact,ngspice", "--json", "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ended:
        app(arguments)
    assert ended.value.code == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["agrees"] is True
    assert printed == json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert (tmp_path / "out" / "comparison.png").stat().st_size > 10_000


@pytest.mark.parametrize("backends", ["exact", "exact,exact", "bench,exact", "exact,moon"])
def test_backends_that_make_no_comparison_are_refused(backends, capsys):
    from hwlearn.cli import app

    with pytest.raises(SystemExit) as ended:
        app(["compare", str(EXPERIMENT.path), "--backends", backends])
    assert ended.value.code == 2
    assert "--backends" in capsys.readouterr().err
