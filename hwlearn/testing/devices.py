"""The suite that every `Device` passes, shipped for those who write a law of their own::

    class TestMine(DeviceContract):
        def make(self, random):
            return Mine("R1", steepness=random.uniform(1, 3))

Needs pytest. ngspice is asked for currents, so that a law is checked against its own card.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive
from hwlearn.circuits.newton.circuit import NewtonCircuit
from hwlearn.circuits.ngspice.circuit import NgspiceCircuit
from hwlearn.errors import DeviceError
from hwlearn.netlist.laws import read_elements
from hwlearn.network import Network, Source
from hwlearn.network.devices import Branches, Device, EdgeDevice, ElementDevice, Names, Placed, Resistor, branches_by_law
from hwlearn.network.edges import Element

SAMPLES = 40


def _own(letter: str, wanted: str) -> str:
    return f"{letter}x_{wanted.lower()}"


class DeviceContract(ABC):
    """Derive, and give one device at random.

    Attributes:
        volts: the device is tried at terminal voltages up to this [V], half of them ten times nearer to zero.
        conductances: smallest and largest conductance that an edge's device is tried at [S].
        tolerance: of currents against ngspice, relative to the largest.
        digits: relative tolerance of numbers that were written and read back; ngspice lists those of expressions to 1e-10.
    """

    volts: float = 1.0
    conductances: tuple[float, float] = (1e-4, 1e-2)
    tolerance: float = 1e-9
    digits: float = 1e-12

    @abstractmethod
    def make(self, random: np.random.Generator) -> Device:
        """A device with parameters drawn by `random`. An edge's terminals are t0, t1 and what the device itself names."""

    @pytest.fixture(params=range(3))
    def random(self, request: pytest.FixtureRequest) -> np.random.Generator:
        return np.random.default_rng(request.param)

    def nodes(self, device: Device) -> tuple[str, ...]:
        """Nodes of the terminals."""
        return device.nodes if isinstance(device, ElementDevice) else ("t0", "t1", *getattr(device, "further", ()))

    def drawn(self, device: Device, random: np.random.Generator) -> tuple[float, Array]:
        """A conductance [S], and voltages (SAMPLES, N) V of the nodes, 0 at ground."""
        low, high = np.log(self.conductances)
        nodes = tuple(dict.fromkeys(self.nodes(device)))
        voltages = random.uniform(-self.volts, self.volts, (SAMPLES, len(nodes)))
        voltages[::2] /= 10
        return float(np.exp(random.uniform(low, high))), voltages * [node != "0" for node in nodes]

    def inside(self, device: Device, voltages: Array, random: np.random.Generator) -> Array:
        """Voltages of the nodes, and of those inside as well, which may have any."""
        inner = random.uniform(-self.volts, self.volts, (len(voltages), len(device.inner)))
        return np.hstack((voltages, inner))

    def branches(self, device: Device) -> list[Branches]:
        """One for each branch, with the terminals and what is inside as nodes."""
        place = Placed(device, (*self.nodes(device), *device.inner), 0 if isinstance(device, EdgeDevice) else -1)
        index = {node: k for k, node in enumerate(dict.fromkeys(place.nodes))}
        return [found for branch in device.branches for found in branches_by_law([(place, branch)], index)]

    # The law

    def test_words_and_numbers(self, random: np.random.Generator) -> None:
        device = self.make(random)
        assert device.word
        assert device.word == device.word.strip().lower()
        assert len(set(device.terminals)) == len(device.terminals) == len(self.nodes(device))
        device.check()
        for name, _, positive, negative in device.parameters:
            with pytest.raises(DeviceError, match=name):
                replace(device, **{name: np.nan}).check()  # type: ignore[type-var]
            if positive or not negative:
                with pytest.raises(DeviceError, match=name):
                    replace(device, **{name: -1.0}).check()  # type: ignore[type-var]
        if isinstance(device, EdgeDevice):
            first = device.branches[0]
            assert (first.start, first.end) == device.terminals[:2]

    def test_slopes_are_those_of_finite_differences(self, random: np.random.Generator) -> None:
        """Of the currents' scale over that of the step, where currents bend most."""
        device = self.make(random)
        conductance, voltages = self.drawn(device, random)
        voltages = self.inside(device, voltages, random)
        for branches in self.branches(device):
            given = np.array([[conductance]])
            volts = np.asarray(branches.controls @ voltages.T).reshape(-1, 1, SAMPLES)
            _, slopes = branches.law.currents(given, volts)
            assert len(slopes) == len(volts)
            for control, slope in enumerate(slopes):
                step = np.zeros(volts.shape)
                step[control] = 1e-6
                above, below = (branches.law.currents(given, volts + sign * step)[0] for sign in (1, -1))
                rise = (above - below) / 2e-6
                rounding = 1e-9 * np.abs(above) + 1e-13 * np.abs(above).max()
                assert (np.abs(rise - slope) <= 1e-4 * np.abs(slope) + rounding / 1e-6).all()

    def test_the_edges_current_moves_with_its_conductance_as_driving_says(self, random: np.random.Generator) -> None:
        device = self.make(random)
        if not isinstance(device, EdgeDevice):
            pytest.skip("it does not learn")
        conductance, voltages = self.drawn(device, random)
        first = self.branches(device)[0]
        volts = np.asarray(first.controls @ voltages.T).reshape(-1, 1, SAMPLES)
        step = 1e-6 * conductance
        above, below = (first.law.currents(np.array([[conductance + sign * step]]), volts)[0] for sign in (1, -1))
        driving = first.law.driving(np.array([[conductance]]), volts)
        np.testing.assert_allclose((above - below) / (2 * step), driving, rtol=1e-6, atol=1e-6 * np.abs(driving).max())

    def test_a_small_change_of_the_drop_is_contrasted_as_the_device_says(self, random: np.random.Generator) -> None:
        device = self.make(random)
        if not isinstance(device, EdgeDevice):
            pytest.skip("it does not learn")
        for volts in random.uniform(-self.volts, self.volts, SAMPLES):
            here, step = np.array([volts]), 1e-3 * self.volts
            slope = device.contrast(here + step, here - step) / (4 * step)  # both sides, and half of it
            np.testing.assert_allclose(device.contrasted(here), slope, rtol=0, atol=1e-9 * max(self.volts, 1.0))

    def test_no_power_comes_out_of_it(self, random: np.random.Generator) -> None:
        device = self.make(random)
        if not device.passive:
            pytest.skip("it claims no passivity")
        conductance, voltages = self.drawn(device, random)
        voltages = self.inside(device, voltages, random)
        power, size = np.zeros(SAMPLES), 0.0
        for branches in self.branches(device):
            each = branches.currents(np.array([conductance]), voltages)[:, 0] * (branches.incidence @ voltages.T)[0]
            power, size = power + each, size + np.abs(each)
        assert (power >= -1e-12 * size).all()

    # Its setting

    def test_setting_and_conductance_are_each_others_inverse(self, random: np.random.Generator) -> None:
        device = self.make(random)
        if not isinstance(device, EdgeDevice):
            pytest.skip("it does not learn")
        for g in np.geomspace(*self.conductances, 7).tolist():
            setting = device.setting(g)
            assert device.conductance(setting) == pytest.approx(g, rel=1e-12)
            step = 1e-6 * max(abs(setting), 1e-3)
            rise = (device.conductance(setting + step) - device.conductance(setting - step)) / (2 * step)
            assert device.slope(g) == pytest.approx(rise, rel=1e-5)

    # Netlists

    def test_it_is_written_and_read_back(self, random: np.random.Generator, tmp_path: Path) -> None:
        """Through a netlist that ngspice expands."""
        device = self.make(random)
        conductance, _ = self.drawn(device, random)
        path = tmp_path / "device.cir"
        network = self.network(device, conductance)
        network.to_netlist(path)
        again = Network.from_netlist(path, devices=(type(device),))
        read: Device
        if isinstance(device, EdgeDevice):
            assert again.conductances == pytest.approx([conductance], rel=self.digits)
            assert [edge[:2] for edge in again.edges] == [edge[:2] for edge in network.edges]
            read = again.device_at.get(0, Resistor(again.edge_names[0]))
        else:
            found, refused = read_elements(again.elements, again.directives, (type(device),))
            assert not refused
            (read,) = found
        assert type(read) is type(device)
        for parameter in device.parameters:
            assert getattr(read, parameter.name) == pytest.approx(getattr(device, parameter.name), rel=self.digits, abs=1e-300)
        assert [node.lower() for node in self.nodes(read)] == [node.lower() for node in self.nodes(device)]

    def test_what_is_ignored_changes_nothing(self, random: np.random.Generator, tmp_path: Path) -> None:
        """Each parameter, set to 0.5, leaves ngspice's currents as they are."""
        device = self.make(random)
        if not device.ignored:
            pytest.skip("nothing is ignored")
        conductance, voltages = self.drawn(device, random)
        text = self.network(device, conductance).to_netlist()
        found, terminals = [], self.network(device, conductance).input_names
        for name in ("", *device.ignored):
            path = tmp_path / "device.cir"
            path.write_text(text.replace(")\n", f" {name}=0.5)\n", 1) if name else text)
            again = Network.from_netlist(path, inputs=terminals, devices=(type(device),))
            with NgspiceCircuit(again) as circuit:
                found.append(circuit.measure(Drive(self.drives(device, voltages))).input_currents)
        for name, currents in zip(device.ignored, found[1:], strict=True):
            np.testing.assert_allclose(currents, found[0], rtol=1e-9, atol=1e-15, err_msg=name)

    # Circuits

    @pytest.mark.parametrize("kind", [NewtonCircuit, NgspiceCircuit])
    def test_currents_are_those_of_the_law(self, kind: type[Circuit], random: np.random.Generator) -> None:
        """At every node, and again when the edge has another conductance: the deck says what the law does.

        With nodes inside, whose voltages are not known, ngspice's currents are those of Newton's method.
        """
        device = self.make(random)
        if device.inner and kind is NewtonCircuit:
            pytest.skip("it is asked for what ngspice must answer")
        low, voltages = self.drawn(device, random)
        with kind(self.network(device, low)) as circuit:
            for conductance in (low, 1.5 * low) if isinstance(device, EdgeDevice) else (low,):
                if isinstance(device, EdgeDevice):
                    circuit.program([conductance])
                got = circuit.measure(Drive(self.drives(device, voltages)))
                expected = self.expected(device, conductance, voltages)
                size = np.abs(expected).max(axis=1, keepdims=True) + 1e-6  # ngspice's abstol is 1e-15 A
                assert (np.abs(got.input_currents - expected) <= self.tolerance * size).all()

    def expected(self, device: Device, conductance: float, voltages: Array) -> Array:
        """(S, n_in) A into the nodes but ground."""
        if device.inner:
            with NewtonCircuit(self.network(device, conductance)) as circuit:
                return circuit.measure(Drive(self.drives(device, voltages))).input_currents
        leaving = np.zeros(voltages.shape)
        for branches in self.branches(device):
            leaving += branches.currents(np.array([conductance]), voltages) * branches.incidence.toarray()[0]
        return self.drives(device, leaving)

    def drives(self, device: Device, voltages: Array) -> Array:
        """Of the columns of all nodes, those of the inputs of `network`."""
        return voltages[:, [k for k, node in enumerate(dict.fromkeys(self.nodes(device))) if node != "0"]]

    def network(self, device: Device, conductance: float) -> Network:
        """The device alone, with a voltage source at each of its nodes but ground."""
        sources = [Source(f"Vx{k}", "voltage", node) for k, node in enumerate(dict.fromkeys(self.nodes(device)))]
        inputs = [source for source in sources if source.plus != "0"]
        if isinstance(device, EdgeDevice):
            ends = [self.nodes(device)[:2]]
            return Network.from_edges(ends, conductance, inputs=inputs, names=[device.edge], devices=[device])
        assert isinstance(device, ElementDevice)
        *directives, card = device.cards(Names(device.name.lower(), device.nodes, _own))
        element = Element(device.name, card, device.nodes, "here")
        return Network.from_edges([], inputs=inputs, elements=[element], directives=directives, laws=[type(device)])
