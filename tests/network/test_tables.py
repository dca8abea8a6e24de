"""Measured I–V points as a device: the curve is scipy's, files are read, what could have several answers is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from hwlearn import Drive, Network, NewtonCircuit, NgspiceCircuit, Source
from hwlearn.errors import DeviceError, ModelError
from hwlearn.network.devices import IVTable

TUNNEL = "V,I\n# by hand\n-0.5,-1e-3\n0,0\n0.2; 1e-5\n0.4\t1.5e-5\n0.5 2e-3\n"


def measured(tmp_path: Path, text: str = TUNNEL) -> IVTable:
    path = tmp_path / "points.csv"
    path.write_text(text)
    return IVTable.from_csv("B1", ("a", "0"), path)


@pytest.mark.parametrize("kind", [NewtonCircuit, NgspiceCircuit])
def test_the_curve_is_scipys_and_straight_beyond(kind, tmp_path):
    table = measured(tmp_path)
    network = Network.from_edges([], inputs=[Source("V1", "voltage", "a")], elements=[table.element()])
    volts = np.linspace(-0.8, 0.8, 33)
    with kind(network) as circuit:
        found = circuit.measure(Drive(volts[:, None])).input_currents[:, 0]
    curve = PchipInterpolator(table.volts, table.amperes)
    inside = np.clip(volts, -0.5, 0.5)
    expected = curve(inside) + curve.derivative()(inside) * (volts - inside)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_points_in_any_order_and_a_netlist_and_back(tmp_path):
    table = measured(tmp_path)
    turned = measured(tmp_path, "\n".join(["volts amperes", *TUNNEL.splitlines()[:1:-1]]))
    assert (
        (turned.volts, turned.amperes)
        == (table.volts, table.amperes)
        == ((-0.5, 0, 0.2, 0.4, 0.5), (-1e-3, 0, 1e-5, 1.5e-5, 2e-3))
    )
    other = replace(table, name="B2", nodes=("b", "a"), volts=(-1.0, 1.0), amperes=(-1e-3, 1e-3))
    network = Network.from_edges([("a", "b")], 1e-3, inputs=["b"], outputs=["a"], elements=[table.element(), other.element()])
    network.to_netlist(tmp_path / "n.cir")
    again = Network.from_netlist(tmp_path / "n.cir", inputs=["V_b"], outputs=["a"])
    drive = Drive([[0.3], [-2.0], [1.5]])
    answers = []
    for one in (network, again):
        with NewtonCircuit(one) as circuit:
            answers.append(circuit.measure(drive).output_voltages)
    np.testing.assert_allclose(answers[1], answers[0], rtol=0, atol=1e-15)


def test_ngspice_has_all_digits(tmp_path):
    """It keeps eleven of each number in an expression: a current of 0 would be one of 1e-12 A."""
    table = measured(tmp_path, "-0.123456789012345678,-0.1\n0,0\n0.1234567890123456,0.0123456789012345678\n")
    network = Network.from_edges([], inputs=[Source("V1", "voltage", "a")], elements=[table.element()])
    drive = Drive([[-1e-12], [1e-12]])
    with NewtonCircuit(network) as newton, NgspiceCircuit(network) as ngspice:
        expected, found = (circuit.measure(drive).input_currents for circuit in (newton, ngspice))
    assert abs(expected).max() < 1e-12
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)


def test_an_expression_that_only_looks_like_a_table_is_left_to_ngspice(tmp_path):
    network = Network.from_edges([("a", "0")], 1e-3, inputs=["a"], elements=[measured(tmp_path).element()])
    text = network.to_netlist()
    for old, new in (("?", "?2*"), ("(1e-05)", "(1.1e-05)")):
        assert old in text
        (tmp_path / "n.cir").write_text(text.replace(old, new, 1))
        with pytest.raises(ModelError, match=r"n\.cir:5: b1 a 0 i="):
            NewtonCircuit(Network.from_netlist(tmp_path / "n.cir", inputs=["V_a"]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0,0\n1,1e-3\n0.5,2e-3\n", r"points\.csv: the current falls from 0\.002 A at 0\.5 V to 0\.001 A at 1 V"),
        ("0,0\n1,1e-3\n1,2e-3\n", r"points\.csv: two currents at 1 V: 0\.001 and 0\.002 A; take their mean"),
        ("0,0\n", r"points\.csv: 1 volts and 1 amperes; it needs as many, and two or more"),
        ("0,0\n1,nan\n", r"points\.csv: all volts and amperes must be finite"),
        ("V,I\n0,0\n1 volt,2\n", r"points\.csv:3: '1 volt,2' does not begin with two numbers"),
        ("V,I\n0,0\n1\n", r"points\.csv:3: '1' does not begin with two numbers"),
    ],
)
def test_points_that_make_no_device_are_refused(tmp_path, text, said):
    with pytest.raises(DeviceError, match=said):
        measured(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DeviceError, match=r"nowhere\.csv: no such file$"):
        IVTable.from_csv("B1", ("a", "0"), tmp_path / "nowhere.csv")


def test_a_file_of_another_encoding_says_what_to_do(tmp_path):
    path = tmp_path / "points.csv"
    path.write_bytes("# Messung für Diode 1\n0,0\n1,1e-3\n".encode("latin-1"))
    with pytest.raises(DeviceError, match=r"points\.csv: not UTF-8; save it as UTF-8$"):
        IVTable.from_csv("B1", ("a", "0"), path)


def test_hundreds_of_points():
    """A diode's, on both simulators."""
    volts = np.linspace(-1, 0.8, 300)
    table = IVTable("B1", ("b", "0"), tuple(volts.tolist()), tuple((1e-9 * np.expm1(volts / 0.05)).tolist()))
    network = Network.from_edges([("a", "b")], 1e-3, inputs=["a"], outputs=["b"], elements=[table.element()])
    drive = Drive([[-2.0], [1.0], [0.3], [3.0]])
    with NewtonCircuit(network) as newton, NgspiceCircuit(network) as ngspice:
        expected, found = (circuit.measure(drive).output_voltages for circuit in (newton, ngspice))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    current = 1e-3 * (drive.inputs - expected)
    assert abs(current[1:] - 1e-9 * np.expm1(expected[1:] / 0.05)).max() < 1e-3 * current.max()
