"""
Diodes in a network
===================

The circuit that has learned XOR. Its diodes make the difference of two inputs that no resistor can.
"""

from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.show.plots import draw_network

outcome = run_experiment(load_experiment("../../netlists/xor.toml"))
draw_network(outcome.network, "xor.png")
