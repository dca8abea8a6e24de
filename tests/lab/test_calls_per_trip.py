"""What a round trip costs besides waiting, in calls of functions: they can be counted, where seconds depend on the day."""

import sys

from benches import EXPERIMENT, NETWORK, STATION

from hwlearn import EquilibriumPropagation, train
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.instruments.scpi.session import Session
from hwlearn.lab.station import load_station

MOST = 95
"""Calls of functions, Python's and C's, for each round trip of a step of training; those of PyVISA not counted."""


class Calls:
    """Counts calls in this thread, but not while a message is sent and its answer awaited."""

    def __init__(self):
        self.number, self._within = 0, 0

    def __call__(self, frame, event, argument):
        exchange = frame.f_code is Session._exchange.__code__
        if exchange and event in ("call", "return"):
            self._within += 1 if event == "call" else -1
        elif event in ("call", "c_call") and not self._within:
            self.number += 1


def test_a_round_trip_costs_few_calls(tmp_path):
    path = tmp_path / "station.toml"
    path.write_text(STATION, encoding="utf-8")
    task, rule = load_experiment(EXPERIMENT).task, EquilibriumPropagation(2e-4, symmetric=True)
    calls = Calls()
    with BenchCircuit(NETWORK, load_station(path)) as circuit:
        train(circuit, task, rule, steps=1, learning_rate=2e-7)
        sessions = [made.session for made in circuit.connection.instruments.values()]
        before = sum(session.round_trips for session in sessions)
        sys.setprofile(calls)
        try:
            train(circuit, task, rule, steps=3, learning_rate=2e-7)
        finally:
            sys.setprofile(None)
        trips = sum(session.round_trips for session in sessions) - before
    assert 0 < calls.number / trips <= MOST
