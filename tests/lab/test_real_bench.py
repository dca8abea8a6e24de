"""A bench of real instruments: `pytest tests/lab/test_real_bench.py --station FILE [--experiment FILE]`. It is left safe.

What must hold whatever the resistors truly are: the laws of linear circuits, to the noise that is measured and the accuracies
that the station file states; and the exact model, once its conductances are fitted, must say what the bench does next.
"""

import numpy as np
import pytest

from hwlearn import Drive, ExactCircuit, Hold, Inject
from hwlearn.errors import InstrumentError
from hwlearn.experiments import load_experiment
from hwlearn.inference.compared_phases import probing_phases
from hwlearn.inference.identify import identify
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.bench.rules import runnable_rules
from hwlearn.lab.instruments.roles import ResistorBox
from hwlearn.learning.rule import typical_conductance
from hwlearn.text import GROUND

SIGMAS = 6.0
"""So many standard deviations are still noise."""


@pytest.fixture(scope="module")
def bench(request):
    station = request.config.getoption("station")
    if station is None:
        pytest.skip("give --station FILE")
    experiment = load_experiment(request.config.getoption("experiment"))
    with BenchCircuit(experiment.network, station) as circuit:
        yield Bench(circuit, experiment.task, experiment.rule)


class Bench:
    """A connected bench, with drives within its limits and what it may be off by."""

    def __init__(self, circuit, task, rule):
        self.circuit, self.task, self.rule, self.network = circuit, task, rule, circuit.network
        self.settings = circuit.station.settings
        limits, sources = self.settings.limits, self.network.inputs
        self.size = np.array([circuit.probe_volts if s.kind == "voltage" else 0.5 * limits.i_nudge_max for s in sources])
        self.amperes = min(0.5 * limits.i_nudge_max, 0.2 * circuit.probe_volts * typical_conductance(self.network))
        rest = circuit.measure(Drive(np.tile(self.inputs(1), (8, 1)))).node_voltages
        self.noise = max(float(rest.std(0, ddof=1).max()), 1e-6 * self.settings.measure.range_v)
        self.source = self.settings.calibration.source
        self.offset = 2 * self.settings.measure.offset_max + self.settings.measure.drift_max

    def can(self, rule):
        if rule not in runnable_rules(self.circuit.station, self.network):
            pytest.skip(f"this bench cannot run {rule}")

    def inputs(self, samples):
        return np.random.default_rng(1).uniform(-1, 1, (samples, len(self.size))) * self.size

    def currents(self, samples):
        return np.random.default_rng(2).uniform(-1, 1, (samples, len(self.network.outputs))) * self.amperes

    def near(self, one, two, readings=2):
        """Node voltages that are the same but for the noise of so many readings and the sources' accuracy."""
        np.testing.assert_allclose(one, two, rtol=0, atol=SIGMAS * np.hypot(self.noise * readings**0.5, self.source))

    def fitted(self):
        """The conductances that the node voltages of a few open and injected phases give."""
        probes, outputs = probing_phases(self.network, self.task), len(self.network.outputs)
        voltages = np.concatenate([self.circuit.measure(probe).node_voltages for probe in probes])
        currents = [p.outputs.current if isinstance(p.outputs, Inject) else np.zeros((p.count, outputs)) for p in probes]
        drive = Drive(np.concatenate([probe.inputs for probe in probes]), Inject(np.concatenate(currents)))
        fitted = identify(self.network, self.circuit.conductances, drive, voltages, float(np.hypot(self.noise, self.source)))
        assert fitted.chi_square < 4
        return fitted

    def volts(self, measured):
        return measured.node_voltages[:, self.circuit.read_nodes]

    @property
    def boxes(self):
        return [made for made in self.circuit.connection.instruments.values() if isinstance(made, ResistorBox)]


def test_every_instrument_is_the_one_of_the_station_file(bench):
    for name, table in bench.settings.instrument.items():
        identity = bench.circuit.connection.instruments[name].session.identity
        assert table.idn in identity
        assert len(identity.split(",")) >= 3


def test_resistors_have_the_codes_that_are_written(bench):
    circuit = bench.circuit
    start = circuit.conductances.copy()
    lower, upper = circuit.bounds
    realised = circuit.program(np.where(bench.network.trainable, np.sqrt(lower * upper), start))
    assert ((lower <= realised) & (realised <= upper))[bench.network.trainable].all()
    places = {edge.set: k for k, edge in enumerate(bench.settings.edge[name] for name in bench.network.edge_names)}
    for box in bench.boxes:
        for channel, code in enumerate(box.codes()):
            k = places.get(f"{box.name}:{channel}")
            assert k is None or circuit.codes[k] == code
    circuit.program(start)


def test_a_free_phase_repeats(bench):
    drive = Drive(bench.inputs(3))
    bench.near(bench.volts(bench.circuit.measure(drive)), bench.volts(bench.circuit.measure(drive)))


def test_samples_together_are_the_same_as_one_by_one(bench):
    inputs = bench.inputs(4)
    alone = [bench.volts(bench.circuit.measure(Drive(row[None]))) for row in inputs]
    bench.near(bench.volts(bench.circuit.measure(Drive(inputs))), np.concatenate(alone))


def test_inputs_are_driven(bench):
    inputs = bench.inputs(3)
    measured = bench.circuit.measure(Drive(inputs)).node_voltages
    for k, source in enumerate(bench.network.inputs):
        if source.kind == "voltage":
            seen = voltage(bench, measured, source)
            np.testing.assert_allclose(seen, inputs[:, k], rtol=0, atol=bench.offset + SIGMAS * (bench.noise + bench.source))


def test_currents_are_injected(bench):
    bench.can("ep")
    currents = bench.currents(3)
    made = bench.circuit.measure(Drive(bench.inputs(3), Inject(currents))).output_currents
    floor = 1e-3 * bench.settings.limits.i_nudge_max
    np.testing.assert_allclose(made, currents, rtol=SIGMAS * bench.settings.calibration.current, atol=floor)


def test_outputs_are_held(bench):
    bench.can("cl")
    free = bench.circuit.measure(Drive(bench.inputs(2)))
    held = free.output_voltages + 0.1 * bench.circuit.probe_volts
    made = bench.circuit.measure(Drive(bench.inputs(2), Hold(held)))
    np.testing.assert_allclose(
        made.output_voltages, held, rtol=0, atol=bench.offset + SIGMAS * (2 * bench.noise + bench.source)
    )
    assert (np.abs(made.output_currents) > 0).all()


def test_superposition(bench):
    bench.can("ep")
    inputs, currents = bench.inputs(2), bench.currents(2)
    zero = np.zeros_like(inputs)
    drives = [Drive(inputs, Inject(currents)), Drive(zero), Drive(inputs), Drive(zero, Inject(currents))]
    both, rest, one, two = (bench.volts(bench.circuit.measure(drive)) for drive in drives)
    bench.near(both + rest, one + two, readings=4)


def test_both_sides_of_a_nudge_are_the_same_distance_from_none(bench):
    bench.can("ep")
    inputs, currents = np.tile(bench.inputs(1), (3, 1)), bench.currents(1)
    plus, none, minus = bench.volts(bench.circuit.measure(Drive(inputs, Inject(currents * [[1], [0], [-1]]))))
    bench.near(plus + minus, 2 * none, readings=6)
    assert np.abs(plus - minus).max() > SIGMAS * bench.noise


def test_the_model_fitted_to_some_phases_predicts_others(bench):
    """Other node voltages and the rule's direction, from conductances that a few open and injected phases gave."""
    bench.can(bench.rule.name)
    circuit = bench.circuit
    fitted = bench.fitted()
    with ExactCircuit(bench.network) as model:
        model.program(fitted.conductances)
        for other in (Drive(bench.inputs(3)), Drive(bench.inputs(3), Inject(bench.currents(3)))):
            bench.near(
                bench.volts(circuit.measure(other)), model.measure(other).node_voltages[:, circuit.read_nodes], readings=6
            )
        wanted, got = (bench.rule.read(one, bench.task).direction for one in (model, circuit))
    assert wanted @ got > 0.95 * np.linalg.norm(wanted) * np.linalg.norm(got)


def test_resistors_are_where_the_station_says(bench):
    """At conductances that differ by far more than devices do, each edge has its own."""
    bench.can("ep")
    start = bench.circuit.conductances.copy()
    factor = 3 ** np.random.default_rng(3).uniform(-1, 1, len(start))
    programmed = bench.circuit.program(np.where(bench.network.trainable, start * factor, start))
    fitted = bench.fitted()
    bench.circuit.program(start)
    seen = fitted.relative_error < 0.1
    assert seen.any()
    assert np.abs(np.log(fitted.conductances / programmed))[seen].max() < 0.5


def test_it_is_left_safe(bench):
    """The last one: sources at 0 V, resistors open."""
    assert bench.circuit.connection.safe() == []
    for box in bench.boxes:
        with pytest.raises(InstrumentError, match="open"):
            box.codes()
    measured = np.zeros((1, len(bench.network.nodes)))
    measured[:, bench.circuit.read_nodes] = bench.circuit._scans(0, 1)[:, : len(bench.circuit.read_nodes)]
    for source in bench.network.inputs:
        if source.kind == "voltage":
            assert np.abs(voltage(bench, measured, source)) < bench.offset + SIGMAS * (2 * bench.noise + bench.source)


def voltage(bench, measured, source):
    """(S,) V between the two nodes of a source."""
    at = bench.network.node_index
    return sum(sign * measured[:, at[n]] for n, sign in ((source.plus, 1), (source.minus, -1)) if n != GROUND)
