"""Experiment files: one TOML file says what is trained, on which task, by which rule, on which backend."""

from hwlearn.experiments.experiment import Experiment
from hwlearn.experiments.load import load_experiment
from hwlearn.experiments.outcome import Outcome
from hwlearn.experiments.run import run_experiment

__all__ = ["Experiment", "Outcome", "load_experiment", "run_experiment"]
