"""
A network and its conductances
==============================

A 4×4 grid that has learned allostery: a voltage across one pair of nodes appears across a far pair. A line is the wider,
and darker, the more it conducts.
"""

from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.show.plots import draw_network

outcome = run_experiment(load_experiment("../../netlists/allostery.toml"))
draw_network(outcome.network, "network.png")
