"""Memristors that are programmed: exactly, or by pulses, which are those of the differential equation."""

import numpy as np
import pytest
from memristors import HP, PER_COULOMB, alone
from scipy.integrate import solve_ivp

from hwlearn import Drive, Network, NewtonCircuit
from hwlearn.circuits.imperfect import DeadEdges, ImperfectCircuit
from hwlearn.circuits.memristive import Exactly, MemristiveCircuit, Pulses
from hwlearn.errors import HwlearnError
from hwlearn.network.devices import VTEAM, IonDrift


@pytest.mark.parametrize("programming", [None, Exactly()])
def test_programmed_exactly_an_edge_has_what_it_is_told_and_others_stay_where_reading_left_them(programming):
    devices = [IonDrift(name, **HP) for name in ("R1", "R2")]
    network = Network.from_edges([("a", "b"), ("b", "0")], devices[0].conductance(0.5), inputs=["a"], devices=devices)
    with MemristiveCircuit(NewtonCircuit(network), 0.01, programming) as circuit:
        circuit.measure(Drive([[1.0]]))
        disturbed = circuit.states.copy()
        assert (disturbed > 0.5).all()
        told = np.array([devices[0].conductance(0.3), circuit.conductances[1]])
        circuit.program(told)
        assert circuit.states == pytest.approx([0.3, disturbed[1]], rel=1e-12)
        np.testing.assert_array_equal(circuit.conductances, told)


def pulsed(state, told, pulses, device=None):
    """States of one device after each conductance that it is told, in parts of what a pulse does at state ½, added up."""
    device = device or IonDrift("R1", **HP)
    with MemristiveCircuit(NewtonCircuit(alone(device, state)), 0.0, pulses) as circuit:
        found, asked = [], circuit.conductances.copy()
        for part in told:
            step = circuit._programming._rise if part > 0 else -circuit._programming._fall
            asked = asked + part * step
            circuit.program(asked)
            found.append(circuit.states[0])
        return np.array(found)


def test_a_pulse_at_half_does_what_is_asked_for():
    device = IonDrift("R1", **HP)
    with MemristiveCircuit(NewtonCircuit(alone(device, 0.5)), 0.0, Pulses(1.0, -1.0, 1e-3)) as circuit:
        wanted = circuit.conductances * 1.00001
        circuit.program(wanted)
        assert circuit.states[0] == 0.5  # less than a pulse
        step = device.conductance(pulsed(0.5, [1.01], Pulses(1.0, -1.0, 1e-3))[0]) - device.conductance(0.5)
        circuit.program(circuit.network.conductances + 1.01 * step)
        assert circuit.real[0] == pytest.approx(circuit.network.conductances[0] + step, rel=1e-9)


def test_pulses_are_those_of_the_differential_equation():
    """Of Biolek's window, dx/dt = k i (1 − x²) up and k i (1 − (1 − x)²) down."""

    def speed(_, x, volts):
        amperes = volts / (HP["r_off"] + (HP["r_on"] - HP["r_off"]) * x)
        return PER_COULOMB * amperes * (1 - (x if volts > 0 else 1 - x) ** 2)

    for volts, part, at in ((2.0, 7.001, 0.2), (-1.0, -4.001, 0.7)):
        truth = solve_ivp(speed, (0, int(abs(part)) * 1e-3), [at], "DOP853", rtol=1e-12, atol=1e-14, args=(volts,)).y[0, -1]
        assert pulsed(at, [part], Pulses(2.0, -1.0, 1e-3))[0] == pytest.approx(truth, abs=1e-8)


def test_pulses_do_less_near_the_ends_and_other_things_up_than_down():
    up, low, high = (
        abs(pulsed(at, [sign * 1.01], Pulses(1.0, -1.0, 1e-3))[0] - at) for at, sign in ((0.5, 1), (0.02, -1), (0.99, 1))
    )
    assert low < 0.2 * up
    assert high < 0.2 * up * 16e3 / 260  # near r_on, a volt drives more current
    there_and_back = pulsed(0.8, [20.01, -20.01], Pulses(1.0, -1.0, 1e-3))
    assert abs(there_and_back[1] - 0.8) > 1e-3


@pytest.mark.parametrize("state", [0.1, 0.5, 0.9])
def test_which_part_of_a_small_change_is_made_is_known(state):
    """By Biolek's window: ∂g/∂x ∝ 1/r² and dx/dt ∝ (1 − x²)/r up, (1 − (1 − x)²)/r down, beside those at x = ½."""
    r = {x: HP["r_off"] + (HP["r_on"] - HP["r_off"]) * x for x in (state, 0.5)}
    up, down = ((1 - x**2) / 0.75 * (r[0.5] / r[state]) ** 3 for x in (state, 1 - state))
    device = IonDrift("R1", **HP)
    with MemristiveCircuit(NewtonCircuit(alone(device, state)), 0.0, Pulses(1.0, -1.0, 1e-6)) as circuit:
        assert circuit.heeded(np.ones(1)) == pytest.approx([up], rel=1e-5)
        assert circuit.heeded(-np.ones(1)) == pytest.approx([down], rel=1e-5)
        assert circuit.strayed == pytest.approx([0.0])
        before = circuit.real
        circuit.program(before * (1 + 1e-3 / up))
        assert circuit.real - before == pytest.approx((circuit.conductances - before) * up, rel=0.01)
        assert circuit.strayed == pytest.approx(circuit.real - circuit.conductances, rel=1e-12)


def test_an_edge_that_is_dead_heeds_nothing_and_hides_no_other():
    """Around memristors, imperfections pass on what these do of what they are told."""
    devices = [IonDrift(name, **HP) for name in ("R1", "R2")]
    edges = [("a", "b"), ("a", "b"), ("b", "0")]
    conductances = [1e-4, devices[0].conductance(0.9), devices[1].conductance(0.5)]
    network = Network.from_edges(edges, conductances, inputs=["a"], outputs=["b"], names=["R0", "R1", "R2"], devices=devices)
    moving = MemristiveCircuit(NewtonCircuit(network), 0.01, Pulses(1.0, -1.0, 1e-4))
    with ImperfectCircuit(moving, DeadEdges(names=["R0"])) as circuit:
        heeded = circuit.heeded(np.array([1.0, 1.0, -1.0]))
        assert heeded[1] > 20 * heeded[2] > 0
        circuit.measure(Drive([[1.0]]))
        assert circuit.strayed[0] == 0
        np.testing.assert_array_equal(circuit.strayed[1:], circuit.inside.real - circuit.inside.conductances)
        assert (circuit.strayed[1:] > 0).all()


def test_parts_of_a_pulse_are_asked_for_later():
    states = pulsed(0.5, [0.4, 0.4, 0.4, 0.4, 0.4], Pulses(1.0, -1.0, 1e-3))
    assert states[0] == states[1] == 0.5
    assert states[2] == states[3] > 0.5
    assert states[4] > states[3]


def test_pulses_that_do_nothing_are_refused():
    device = VTEAM("R1", 1e3, 1e5, v_off=0.2)
    for pulses, says in (
        (Pulses(-0.1, 0.5, 1e-9), r"a pulse of -0\.1 V for 1e-09 s does not raise the conductance of vteam memristor R1"),
        (Pulses(-0.5, 0.1, 1e-9), r"a pulse of 0\.1 V for 1e-09 s does not lower the conductance"),
    ):
        with pytest.raises(HwlearnError, match=says):
            MemristiveCircuit(NewtonCircuit(alone(device, 0.5)), 0.0, pulses)
    with pytest.raises(HwlearnError, match="give finite volts, and a time above 0"):
        Pulses(1.0, -1.0, 0.0)
