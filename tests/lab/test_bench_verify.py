"""`EdgeFilter` on simulated devices, whose true conductances are known; the checks of a phase on the virtual bench."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn import (
    AdjointCoupledLearning,
    Circuit,
    CoupledLearning,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    Inject,
    Network,
    Task,
    train,
)
from hwlearn.circuits.measurement import SampledMeasurement
from hwlearn.errors import InstrumentError
from hwlearn.experiments import load_experiment
from hwlearn.inference.following import EdgeFilter
from hwlearn.lab.bench.checks.following import strayed
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.station import load_station
from hwlearn.network.builders import grid

ROOT = Path(__file__).parents[2]
EXPERIMENT = load_experiment(ROOT / "netlists" / "allostery-bench.toml")
NETWORK, TASK = EXPERIMENT.network, EXPERIMENT.task
STATION = load_station(ROOT / "stations" / "allostery.toml")
READ = [k for k, name in enumerate(NETWORK.nodes) if name in STATION.settings.node]
RULES = {
    "ep": (EquilibriumPropagation(2e-4, symmetric=True), 1e-6),
    "cl": (CoupledLearning(1.0, symmetric=True), 2e-3),
    "al": (AdjointCoupledLearning(5e3, symmetric=True), 3.0),
}


class Verifier:
    """The filter, with its verdict as an error."""

    def __init__(self, network, read, places, **options):
        self.names, self.places, self.filter = network.edge_names, places, EdgeFilter(network, read, **options)

    def compare(self, *phase):
        stray = self.filter.learn(*phase)
        if stray is not None:
            raise strayed(stray, self.names, self.places)


class Devices(Circuit):
    """Digipots of ±20 % behind 1 kΩ, read with noise and offsets; `verifier` sees what a bench would show it."""

    def __init__(self, seed, noise=7e-6, offset=3e-4, drift=1e-3):
        super().__init__(NETWORK)
        self.random = np.random.default_rng(seed)
        self.error = 1 + 0.2 * self.random.uniform(-1, 1, len(NETWORK.edges))
        self.noise = noise
        self.offsets = np.zeros(len(NETWORK.nodes))
        self.offsets[READ] = offset * self.random.standard_normal(len(READ))
        self.true, self.stuck, self.programs, self.phases = ExactCircuit(NETWORK), {}, 0, 0
        self.told = self.program(NETWORK.conductances)
        places = [f"pots:{k}" for k in range(len(NETWORK.edges))]
        self.verifier = Verifier(NETWORK, READ, places, offset=1e-3, drift=drift / 8)

    def device(self, told):
        return 1 / (1000 + self.error * (1 / told - 1000))

    def stick(self, edge):
        self.stuck[edge] = self.true.conductances[edge]

    def _close(self):
        self.true.close()

    def _program(self, conductances):
        self.told, self.programs = conductances, self.programs + 1
        true = self.device(conductances)
        for edge, value in self.stuck.items():
            true[edge] = value
        self.true.program(true)
        return conductances

    def _measure(self, inputs, outputs, imposed):
        true = self.true.measure(Drive(inputs, outputs))
        read = true.node_voltages.copy()
        read[:, READ] += self.offsets[READ] + self.noise * self.random.standard_normal((len(read), len(READ)))
        signs = np.array([[{"t1": 1.0, "t2": -1.0}.get(name, 0.0) for name in NETWORK.nodes]])
        currents = 1.0005 * true.output_currents  # the source meter's own error
        self.phases += 1
        self.verifier.compare(self.told, currents @ signs, read, self.noise)
        return SampledMeasurement(NETWORK, self.told, read, read @ signs.T, currents, true.input_currents, self.noise)


def learn(circuit, rounds, steps, rule="ep", times=1.0):
    """Targets that change, so that codes go on moving."""
    learning, rate = RULES[rule]
    for k in range(rounds):
        train(circuit, Task([[1.0]], [[(-0.1, 0.2)[k % 2]]]), learning, steps=steps, learning_rate=times * rate, keep="last")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(20))
def test_no_false_alarm(seed, rule):
    circuit = Devices(seed)
    learn(circuit, 2, 25, rule)
    assert circuit.phases == 2 * 2 * 26


@pytest.mark.parametrize("edge", range(1, 24))  # R1 lies along the source
def test_a_stuck_relay_is_named(edge):
    circuit = Devices(3, drift=1e-4, offset=1e-4)
    learn(circuit, 1, 20)
    circuit.stick(edge)
    with pytest.raises(InstrumentError, match=rf"^pots: resistor {edge} \(edge R{edge + 1}\) does not follow"):
        learn(circuit, 12, 20, times=5)


@pytest.mark.parametrize("seed", range(3))
def test_no_other_edge_is_blamed(seed):
    named = 0
    for edge in range(1, 24):
        circuit = Devices(seed)
        learn(circuit, 1, 10)
        circuit.stick(edge)
        try:
            learn(circuit, 2, 10, times=3)
        except InstrumentError as error:
            assert f"(edge R{edge + 1})" in str(error)  # noqa: PT017
            named += 1
    assert named > 5


def test_an_edge_along_a_source_is_not_seen():
    circuit = Devices(0)
    circuit.stick(0)
    learn(circuit, 4, 20)
    assert circuit.phases == 4 * 2 * 21


@given(st.integers(0, 2**32), st.integers(2, 4), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_no_false_alarm_in_any_grid(seed, rows, inputs):
    random = np.random.default_rng(seed)
    network = grid(rows, 3, inputs=["n0_1", "n0_0,n1_1", "I(n1_0)"][:inputs], outputs=["n1_2", "n0_2,n1_0"])
    told = np.exp(random.uniform(-9, -7, len(network.edges)))
    factors = 1 + 0.3 * random.uniform(-1, 1, len(told))
    read = [k for k, name in enumerate(network.nodes) if name != "0"]
    verifier = Verifier(network, read, ["pots:0"] * len(told), offset=1e-3, drift=1e-4)
    signs = np.zeros((2, len(network.nodes)))
    for port, ends in zip(signs, (["n1_2"], ["n0_2", "n1_0"]), strict=True):
        port[[network.node_index[name] for name in ends]] = [1.0, -1.0][: len(ends)]
    with ExactCircuit(network) as true:
        for step in range(20):
            true.program(factors * told)
            volts = random.uniform(-1, 1, (2, inputs)) * [1.0, 1.0, 1e-4][:inputs]
            current = 1e-4 * random.uniform(-1, 1, (2, 2)) * (step % 2)
            got = true.measure(Drive(volts, Inject(current)))
            voltages = got.node_voltages.copy()
            voltages[:, read] += 1e-4 * random.standard_normal((2, len(read)))
            verifier.compare(told, current @ signs, voltages, math.nan)
            told = told * np.exp(0.5 * random.uniform(-1, 1, len(told)) * (random.random(len(told)) < 0.5))


@pytest.mark.parametrize("seed", range(10))
def test_readings_that_make_no_sense_end_in_a_named_error_or_none(seed):
    random = np.random.default_rng(seed)
    verifier = Verifier(NETWORK, READ, ["pots:0"] * len(NETWORK.edges), offset=0.0, drift=0.0)
    try:
        for _ in range(50):
            told = np.exp(random.uniform(-9, -7, len(NETWORK.edges)))
            verifier.compare(told, np.zeros((1, 16)), random.choice([0.0, 1e-9, 1.0, 10.0]) * random.normal(size=(1, 16)), 0.0)
    except InstrumentError as error:
        assert "does not follow" in str(error)  # noqa: PT017


def test_networks_with_other_elements_are_not_judged(tmp_path):
    (tmp_path / "diode.cir").write_text(
        "a diode\nV1 a 0 1\nR1 a b 1k\nR2 b 0 1k\nD1 b 0 DX\n.model DX D\n.end\n", encoding="utf-8"
    )
    network = Network.from_netlist(tmp_path / "diode.cir", inputs=["V1"], outputs=["b"])
    plain = Network.from_edges([("a", "b"), ("b", "0")], inputs=["a"], outputs=["b"])

    def readings_that_stay(network):
        verifier = Verifier(network, [0, 1], ["pots:0", "pots:1"], offset=0.0, drift=1e-6)
        voltages = np.array([[{"a": 1.0, "b": 0.5, "0": 0.0}[name] for name in network.nodes]])
        for k in range(20):
            verifier.compare(np.array([1e-3, 1e-3 * 1.2**k]), np.zeros((1, len(network.nodes))), voltages, 0.0)

    readings_that_stay(network)
    with pytest.raises(InstrumentError, match="does not follow its code"):
        readings_that_stay(plain)


@pytest.fixture
def station(tmp_path):
    """The shipped station with less drift allowed, and quicker."""
    text = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
    for old, new in (("repeats = 8", "repeats = 2\ndrift_max = 2e-4"), ("noise_v = 20e-6", "noise_v = 5e-6")):
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "station.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("verify", [True, False])
def test_on_the_bench(station, verify):
    with BenchCircuit(NETWORK, station, verify=verify) as circuit:
        learn(circuit, 1, 5, times=5)
        circuit.connection.virtual.fault("pots", "stuck", edge="R11")
        if not verify:
            learn(circuit, 2, 15, times=5)
            return
        with pytest.raises(InstrumentError, match=r"pots: resistor 10 \(edge R11\)"):
            learn(circuit, 6, 15, times=5)
        assert circuit.connection.virtual.instruments["pots"].opened


FREE, NUDGED = Drive([[1.0], [0.5]]), Drive([[1.0], [0.5]], Inject([[1e-4], [-1e-4]]))


@pytest.mark.parametrize("verify", [True, False])
def test_a_channel_that_moves_between_two_phases_is_named(station, verify):
    with BenchCircuit(NETWORK, station, verify=verify) as circuit:
        circuit.measure(FREE)
        circuit.measure(NUDGED)
        circuit.measure(FREE)
        circuit.connection.virtual.model.channels.offsets["daq:106"] += 5e-4
        if not verify:
            circuit.measure(NUDGED)
            return
        with pytest.raises(InstrumentError, match=r"daq: daq:106 \(n12\) read .*drift_max"):
            circuit.measure(NUDGED)


def test_a_drift_within_the_limit_is_none(station):
    with BenchCircuit(NETWORK, station) as circuit:
        for _ in range(6):
            circuit.measure(FREE)
            circuit.connection.virtual.model.channels.offsets["daq:106"] += 1e-4
            circuit.measure(NUDGED)
        circuit.measure(FREE)
        circuit.connection.virtual.model.channels.offsets["daq:106"] += 6e-4
        with pytest.raises(InstrumentError, match="drift_max"):
            circuit.measure(NUDGED)


def test_the_repeat_is_of_the_phase_before_at_the_same_codes(station):
    with BenchCircuit(NETWORK, station) as circuit:
        heard = circuit.connection.virtual.instruments["daq"]

        def scans(drive):
            heard.lines = []
            circuit.measure(drive)
            return sum(int(number) for number in re.findall(r":TRIG:COUN (\d+);:READ", ";".join(heard.lines)))

        circuit.measure(FREE)  # and a scan at rest, once
        assert scans(FREE) == 4
        assert scans(NUDGED) == 5
        assert scans(NUDGED) == 4  # the same again
        circuit.program(1.1 * circuit.conductances)
        assert scans(NUDGED) == 4  # other codes


def test_a_source_that_is_not_what_it_was_told_is_named(station):
    with BenchCircuit(NETWORK, station) as circuit:
        dac = circuit.connection.virtual.instruments["dac"]
        dac.off.add("1")  # its output relay, not its level
        with pytest.raises(InstrumentError, match=r"dac: channel 1 \(source VS\) was set to 1 V in sample 0, and .* was read"):
            circuit.measure(FREE)
