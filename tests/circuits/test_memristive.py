"""Memristors that move while they are measured: closed forms, an integrator with a dense solve, and ngspice's `.tran`."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memristors import HP, PER_COULOMB, alone
from scipy.integrate import solve_ivp

from hwlearn import Drive, Hold, Inject, Network, NewtonCircuit, NgspiceCircuit, Source
from hwlearn.circuits.memristive import MemristiveCircuit
from hwlearn.errors import HwlearnError
from hwlearn.network.devices import VTEAM, ExponentialVTEAM, IonDrift
from hwlearn.spice.session import session
from hwlearn.testing import CircuitContract

# One device: closed forms


@pytest.mark.parametrize("amperes", [1e-4, -1e-4])
def test_at_a_constant_current_the_memristance_follows_the_charge(amperes):
    """M(q) = r_off + (r_on − r_off)(x₀ + μ r_on q / D²)."""
    device, seconds = IonDrift("R1", window="none", **HP), 0.02
    with MemristiveCircuit(NewtonCircuit(alone(device, 0.4, "I(a)")), seconds) as circuit:
        found = circuit.measure(Drive(np.full((12, 1), amperes))).node_voltages[:, 0] / amperes
    charge = amperes * seconds * np.arange(1, 13)
    memristance = HP["r_off"] + (HP["r_on"] - HP["r_off"]) * (0.4 + PER_COULOMB * charge)
    np.testing.assert_allclose(found, memristance, rtol=1e-8)


def sine(hertz, volts=1.0, count=80):
    """Steps of a period of a sine [V], and how long each lasts [s]."""
    return volts * np.sin(2 * np.pi * (np.arange(count) + 0.5) / count)[:, None], 1 / hertz / count


@pytest.mark.parametrize("hertz", [3.0, 30.0])
def test_at_a_sine_the_loop_is_pinched_and_the_resistance_follows_the_flux(hertz):
    """From dx/dt = k v/M: M² = M₀² − 2 (r_off − r_on) k φ, whatever the voltage's course."""
    device, (volts, seconds) = IonDrift("R1", window="none", **HP), sine(hertz)
    with MemristiveCircuit(NewtonCircuit(alone(device, 0.2)), seconds) as circuit:
        found = circuit.measure(Drive(volts))
    flux = np.cumsum(volts[:, 0]) * seconds
    at_rest = 1 / device.conductance(0.2)
    memristance = np.sqrt(at_rest**2 - 2 * (HP["r_off"] - HP["r_on"]) * PER_COULOMB * flux)
    amperes = volts[:, 0] / memristance
    np.testing.assert_allclose(found.input_currents[:, 0], amperes, rtol=1e-7)
    assert abs(memristance[-1] / at_rest - 1) < 1e-9  # as much flux back as forth
    half = len(volts) // 2
    rising, falling = amperes[: half // 2], amperes[half // 2 : half][::-1]  # at the same voltages
    assert ((falling > rising)[1:]).all()
    assert np.abs(falling / rising - 1).max() > (0.1 if hertz < 10 else 0.01)


def test_a_faster_sine_makes_a_narrower_loop():
    areas = []
    for hertz in (3.0, 30.0, 300.0):
        volts, seconds = sine(hertz, count=40)
        with MemristiveCircuit(NewtonCircuit(alone(IonDrift("R1", window="joglekar", **HP), 0.2)), seconds) as circuit:
            amperes = circuit.measure(Drive(volts)).input_currents[:, 0]
        half = slice(0, 20)
        areas.append(abs(np.trapezoid(amperes[half], volts[half, 0])))
    assert areas[0] > 3 * areas[1] > 9 * areas[2]


def test_vteam_moves_as_fast_as_its_paper_says_and_stands_still_between_its_thresholds():
    """dw/dt = k_off (v/v_off − 1)^α_off, w = (1 − x) D: constant at a constant voltage, without a window."""
    device = VTEAM("R1", 1e3, 1e5, "none", k_on=-1e-6, k_off=2e-6, v_on=-0.3, v_off=0.2, alpha_on=2.0, alpha_off=3.0)
    with MemristiveCircuit(NewtonCircuit(alone(device, 0.5)), 1e-4) as circuit:
        circuit.measure(Drive([[0.2], [-0.3], [0.19], [0.0]]))
        assert circuit.states.tolist() == [device.setting(device.conductance(0.5))]
        circuit.measure(Drive([[0.3]]))
        assert circuit.states[0] == pytest.approx(0.5 - 2e-6 * 0.5**3 * 1e-4 / 3e-9, rel=1e-9)
        circuit.measure(Drive([[-0.6], [-0.6]]))
        assert circuit.states[0] == pytest.approx(0.5 - 2e-6 * 0.5**3 * 1e-4 / 3e-9 + 2e-10 / 3e-9, rel=1e-9)


def test_an_exponential_resistance_falls_by_equal_factors_for_equal_parts_of_the_range():
    """r = r_on exp(λ (w − w_on)/(w_off − w_on)), e^λ = r_off/r_on: 100 kΩ, 10 kΩ, 1 kΩ at w_off, half-way, w_on."""
    device = ExponentialVTEAM("R1", 1e3, 1e5, "none", k_on=-1e-6, v_on=-0.3, v_off=0.3)
    for state, ohms in ((0.0, 1e5), (0.5, 1e4), (1.0, 1e3)):
        assert 1 / device.conductance(state) == pytest.approx(ohms, rel=1e-12)
        assert device.setting(1 / ohms) == pytest.approx(state, abs=1e-12)
    with MemristiveCircuit(NewtonCircuit(alone(device, 0.5)), 3e-4) as circuit:
        amperes = circuit.measure(Drive([[0.25], [-0.6]])).input_currents[:, 0]
        assert circuit.states[0] == pytest.approx(0.6, rel=1e-9)  # k_on (v/v_on − 1)³ / D is 1/3 a millisecond
    np.testing.assert_allclose(amperes, [0.25 / 1e4, -0.6 / (1e3 * 100**0.4)], rtol=1e-8)


@pytest.mark.parametrize("window", ["none", "joglekar", "biolek", "prodromakis"])
@pytest.mark.parametrize("volts", [5.0, -5.0])
def test_a_state_ends_at_its_end_and_comes_back_where_its_window_lets_it(window, volts):
    with MemristiveCircuit(NewtonCircuit(alone(IonDrift("R1", window=window, **HP), 0.3)), 1e3) as circuit:
        circuit.measure(Drive([[volts]]))
        end = circuit.states[0]
        assert end == pytest.approx(1.0 if volts > 0 else 0.0, abs=1e-6)
        assert 0 <= end <= 1
        circuit.seconds = 1e-3
        circuit.measure(Drive([[-volts]]))
        assert (abs(circuit.states[0] - end) > 1e-5) == (window in ("none", "biolek"))


# Circuits, by an integrator of another kind and a dense solve of Kirchhoff's laws


def drawn(random):
    """A bridge of five edges with four memristors, and a load: ends, devices, states, resistor."""
    ends = [("a", "b"), ("a", "c"), ("b", "c"), ("b", "0"), ("c", "0"), ("a", "0")]
    devices, states = [], random.uniform(0.1, 0.9, 4)
    for k in range(4):
        window = ["joglekar", "biolek", "prodromakis"][random.integers(3)]
        if random.random() < 0.5:
            numbers = random.uniform([50, 1e4], [200, 3e4])
            devices.append(IonDrift(f"R{k + 1}", *numbers, window, random.uniform(1, 3), 10 ** random.uniform(-14, -13)))
        else:
            speeds = {"k_on": -random.uniform(1e-7, 1e-6), "k_off": random.uniform(1e-7, 1e-6), "v_off": 0.1}
            numbers = random.uniform([500, 1e4], [2e3, 3e4])
            law = VTEAM if random.random() < 0.5 else ExponentialVTEAM
            devices.append(law(f"R{k + 1}", *numbers, window, 2.0, alpha_on=2.0, alpha_off=2.5, **speeds))
    return ends, devices, states, random.uniform(1e-4, 1e-3, 2)


def by_hand(ends, devices, states, others, volts, nudge, seconds):
    """States, and voltages of b and c, after each sample: equations as they stand in the papers."""

    def ohms(d, s):
        if isinstance(d, ExponentialVTEAM):
            return d.r_on * np.exp(np.log(d.r_off / d.r_on) * (1 - s))
        return d.r_off + (d.r_on - d.r_off) * s

    def nodes(x, v, current):
        g = [*(1 / ohms(d, s) for d, s in zip(devices, x, strict=True)), *others]
        matrix = np.array([[g[0] + g[2] + g[3], -g[2]], [-g[2], g[1] + g[2] + g[4]]])
        return np.linalg.solve(matrix, [g[0] * v + current, g[1] * v])

    def rates(_, x, v, current):
        x = np.clip(x, 0, 1)
        at = dict(zip("bc", nodes(x, v, current), strict=True)) | {"a": v, "0": 0.0}
        found = []
        for d, s, (one, two) in zip(devices, x, ends[:4], strict=True):
            drop, p = at[one] - at[two], 2 * d.exponent
            if isinstance(d, IonDrift):
                i = drop / ohms(d, s)
                speed = d.mobility * d.r_on / d.thickness**2 * i
            elif drop > d.v_off:
                speed = -d.k_off * (drop / d.v_off - 1) ** d.alpha_off / d.thickness
            elif drop < d.v_on:
                speed = -d.k_on * (drop / d.v_on - 1) ** d.alpha_on / d.thickness
            else:
                speed = 0.0
            away = s if speed > 0 else s - 1
            window = {
                "joglekar": 1 - abs(2 * s - 1) ** p,
                "biolek": 1 - abs(away) ** p,
                "prodromakis": 1 - ((s - 0.5) ** 2 + 0.75) ** (p / 2),
            }
            found.append(speed * window[d.window])
        return found

    told = []
    for v, current in zip(volts, nudge, strict=True):
        solution = solve_ivp(rates, (0, seconds), states, "DOP853", rtol=1e-11, atol=1e-13, args=(v, current))
        states = solution.y[:, -1]
        told.append(nodes(states, v, current))
    return states, np.array(told)


def built(ends, devices, states, others, outputs=("b",)):
    conductances = [*(d.conductance(s) for d, s in zip(devices, states, strict=True)), *others]
    return Network.from_edges(ends, conductances, inputs=["a"], outputs=outputs, devices=devices)


@given(st.integers(0, 2**32))
@settings(max_examples=6, deadline=None)
def test_circuits_move_as_their_differential_equations_say(seed):
    random = np.random.default_rng(seed)
    ends, devices, states, others = drawn(random)
    volts, nudge, seconds = random.uniform(-1, 1, 3), random.uniform(-1e-4, 1e-4, 3), 10 ** random.uniform(-5, -3)
    network = built(ends, devices, states, others)
    with MemristiveCircuit(NewtonCircuit(network), seconds) as circuit:
        found = circuit.measure(Drive(volts[:, None], Inject(nudge[:, None])))
        after, told = by_hand(ends, devices, states, others, volts, nudge, seconds)
        np.testing.assert_allclose(circuit.states, after, atol=1e-7)
        at = [network.node_index[node] for node in "bc"]
        np.testing.assert_allclose(found.node_voltages[:, at], told, atol=1e-6)
        delivered = found.input_currents[:, 0] * volts + nudge * found.output_voltages[:, 0]
        np.testing.assert_allclose(found.power, delivered, rtol=1e-8)
        assert (circuit.real[4:] == circuit.conductances[4:]).all()


def test_a_held_output_moves_states_too():
    """Held at the input's voltage, the device between them carries nothing, and its state stays."""
    edges, devices = [("a", "b"), ("b", "0")], [IonDrift(name, **HP) for name in ("R1", "R2")]
    network = Network.from_edges(edges, devices[0].conductance(0.5), inputs=["a"], outputs=["b"], devices=devices)
    with MemristiveCircuit(NewtonCircuit(network), 1e-3) as circuit:
        circuit.measure(Drive([[1.0]], Hold([[1.0]])))
        assert circuit.states[0] == pytest.approx(0.5, abs=1e-9)
        assert circuit.states[1] > 0.5009


def test_both_simulators_move_alike():
    random = np.random.default_rng(4)
    ends, devices, states, others = drawn(random)
    found = []
    for kind in (NewtonCircuit, NgspiceCircuit):
        with MemristiveCircuit(kind(built(ends, devices, states, others)), 1e-4) as circuit:
            circuit.measure(Drive([[0.8], [-0.5]]))
            found.append(circuit.states)
    assert np.abs(found[0] - states).max() > 1e-3
    np.testing.assert_allclose(*found, atol=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_ngspice_moves_the_written_netlist_alike(seed):
    """`.op` finds the resistors of the present states; `.tran` moves them, right to some 1e-5 with steps of 1/2000."""
    random = np.random.default_rng(seed)
    ends, devices, states, others = drawn(random)
    network, seconds = built(ends, devices, states, others, ()), 3e-4
    network = Network.from_edges(
        ends, network.conductances, inputs=[], fixed_sources=[Source("Va", "voltage", "a", "0", 0.7)],
        devices=devices,
    )  # fmt: skip
    lines, deck = network.to_netlist().splitlines(), object()
    names = [f"state_b_{k}".encode() for k in range(4)]

    def work(shared):
        here = session()
        here.add(shared, deck, [lines[0], *(line for line in lines[1:] if line != ".op")])
        try:
            shared.command("op")
            before = shared.vectors([*names, b"b", b"c"], 1)[:, 0]
            shared.command("destroy all")
            shared.command(f"tran {seconds / 2000} {seconds} 0 {seconds / 2000}")
            after = shared.vectors(names, 1)[:, 0]
            shared.command("destroy all")
            return before, after
        finally:
            here.remove(shared, deck)

    before, after = session().run(work)
    with MemristiveCircuit(NewtonCircuit(network), seconds) as circuit:
        still = circuit.inside.measure(Drive(np.zeros((1, 0))))
        circuit.measure(Drive(np.zeros((1, 0))))
        moved = circuit.states
    np.testing.assert_allclose(before[:4], states, rtol=1e-9)
    np.testing.assert_allclose(before[4:], [still.node_voltages[0, network.node_index[node]] for node in "bc"], rtol=1e-5)
    np.testing.assert_allclose(after, moved, atol=2e-5)
    assert np.abs(moved - states).max() > 1e-3


# What is remembered, and refused


def test_a_snapshot_goes_on_bit_for_bit():
    random = np.random.default_rng(7)
    ends, devices, states, others = drawn(random)
    drives = [Drive([[v], [-v / 2]]) for v in (0.8, -0.3, 0.5, 0.9)]
    told = random.uniform(2e-4, 8e-4, (4, 6))
    with (
        MemristiveCircuit(NewtonCircuit(built(ends, devices, states, others)), 1e-4) as one,
        MemristiveCircuit(NewtonCircuit(built(ends, devices, states, others)), 1e-4) as two,
    ):
        for k in range(2):
            one.program(told[k])
            one.measure(drives[k])
        two.restore(one.snapshot())
        two.program(told[1])  # as training does: nothing moves of being told the same again
        for k in range(2, 4):
            found = [circuit.measure(drives[k]).node_voltages for circuit in (one, two)]
            np.testing.assert_array_equal(*found)
            np.testing.assert_array_equal(one.states, two.states)
            one.program(told[k])
            two.program(told[k])
        with pytest.raises(HwlearnError, match="other memristors"):
            two.restore({"states": np.zeros(2), "asked": np.zeros(2)})


def test_what_cannot_be_is_refused():
    plain = Network.from_edges([("a", "0")], 1e-3, inputs=["a"])
    with pytest.raises(HwlearnError, match="no memristor: make edges of it IonDrift or VTEAM"):
        MemristiveCircuit(NewtonCircuit(plain))
    network = alone(IonDrift("R1", **HP), 0.5)
    with pytest.raises(HwlearnError, match="seconds is -1"):
        MemristiveCircuit(NewtonCircuit(network), -1.0)


class TestStill(CircuitContract):
    """With no time to move, it is the circuit inside: the contract's networks of memristors."""

    def make(self, network):
        low, high = 0.5 * network.conductances.min(), 2 * network.conductances.max()
        devices = tuple(IonDrift(name, 1 / high, 1 / low) for name in network.edge_names)
        bounds = {"lower": np.full(len(devices), low), "upper": np.full(len(devices), high)}
        return MemristiveCircuit(NewtonCircuit(replace(network, devices=devices, **bounds)))
