"""XOR on the parts of a public board in KiCad (github.com/emersonmde/eqprop): begun on paper, ended on a virtual bench whose
digipots are 20 % off."""

import numpy as np
import pytest
from processes import ROOT

from hwlearn import Drive, NewtonCircuit
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.station import load_station
from hwlearn.learning.train import train

STATION = ROOT / "stations" / "xor-board.toml"
THRESHOLD = -0.1
"""[V] Between the two answers."""


@pytest.mark.slow  # an analogue XOR on a bench: thousands of nonlinear working points
def test_the_parts_of_a_public_board_learn_xor():
    experiment = load_experiment(ROOT / "netlists" / "xor-board.toml")
    network, task, rule = experiment.network, experiment.task, experiment.rule
    options = {"optimizer": "adam", "parameter": "log-conductance", "learning_rate": 0.1}
    wrong = task.targets < THRESHOLD
    with NewtonCircuit(network) as paper:
        run = train(paper, task, rule, steps=100, stop_loss=6e-3, **options)
    assert run.stopped_because == "loss"
    with BenchCircuit(network.with_conductances(run.conductances), STATION, verify=False) as bench:
        learned = train(bench, task, rule, steps=40, stop_loss=1.5e-3, **options)
        answers = bench.measure(Drive(task.inputs)).output_voltages
    assert learned.losses[0] > 3e-3
    assert learned.stopped_because == "loss"
    np.testing.assert_array_equal(answers < THRESHOLD, wrong)


def test_its_parts_hold_what_the_netlist_and_the_limits_ask():
    """From the data sheets: 8 chips of two digipots of 100 kΩ, ±2.5 mA; 1.21 kΩ in series."""
    station = load_station(STATION)
    settings = station.settings
    assert sorted(edge.set for edge in settings.edge.values()) == sorted(f"board:{k}" for k in range(16))
    smallest = min(table.resistances[table.min_code] for table in station.tables.values())
    assert smallest > 1210 + 390  # with the wiper of the board's own estimate
    assert 2 * settings.limits.v_node_max / smallest < 2.5e-3
