"""Laws: the contract of the built-in ones, and a memristive one that the package knows nothing of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import bipolar, jfet, mosfet, real_diode, table
from networks import networks
from newton import agrees_with_ngspice, drive_inputs, with_diodes, with_transistors
from outside import Memristor
from typer.testing import CliRunner

from hwlearn import (
    Circuit,
    Diode,
    Drive,
    Element,
    ElementDevice,
    EquilibriumPropagation,
    ExactCircuit,
    Inject,
    Network,
    NewtonCircuit,
    NgspiceCircuit,
    Resistor,
    Source,
    Task,
    Transistor,
    train,
)
from hwlearn.arrays import Array
from hwlearn.cli import app
from hwlearn.errors import DeviceError, ExperimentError, ModelError, NetworkError
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.network.builders import grid
from hwlearn.network.devices import (
    DEVICES,
    Branch,
    Card,
    Device,
    Law,
    Names,
    NetlistAround,
    Parameter,
)
from hwlearn.registry import _installed
from hwlearn.testing import DeviceContract
from hwlearn.testing.resistors import ResistorContract
from hwlearn.text import parse_number, write_number


class GainLaw(Law):
    """i = G v of its control."""

    def __init__(self, gain: Array) -> None:
        self._gain = gain[:, None]

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        return self._gain * volts[0], (np.broadcast_to(self._gain, volts[0].shape),)


@dataclass(frozen=True)
class Transconductor(ElementDevice):
    """A current that two other nodes control: SPICE's G element."""

    gain: float

    word: ClassVar = "transconductor"
    letter: ClassVar = "g"
    terminals: ClassVar = ("plus", "minus", "over", "under")
    branches: ClassVar = (Branch("plus", "minus", GainLaw, ("gain",), (("over", "under"),)),)
    parameters: ClassVar = (Parameter("gain", "S"),)
    passive: ClassVar = False

    @classmethod
    def read(cls, card: Card, netlist: NetlistAround) -> Self:
        gain = parse_number(card.rest[0]) if len(card.rest) == 1 and len(card.nodes) == 4 else None
        if gain is None:
            raise DeviceError("only 'G… plus minus over under gain' is understood")
        return cls(card.name, card.nodes, gain)

    def cards(self, names: Names) -> list[str]:
        return [f"{names.card} {' '.join(names.nodes)} {write_number(self.gain)}"]


class TestTransconductor(DeviceContract):
    def make(self, random: np.random.Generator) -> Device:
        return Transconductor("G1", ("a", "b", "c", "d"), random.uniform(-1e-2, 1e-2))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([3, 12]))
def test_controlled_sources_need_no_dominant_diagonal(seed: int, size: int) -> None:
    """Dense and sparse matrices, for ngspice's answer."""
    random = np.random.default_rng(seed)
    plain = grid(size, size, 1e-3, inputs=["n0_0"], outputs=[f"n{size - 1}_0", "n1_1"])
    ends = [tuple(map(str, random.choice(plain.nodes, 4, False))) for _ in range(3)]
    elements = [
        Element(f"G{k}", f"g{k} {' '.join(four)} {random.uniform(-3e-3, 3e-3):.17g}", four, "here")
        for k, four in enumerate(ends)
    ]
    ground = Source("V0", "voltage", f"n0_{size - 1}")
    network = replace(plain, elements=tuple(elements), fixed_sources=(ground,), laws=(Transconductor,))
    with NewtonCircuit(network) as circuit:
        assert not circuit.reciprocal
    agrees_with_ngspice(network, np.array([[1.0], [-0.3]]), random.uniform(-1e-4, 1e-4, (2, 2)), 0.9)


class TestResistor(DeviceContract):
    def make(self, random: np.random.Generator) -> Device:
        return Resistor("R1")


class TestDiode(DeviceContract):
    volts = 0.8

    def make(self, random: np.random.Generator) -> Device:
        return Diode("D1", ("a", "k"), 10 ** random.uniform(-15, -9), random.uniform(1, 2))


class TestDiodeOfAMaker(DeviceContract):
    """With all that matters at DC; ngspice's rounding is that of RS."""

    volts = 3.0

    def make(self, random: np.random.Generator) -> Device:
        return real_diode(random, "D1", ("a", "k"))


class TestIVTable(DeviceContract):
    volts = 1.5

    def make(self, random: np.random.Generator) -> Device:
        return table(random, "B1", ("p", "m"), most=5)  # longer cards are not listed whole


class TestMosfet(DeviceContract):
    volts = 1.5

    def make(self, random: np.random.Generator) -> Device:
        return mosfet(random, "M1", ("d", "g", "s", "b"))


class TestJfet(DeviceContract):
    volts = 0.7

    def make(self, random: np.random.Generator) -> Device:
        return jfet(random, "J1", ("d", "g", "s"))


class TestBipolar(DeviceContract):
    volts = 0.7

    def make(self, random: np.random.Generator) -> Device:
        return bipolar(random, "Q1", ("c", "b", "e", "s"))


class TestTransistor(DeviceContract):
    """Its bulk at ground, at a terminal of its own, and at its source."""

    volts = 0.7

    def make(self, random: np.random.Generator) -> Device:
        bulk = random.choice(["0", "b", "t1"])
        return Transistor("M1", 10 ** random.uniform(-4, -2), random.uniform(-1, 1), str(bulk), 10 ** random.uniform(-15, -12))


class TestMemristor(DeviceContract):
    digits = 1e-10

    def make(self, random: np.random.Generator) -> Device:
        return Memristor("B1", random.uniform(0.5, 4))


class TestEdgesWithOhmsLaw(ResistorContract):
    """Resistors by their law, in Newton's method, are those of the linear model."""

    def make(self, network: Network) -> Circuit:
        law = tuple(Resistor(name) for name in network.edge_names)
        return NewtonCircuit(replace(network, devices=law))


# The other package's law, from its installation to a trained netlist


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if a package had brought it, with an entry point."""
    folder = tmp_path / "site" / "memristors-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: memristors\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[hwlearn.devices]\nmemristor = {__name__}:Memristor\n")
    monkeypatch.syspath_prepend(str(folder.parent))
    DEVICES.__dict__.pop("_points", None)
    _installed.cache_clear()
    yield
    monkeypatch.undo()
    DEVICES.__dict__.pop("_points", None)
    _installed.cache_clear()


def memristors(seed: int) -> Network:
    """A grid in which the last five edges are. Each node hangs on resistors as well, as ngspice starts with states of 0 V."""
    random = np.random.default_rng(seed)
    plain = grid(3, 3, random.uniform(1e-3, 4e-3, 12), inputs=["n0_0", "n2_2"], outputs=["n0_2", "n2_0"])
    law = tuple(Memristor(name, random.uniform(0.5, 4)) for name in plain.edge_names[7:])
    return Network.from_edges(
        [edge[:2] for edge in plain.edges],
        plain.conductances,
        names=plain.edge_names,
        inputs=plain.inputs,
        outputs=plain.outputs,
        devices=law,
    )


TASK = Task([[1.0, -0.5], [-0.3, 0.9]], [[0.2, 0.1], [0.1, 0.3]])
RULE = EquilibriumPropagation(1e-4, symmetric=True)


@pytest.mark.parametrize("seed", range(4))
def test_both_simulators_see_the_same_direction(seed: int) -> None:
    network = memristors(seed)
    with NewtonCircuit(network) as newton, NgspiceCircuit(network) as ngspice:
        expected = RULE.direction(newton, TASK)
        np.testing.assert_allclose(RULE.direction(ngspice, TASK), expected, rtol=0, atol=1e-8 * np.abs(expected).max())
        drive = Drive(TASK.inputs, Inject([[1e-4, -2e-4]]))
        one, two = newton.measure(drive), ngspice.measure(drive)
        np.testing.assert_allclose(one.node_voltages, two.node_voltages, rtol=0, atol=1e-9)
        np.testing.assert_allclose(one.power, two.power, rtol=1e-8)


@settings(max_examples=15, deadline=None)
@given(network=networks(), seed=st.integers(0, 2**32 - 1))
def test_laws_of_all_kinds_in_one_circuit(network: Network, seed: int) -> None:
    """Diodes, transistors and memristors: the exact model's answers are those of ngspice."""
    random = np.random.default_rng(seed)
    network = with_diodes(with_transistors(network, seed), seed)
    taken = {device.edge for device in network.devices}
    tree = len([node for node in network.nodes if node != "0"]) - 1
    more = [name for name in network.edge_names[tree:] if name not in taken]
    law = tuple(Memristor(name, random.uniform(0.5, 2), full=1.0) for name in more)
    network = replace(network, devices=(*network.devices, *law), upper=np.minimum(network.upper, 1.0))
    inputs = drive_inputs(network, seed, 0.5, 3)
    agrees_with_ngspice(network, inputs, random.uniform(-1e-4, 1e-4, (3, len(network.outputs))), 0.9)


def test_power_is_what_sources_deliver() -> None:
    with NewtonCircuit(memristors(0)) as circuit:
        got = circuit.measure(Drive(TASK.inputs))
    np.testing.assert_allclose(got.power, (got.input_currents * TASK.inputs).sum(axis=1), rtol=1e-9)


@pytest.mark.parametrize("kind", [NewtonCircuit, NgspiceCircuit])
@pytest.mark.parametrize("parameter", ["conductance", "state"])
def test_it_learns(kind: type[Circuit], parameter: str) -> None:
    """What another setting of the memristors does."""
    network = replace(memristors(1), trainable=np.arange(12) >= 7)
    with NewtonCircuit(network.with_conductances(network.conductances * np.where(network.trainable, 1.5, 1))) as circuit:
        task = Task(TASK.inputs, circuit.measure(Drive(TASK.inputs)).output_voltages)
    rate = {"conductance": 1e-4, "state": 1e-2}[parameter]  # S, 1
    with kind(network) as circuit:
        result = train(circuit, task, RULE, steps=40, learning_rate=rate, optimizer="adam", parameter=parameter)
    assert result.losses[-1] < 0.05 * result.losses[0]


def test_a_step_of_states_is_the_conductances_step_by_the_chain_rule() -> None:
    network = memristors(1)
    mask = np.arange(12) >= 7
    network = replace(network, trainable=mask)
    with NewtonCircuit(network) as circuit:
        direction = RULE.direction(circuit, TASK)
        result = train(circuit, TASK, RULE, steps=1, learning_rate=0.5, parameter="state")
    moved = (result.conductances - network.conductances)[mask] / 1e-2
    np.testing.assert_allclose(moved, 0.5 * 1e-2 * direction[mask], rtol=1e-9)


@pytest.mark.usefixtures("installed")
def test_an_installed_law_is_found_written_and_read(tmp_path: Path) -> None:
    assert DEVICES.get("memristor") is Memristor
    network = memristors(2)
    path = tmp_path / "memristors.cir"
    text = network.to_netlist(path)
    assert text.count("sinh") == len(network.devices)
    again = Network.from_netlist(path, inputs=network.input_names, outputs=network.output_names)
    before = dict(zip(network.edge_names, network.conductances, strict=True))
    renamed = dict(re.findall(r"\* edge (\S+) stands for '(\S+)'", text))
    names = [renamed.get(name, name) for name in again.edge_names]
    assert again.conductances == pytest.approx([before[name] for name in names], rel=1e-10)
    assert {names[again.edge_names.index(device.edge)] for device in again.devices} == {d.edge for d in network.devices}
    assert again.trainable.sum() == 7
    with NewtonCircuit(network) as one, NewtonCircuit(again) as two:
        a, b = (circuit.measure(Drive(TASK.inputs)).output_voltages for circuit in (one, two))
    np.testing.assert_allclose(b, a, rtol=0, atol=1e-10)


def test_without_its_law_it_stays_an_element(tmp_path: Path) -> None:
    path = tmp_path / "memristors.cir"
    network = memristors(2)
    network.to_netlist(path)
    left = Network.from_netlist(path, inputs=network.input_names, outputs=network.output_names)
    assert len(left.elements) == len(network.devices)
    with pytest.raises(ModelError, match=r"the exact model takes .*diodes.*transistors.*sinh"):
        NewtonCircuit(left)


EXPERIMENT = """
[circuit]
netlist = "memristors.cir"
devices = ["{law}"]
trainable = ["B*"]

[ports]
inputs = ["V_n0_0", "V_n2_2"]
outputs = ["n0_2", "n2_0"]

[task]
inputs = [[1.0, -0.5], [-0.3, 0.9]]
targets = [[0.2, 0.1], [0.1, 0.3]]

[rule]
name = "ep"
nudge = 1e-4
symmetric = true

[train]
steps = 5
learning_rate = 1.0
parameter = "state"
"""


def test_an_experiment_file_may_name_the_class(tmp_path: Path) -> None:
    memristors(2).to_netlist(tmp_path / "memristors.cir")
    path = tmp_path / "memristors.toml"
    path.write_text(EXPERIMENT.format(law=f"{__name__}:Memristor"))
    with pytest.raises(ExperimentError, match="code from a file"):
        _ = load_experiment(path).network
    one, two = (
        run_experiment(load_experiment(path, {"backend.name": backend}, trust_code=True)) for backend in ("exact", "ngspice")
    )
    assert one.loss_final < one.loss_initial
    np.testing.assert_allclose(one.losses, two.losses, rtol=1e-8)
    assert len(one.as_dict()["states"]) == 5
    shown = CliRunner().invoke(app, ["show", str(path), "--out", str(tmp_path / "m.png"), "--trust-code"]).stdout
    assert re.search(r"memristor +state +steepness \[1/V\] +full \[S\]", shown)


def test_a_law_that_bends_refuses_options_that_it_does_not_know() -> None:
    network = Network.from_edges(
        [("a", "0")], 1e-3, inputs=["a"], names=["M1"], devices=[Transistor("M1", 1e-3, 0.5)], directives=[".options temp=50"]
    )
    with pytest.raises(ModelError, match=r"transistor M1: its law is known at 27 °C .* temp=50"):
        NewtonCircuit(network)


def test_limits_narrow_the_bounds() -> None:
    law = Memristor("R1", 2.0, full=1e-2)
    network = Network.from_edges([("a", "0")], 1e-3, inputs=["a"], devices=[law], bounds=(1e-5, 1.0))
    assert (network.lower[0], network.upper[0]) == (1e-5, 1.5e-2)
    with pytest.raises(NetworkError, match=r"memristor 'R1': its bounds 1e-05 … 1 S must lie within 0 … 0.015 S"):
        replace(network, upper=np.array([1.0]))


def test_what_is_for_resistors_only_names_it() -> None:
    with pytest.raises(ModelError, match="not for memristor R8; memristor R9; memristor R10 and 2 more"):
        ExactCircuit(memristors(0))


def test_words() -> None:
    network = memristors(0)
    assert network.counted() == "7 resistors and 5 memristors, of which 12 are trained"
    ((what, states),) = network.settings.items()
    assert (what.name, list(states)) == ("state", [device.edge for device in network.devices])
    assert states["R8"] == pytest.approx(network.conductances[7] / 1e-2)
