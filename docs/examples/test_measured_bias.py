"""The measured small network of Dillavou et al.: model against circuit and against data. Only parts of the data are fitted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from measured_bias import Cycles, GatePair, Lines, Measured, fit_dynamics, fit_late, fit_lines
from scipy.optimize import least_squares

from hwlearn import Drive, ExactCircuit, FullClamp
from hwlearn.errors import HwlearnError
from hwlearn.testing.nodal import modified_nodal

DATA = Path(__file__).parents[2] / "tests" / "data" / "dillavou2025"
MEASURED = Measured.load(DATA)


@pytest.fixture(scope="module")
def fitted() -> GatePair:
    return fit_late(fit_dynamics(fit_lines(GatePair(), Lines.of(MEASURED)), MEASURED), MEASURED)


@pytest.fixture(scope="module")
def cycles(fitted: GatePair) -> Cycles:
    return fitted.cycles(MEASURED.periods)


@pytest.mark.parametrize("task", [0, 1])
def test_the_model_is_a_circuit_that_learns_by_full_clamp(task: int) -> None:
    pair, gates = GatePair(gain=1.04, threshold=0.5), np.array([2.7, 3.1])
    network, samples = pair.network(gates, task), pair.task(task)
    free = modified_nodal(network, network.conductances, Drive(samples.inputs))
    np.testing.assert_allclose(pair.output(gates, task), free.output_voltages[0, 0], rtol=1e-12)
    with ExactCircuit(network) as circuit:
        direction = FullClamp().direction(circuit, samples)
    assert direction[2] == 0
    np.testing.assert_allclose(pair.velocity(gates, task) - pair.bias, 2 * pair.rate * direction[:2], rtol=1e-9)


def test_published_solution_lines_of_the_three_conductors() -> None:
    """Numbers of the data's README, from the same published parameters."""
    np.testing.assert_allclose(GatePair().solution_line(0), (2.333, -3.297), atol=1e-3)
    np.testing.assert_allclose(GatePair().solution_line(1), (0.413, 1.638), atol=1e-3)
    for task in (0, 1):
        slope, intercept = GatePair().solution_line(task)
        for minus in (2.0, 4.0):
            assert GatePair().error([minus, slope * minus + intercept], task) == pytest.approx(0, abs=1e-12)


def test_a_path_follows_its_differential_equation() -> None:
    pair = GatePair()
    path = pair.path([2.5, 3.3], 1, 0.02, 400)
    slopes = (path[2:] - path[:-2]) / (2 * 0.02 / 400)
    np.testing.assert_allclose(slopes, pair.velocity(path[1:-1], 1), rtol=2e-4, atol=1e-3)


def test_without_bias_learning_forgets_nothing() -> None:
    """No bias: both tasks are solved at once, and the limit cycle is a point."""
    found = GatePair(bias=(0.0, 0.0)).cycles([0.02])
    assert found.spans[0] < 1e-12
    assert found.errors[0] < 1e-12
    lines = np.array([GatePair().solution_line(task) for task in (0, 1)])
    crossing = np.subtract(*lines[::-1, 1]) / np.subtract(*lines[:, 0])
    assert found.after_one[0, 0] == pytest.approx(crossing, abs=1e-5)


def test_solution_lines_after_fitting_gain_and_threshold(fitted: GatePair) -> None:
    lines = Lines.of(MEASURED)
    np.testing.assert_allclose(np.polyfit(MEASURED.drift[:, 1], MEASURED.drift[:, 2], 1), lines.values[1], rtol=2e-3)
    found = np.array([fitted.solution_line(task) for task in (0, 1)])
    assert (np.abs(found - lines.values) < lines.uncertainty).all()
    np.testing.assert_allclose(found[:, 0], lines.values[:, 0], rtol=0.01)
    assert fitted.gain == pytest.approx(1.04, abs=0.01)


def test_span_of_the_limit_cycle_grows_as_measured(cycles: Cycles) -> None:
    short = MEASURED.periods <= 0.0126

    def exponent(spans: np.ndarray) -> float:
        return float(np.polyfit(np.log(MEASURED.periods[short]), np.log(spans[short]), 1)[0])

    assert exponent(cycles.spans) == pytest.approx(exponent(MEASURED.spans), abs=0.15)
    np.testing.assert_allclose(cycles.spans[-4:], MEASURED.spans[-4:], rtol=0.05)


def test_span_where_it_was_not_fitted(fitted: GatePair, cycles: Cycles) -> None:
    """`late` was fitted to the three shortest periods: the exponent of the others, and that without it."""
    first = np.sort(MEASURED.periods)[2]
    short = MEASURED.periods <= 0.0126
    plain = replace(fitted, late=0.0).cycles(MEASURED.periods)
    for spans, used in ((cycles.spans, short & (MEASURED.periods > first)), (plain.spans, short)):
        found, true = (np.polyfit(np.log(MEASURED.periods[used]), np.log(s[used]), 1)[0] for s in (spans, MEASURED.spans))
        assert found == pytest.approx(true, abs=0.15)


@pytest.mark.parametrize("line", [0, 1])
def test_a_line_predicts_the_other(line: int) -> None:
    """Gain and threshold from one solution line alone."""
    lines = Lines.of(MEASURED)

    def off(x: np.ndarray, which: int) -> np.ndarray:
        pair = GatePair(gain=float(x[0]), threshold=float(x[1]))
        return (np.array(pair.solution_line(which)) - lines.values[which]) / lines.uncertainty[which]

    found = least_squares(lambda x: off(x, line), [1.0, 0.7]).x
    assert np.abs(off(found, line)).max() < 1e-6
    assert np.abs(off(found, 1 - line)).max() < 1


def test_error_at_all_periods(cycles: Cycles) -> None:
    ratio = cycles.errors / MEASURED.errors
    assert len(ratio) == 19
    assert (np.abs(np.log2(ratio)) < 1).all()


def test_published_parameters_alone_do_nearly_as_well() -> None:
    found = GatePair().cycles(MEASURED.periods)
    assert (np.abs(np.log2(found.errors / MEASURED.errors)) < 1).all()


def test_bad_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HwlearnError, match="measured-DG2"):
        Measured.load(tmp_path)
