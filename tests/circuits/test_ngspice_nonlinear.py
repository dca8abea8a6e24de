"""Nonlinear netlists in ngspice: what is learned must not hang on where Newton happened to stop."""

from pathlib import Path

import numpy as np
import pytest
from laws import mosfet, with_law

from hwlearn import Drive, EquilibriumPropagation, Network, NewtonCircuit, NgspiceCircuit, Task
from hwlearn.errors import SimulationError
from hwlearn.learning.train import task_loss
from hwlearn.network.builders import grid

DIODES = """* diodes
.model dm d is=1e-12
VA a 0 0
Ra a b 1k
Rb b c 2k
Rc c 0 3k
D1 c 0 dm
D2 b 0 dm
Rd b d 1k
Re d 0 1k
Rf c d 5k
"""

BISTABLE = """* a Schmitt trigger that drives three diodes
{options}
.model dm d is=1e-16 n=0.5
.model qn npn bf=200 is=1e-16
.model qp pnp bf=100 is=1e-16
VCC vcc 0 15
VA a 0 0
R1 a b1 10k
Q1 c1 b1 e1 qn
Q2 c2 b2 e1 qn
R2 c2 b1 47k
R3 c1 b2 47k
R4 vcc c1 2.2k
R5 vcc c2 2.2k
R6 e1 0 100
R7 b2 0 10k
Q3 o c1 vcc qp
R8 o 0 5k
D1 o x dm
D2 x y dm
D3 y z dm
R9 z 0 1k
"""


@pytest.fixture
def diodes(tmp_path: Path) -> Network:
    path = tmp_path / "diodes.cir"
    path.write_text(DIODES)
    return Network.from_netlist(path, inputs=["VA"], outputs=["c", "d"])


def test_directions_are_those_of_finite_differences(diodes: Network) -> None:
    task = Task([[1.0], [1.5]], [[0.4, 0.3], [0.45, 0.2]])
    differences = np.zeros(len(diodes.edges))
    with NgspiceCircuit(diodes) as circuit:
        for k, g in enumerate(diodes.conductances):
            losses = []
            for side in (1, -1):
                changed = diodes.conductances.copy()
                changed[k] += side * 1e-3 * g
                circuit.program(changed)
                losses.append(task_loss(circuit, task)[0])
            differences[k] = -(losses[0] - losses[1]) / (2e-3 * g)
        circuit.program(diodes.conductances)
        direction = EquilibriumPropagation(nudge=1e-6, symmetric=True).direction(circuit, task)
    np.testing.assert_allclose(direction, differences, rtol=0, atol=1e-5 * np.abs(differences).max())


def test_a_measurement_does_not_hang_on_the_one_before(diodes: Network) -> None:
    inputs = np.linspace(0, 2, 7)[:, None]
    with NgspiceCircuit(diodes) as circuit:
        up, down = (circuit.measure(Drive(order)).output_voltages for order in (inputs, inputs[::-1]))
    np.testing.assert_allclose(up, down[::-1], rtol=0, atol=1e-8)


def test_a_netlist_may_set_its_own_tolerances(tmp_path: Path) -> None:
    path = tmp_path / "diodes.cir"
    path.write_text(DIODES + ".options reltol=0.01 vntol=1e-4\n")
    loose = Network.from_netlist(path, inputs=["VA"], outputs=["c", "d"])
    inputs = np.linspace(0, 2, 7)[:, None]
    with NgspiceCircuit(loose) as circuit:
        up, down = (circuit.measure(Drive(order)).output_voltages for order in (inputs, inputs[::-1]))
    assert np.abs(up - down[::-1]).max() > 1e-6


@pytest.mark.parametrize("options", ["", ".options reltol=1e-3 vntol=1e-6 abstol=1e-12"])
def test_an_operating_point_that_ngspice_must_search_is_taken(tmp_path: Path, options: str) -> None:
    path = tmp_path / "bistable.cir"
    path.write_text(BISTABLE.format(options=options))  # with the options, Newton gives up and gmin stepping finds it
    with NgspiceCircuit(Network.from_netlist(path, inputs=["VA"], outputs=["c1", "z"])) as circuit:
        low, high = circuit.measure(Drive([[0.0], [15.0]])).output_voltages
    assert low == pytest.approx([14.395, 0.0], abs=0.01)
    assert high == pytest.approx([14.087, 13.717], abs=0.01)


def test_a_circuit_without_an_operating_point_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "none.cir"
    path.write_text("* none\nVA a 0 0\nR1 a b 1k\nR2 b 0 1k\nB1 b 0 I= v(b) > 0.1 ? 1m : -1m\n")
    with (
        NgspiceCircuit(Network.from_netlist(path, inputs=["VA"], outputs=["b"])) as circuit,
        pytest.raises(SimulationError, match=r"ngspice could not simulate the circuit: .*failed"),
    ):
        circuit.measure(Drive([[0.0]]))


def test_a_failed_sweep_does_not_end_the_next_one(tmp_path: Path, diodes: Network) -> None:
    """ngspice keeps count of the steps that a failed sweep still had to make."""
    path = tmp_path / "sometimes.cir"
    path.write_text("* none above 0.5 V\nVA a 0 0\nR1 a b 1k\nR2 b 0 1k\nB1 b 0 I= v(a) < 0.5 ? 0 : (v(b) > 0.1 ? 1m : -1m)\n")
    with NgspiceCircuit(Network.from_netlist(path, inputs=["VA"], outputs=["b"])) as circuit:
        circuit.measure(Drive([[0.0]]))
        with pytest.raises(SimulationError, match="failed"):
            circuit.measure(Drive([[0.0], [1.0], [0.0], [0.0]]))
    with NgspiceCircuit(diodes) as circuit:
        outputs = circuit.measure(Drive(np.linspace(0, 2, 7)[:, None])).output_voltages
        np.testing.assert_allclose(circuit.measure(Drive([[1.0]])).output_voltages[0], outputs[3], rtol=0, atol=1e-12)


def test_a_transistors_current_from_the_sample_before_is_not_kept():
    """After a step of several volts, ngspice takes it for converged: one node was off by 0.96 V in these samples."""
    random = np.random.default_rng(49)
    plain = grid(2, 2, random.uniform(1e-4, 4e-3, 4), inputs=["n0_0"], outputs=["n1_1"])
    network = with_law(plain, 49, mosfet, 4, count=2)
    inputs = random.choice([-3, 3.0], (8, 1)) * random.uniform(0.1, 1, (8, 1))
    with NewtonCircuit(network) as newton:
        expected = newton.measure(Drive(inputs)).node_voltages
    for processes in (1, 2):
        with NgspiceCircuit(network, processes=processes) as circuit:
            found = circuit.measure(Drive(inputs)).node_voltages
            np.testing.assert_allclose(found, expected, rtol=0, atol=3e-9)
            np.testing.assert_allclose(circuit.measure(Drive(inputs[::-1])).node_voltages, expected[::-1], rtol=0, atol=3e-9)
