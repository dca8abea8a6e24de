"""What is linear at DC beside resistors, against ngspice and right answers by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn import Drive, EquilibriumPropagation, Hold, Network, NewtonCircuit, NgspiceCircuit, Task
from hwlearn.errors import ModelError, NetworkError

COILS = """* magnetically coupled coils at DC
V1 a 0 2
R1 a b 1k
L1 b 0 1m
L2 c 0 1m
K1 L1 L2 0.9
C1 a c 1u
I2 0 d 1m
R2 d c 1k
R3 d 0 1k
"""
XOR = """* a hidden node between two diodes, then an amplifier that works both ways
.model ideal D (Is=1e-06 N=2)
.subckt limit node ref
D1 node hi ideal
Vhi hi ref 0.3V
D2 lo node ideal
Vlo lo ref -0.3V
.ends limit
.subckt both in out ref
Fback in ref Eout 0.25
Eout out ref in ref 4.0
.ends both
Va a 0 2V
Vb b 0 -2V
Vone one 0 1V
R1 a h 1kOhm
R2 b h 3kOhm
R3 one h 2kOhm
X1 h 0 limit
X2 h o 0 both
R7 o y 1kOhm
R8 y 0 2kOhm
"""


def read(text: str, path: Path, inputs: list[str], outputs: list[str]) -> Network:
    path.write_text(f"{text}.end\n")
    return Network.from_netlist(path, inputs=inputs, outputs=outputs)


def both(network: Network, held: bool = True) -> np.ndarray:
    """Outputs of the exact model, where ngspice agrees in everything; with the outputs held as well."""
    inputs = [[source.value for source in network.inputs]]
    with NewtonCircuit(network) as newton, NgspiceCircuit(network) as ngspice:
        free = newton.measure(Drive(inputs))
        drives = [Drive(inputs)] + [Drive(inputs, Hold(0.9 * free.output_voltages))] * held
        for drive in drives:
            one, two = newton.measure(drive), ngspice.measure(drive)
            size = np.abs(two.node_voltages).max()
            np.testing.assert_allclose(one.node_voltages, two.node_voltages, rtol=0, atol=1e-9 * size)
            amperes = max(np.abs(two.input_currents).max(), np.abs(two.output_currents).max(), 1e-6)
            np.testing.assert_allclose(one.input_currents, two.input_currents, rtol=0, atol=1e-9 * amperes)
            np.testing.assert_allclose(one.output_currents, two.output_currents, rtol=0, atol=1e-9 * amperes)
    return free.output_voltages[0]


def test_coils_are_shorts_and_capacitors_open(tmp_path: Path) -> None:
    network = read(COILS, tmp_path / "a.cir", ["V1"], ["d"])
    assert both(network) == pytest.approx([0.5])
    with NewtonCircuit(network) as circuit:
        assert circuit.reciprocal


def test_amplifiers_of_two_ways(tmp_path: Path) -> None:
    assert both(read(XOR, tmp_path / "a.cir", ["Va", "Vb"], ["h"])) == pytest.approx([0.649482], abs=1e-6)


@pytest.mark.parametrize(("back", "reciprocal"), [("-4", True), ("-0.25", False), ("4", False)])
def test_an_amplifier_with_its_match_back_is_reciprocal(back: str, reciprocal: bool, tmp_path: Path) -> None:
    """As an ideal transformer is: the current that it draws is gain times that which it delivers."""
    text = XOR.replace("Eout 0.25", f"Eout {back}").replace("X1", "*")
    network = read(text, tmp_path / "a.cir", ["Va", "Vb"], ["h", "y"])
    both(network)
    with NewtonCircuit(network) as circuit:
        assert circuit.reciprocal is reciprocal
        small = circuit.small_signal(np.array([[2.0, -2.0]]))
        assert np.allclose(small.forward, small.adjoint, rtol=0, atol=1e-12 * np.abs(small.adjoint).max()) is reciprocal
        step, jacobian = 1e-6, []
        for k, g in enumerate(network.conductances):
            ends = []
            for sign in (1, -1):
                moved = network.conductances.copy()
                moved[k] = g * (1 + sign * step)
                circuit.program(moved)
                ends.append(circuit.measure(Drive([[2.0, -2.0]])).output_voltages[0])
            jacobian.append((ends[0] - ends[1]) / (2 * step * g))
        np.testing.assert_allclose(small.jacobian[0], np.transpose(jacobian), rtol=0, atol=1e-6 * np.abs(jacobian).max())


@pytest.mark.parametrize(
    "cards",
    [
        "E1 x 0 b c 3",
        "E1 x y a 0 -2",
        "G1 b x c 0 2e-4",
        "F1 b 0 V1 0.5",
        "Vs c x 0\nF1 0 b Vs 1.5",
        "Vs c x 0\nH1 y 0 Vs 300",
        "E1 x 0 c 0 2\nF1 0 b E1 0.3\nH1 y 0 E1 100",
        "L1 c x 1m\nC1 b y 1n",
        "B1 x 0 v=2*v(b,c)-0.5*v(a)+0.1",
        "B1 x 0 i=1m*(v(b)-v(c))/2+1e-5",
        "E1 x 0 y 0 2\nE2 y 0 b 0 -3",
        "Eamp x 0 0 b 1e5\nRf x b 2k",
    ],
)
def test_each_kind_of_source(cards: str, tmp_path: Path) -> None:
    text = f"* sources\nV1 a 0 1.5\nR1 a b 1k\nR2 b c 2k\nR3 c 0 3k\nR4 x 0 1k\nR5 x c 4k\nR6 y 0 5k\nR7 y b 6k\n{cards}\n"
    both(read(text, tmp_path / "a.cir", ["V1"], ["c", "b"]), held="Eamp" not in cards and "E1 x 0 y" not in cards)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_many_at_once_and_what_is_learned(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    random = np.random.default_rng(seed)
    lines = ["* many", "V1 a 0 1", "V2 b 0 -0.5"]
    nodes = ["a", "b", *(f"n{k}" for k in range(6))]
    lines += [f"R{k} {nodes[k]} {nodes[random.integers(k)]} {10 ** random.uniform(2.5, 4):.6g}" for k in range(1, 8)]
    lines += [f"Rg{k} {node} 0 {10 ** random.uniform(2.5, 4):.6g}" for k, node in enumerate(nodes[2:])]
    lines += ["L1 n0 p 1m", f"Rp p 0 {random.uniform(500, 3000):.6g}", "Vs n1 q 0", "Rq q 0 2k"]
    one, two, three = random.uniform(-0.8, 0.8, 3).tolist()
    lines += [
        f"E1 n4 0 n2 n3 {one:.6g}",
        f"F1 n2 n3 Vs {two:.6g}",
        f"F2 0 n3 E1 {three / 4:.6g}",
        f"G1 n3 0 n1 n2 {one * 1e-4:.6g}",
    ]
    lines += [f"H1 n5 0 Vs {300 * three:.6g}", "D1 n3 0 dm", ".model dm d(rs=10)", ""]
    network = read("\n".join(lines), tmp_path_factory.mktemp("many") / "a.cir", ["V1", "V2"], ["n2", "n3"])
    both(network)
    task, rule = (
        Task(random.uniform(-1, 1, (3, 2)), random.uniform(-0.3, 0.3, (3, 2))),
        EquilibriumPropagation(1e-4, symmetric=True),
    )
    with NewtonCircuit(network) as newton, NgspiceCircuit(network) as ngspice:
        expected = rule.direction(newton, task)
        np.testing.assert_allclose(rule.direction(ngspice, task), expected, rtol=0, atol=1e-8 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("cards", "error", "message"),
    [
        ("B1 b 0 v=v(a)^2", ModelError, "no sum of node voltages"),
        ("F1 b 0 R1 2", ModelError, "r1 is no voltage source"),
        ("L1 b 0 1m\nL2 b 0 1m", NetworkError, "loop: L1, L2"),
        ("E1 b 0 c 0 1\nE2 b 0 c 0 2\nL1 b 0 1", (ModelError, NetworkError), "remove one|loop"),
    ],
)
def test_what_cannot_be_is_refused_by_name(cards: str, error: type[Exception], message: str, tmp_path: Path) -> None:
    network = read(f"* no\nV1 a 0 1\nR1 a b 1k\nR2 b c 1k\nR3 c 0 1k\n{cards}\n", tmp_path / "a.cir", ["V1"], ["c"])
    with pytest.raises(error, match=message):
        NewtonCircuit(network)
