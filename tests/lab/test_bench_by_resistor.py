"""Nudging by the resistor that is soldered to an output: no current is controlled, and what is not there is refused."""

import numpy as np
import pytest
from benches import NETWORK, bench
from test_bench_check import SERIES
from test_bench_leads import verified

from hwlearn import Drive, EquilibriumPropagation, ExactCircuit, Pull, Task, train
from hwlearn.errors import InstrumentError, StationError
from hwlearn.learning.train import task_loss

GROUNDED = NETWORK.with_ports(outputs=["t1"])
TASK = Task([[1.0]], [[0.25]])
OHM = 1e4


def rule(nudge=1 / OHM, symmetric=False):
    return EquilibriumPropagation(nudge, symmetric, by="resistor")


@pytest.fixture
def circuit(tmp_path):
    with bench(tmp_path, network=GROUNDED, virtual=SERIES, station=SERIES) as made:
        yield made


@pytest.mark.parametrize("symmetric", [False, True])
def test_direction_is_that_of_the_model(circuit, symmetric):
    got = rule(symmetric=symmetric).direction(verified(circuit), TASK)
    with ExactCircuit(GROUNDED) as model:
        model.program(circuit.made.model.conductances)
        true = rule(symmetric=symmetric).direction(model, TASK)
    assert np.linalg.norm(got - true) < 0.02 * np.linalg.norm(true)


@pytest.mark.parametrize("symmetric", [False, True])
def test_it_learns(circuit, symmetric):
    before = task_loss(circuit, TASK)[0]
    train(verified(circuit), TASK, rule(symmetric=symmetric), steps=40, learning_rate=6e-7)
    assert task_loss(circuit, TASK)[0] < 0.1 * before


def test_the_source_is_told_the_target_once(circuit):
    """Nothing is corrected: one command of the source for each sample."""
    verified(circuit).measure(Drive([[1.0]]))
    told, source = [], circuit.connection.instruments["dac"]
    plain = source.set

    def counted(values):
        told.append(values)
        return plain(values)

    source.set = counted
    got = circuit.measure(Drive([[1.0], [0.5]], Pull([[0.25], [0.2]], 1 / OHM)))
    volts = [values["2"] for values in told if "2" in values]
    pulled = volts[: len(volts) - next(k for k, value in enumerate(reversed(volts)) if value in (0.25, 0.2))]
    assert set(pulled) == {0.25, 0.2}
    np.testing.assert_allclose(got.output_currents[:, 0], (np.array([0.25, 0.2]) - got.output_voltages[:, 0]) / OHM, atol=1e-8)


def test_another_resistor_is_refused(circuit):
    with pytest.raises(StationError, match=r"output\.t1 is pulled through 10000 Ω, .* 0\.0001 S, .*0\.0002 S.* solder 5000 Ω"):
        rule(2e-4).direction(circuit, TASK)


def test_source_meters_are_refused(tmp_path):
    with bench(tmp_path) as circuit, pytest.raises(StationError, match="no resistor to pull it by"):
        circuit.measure(Drive([[1.0]], Pull([[0.1]], 1e-4)))


def test_voltages_and_currents_beyond_the_limits_are_refused(circuit):
    most = circuit.station.settings.limits
    with pytest.raises(StationError, match=r"beyond limits\.v_compliance"):
        circuit.measure(Drive([[1.0]], Pull([[1.01 * most.v_compliance]], 1 / OHM)))


def test_currents_beyond_the_limit_are_refused(tmp_path):
    small = [*SERIES, ("i_nudge_max = ", "i_nudge_max = 1e-6 # ")]
    refused = pytest.raises(InstrumentError, match=r"output t1 of sample 0 took .* beyond limits\.i_nudge_max")
    with bench(tmp_path, network=GROUNDED, virtual=SERIES, station=small) as circuit, refused:
        circuit.measure(Drive([[1.0]], Pull([[0.4]], 1 / OHM)))


def test_a_source_that_is_off_is_named(circuit):
    """Its output relay is open: no current flows, and the far end reads what the node does."""
    verified(circuit).measure(Drive([[1.0]], Pull([[0.25]], 1 / OHM)))
    source = circuit.connection.instruments["dac"]
    source.set = lambda values: values
    with pytest.raises(InstrumentError, match=r"^dac: channel 2 \(output t1\) was told 0\.4 V"):
        circuit.measure(Drive([[1.0]], Pull([[0.4]], 1 / OHM)))
