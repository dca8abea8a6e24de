"""The real power grid of tests/data/irdrop on both backends: the same voltages, the same training."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from hwlearn import CoupledLearning, Drive, EquilibriumPropagation, ExactCircuit, Network, NgspiceCircuit, Rule, Task, train

OUTPUTS = ["n1_m1_4800_0", "n1_m1_96000_96000", "n1_m1_201600_201600", "n1_m1_396000_364800"]


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Network:
    path = tmp_path_factory.mktemp("grid") / "grid.sp"
    text = gzip.decompress((Path(__file__).parents[1] / "data/irdrop/testcase12.sp.gz").read_bytes()).decode()
    path.write_text("* power grid\n" + text)
    return Network.from_netlist(path, inputs=["V0"], outputs=OUTPUTS, trainable=["R*"])


def test_backends_agree(grid: Network) -> None:
    with ExactCircuit(grid) as exact, NgspiceCircuit(grid) as ngspice:
        one, two = (circuit.measure(Drive([[1.1]])).node_voltages for circuit in (exact, ngspice))
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-11 * 1.1)


@pytest.mark.parametrize("rule", [EquilibriumPropagation, CoupledLearning])
def test_six_steps(grid: Network, rule: type[Rule]) -> None:
    results = []
    for backend in (ExactCircuit, NgspiceCircuit):
        with backend(grid) as circuit:
            outputs = circuit.measure(Drive([[1.1]])).output_voltages
            task = Task([[1.1]], outputs + np.array([5e-4, -2e-4, 3e-4, 2e-4]))
            results.append(train(circuit, task, rule(symmetric=True), steps=6, learning_rate=100.0))
    exact, ngspice = results
    assert exact.losses[-1] < exact.losses[0]
    assert (np.diff(exact.losses) < 0).all()
    np.testing.assert_allclose(ngspice.losses, exact.losses, rtol=1e-6)
    np.testing.assert_allclose(ngspice.conductances, exact.conductances, rtol=1e-8)
