"""Experiment files: one TOML file says what is trained, on which task, by which rule, on which backend."""

from hwlearn.experiments.execution import run_experiment
from hwlearn.experiments.experiment import Experiment
from hwlearn.experiments.load import load_experiment
from hwlearn.experiments.outcome import Outcome

__all__ = ["Experiment", "Outcome", "load_experiment", "run_experiment"]
