"""Sweeps: one experiment in many variants, each a run folder, on all cores or on a Dask cluster."""

from hwlearn.experiments.sweeps.run import run_sweep
from hwlearn.experiments.sweeps.settings import Sweep, load_sweep
from hwlearn.experiments.sweeps.table import Results, Row

__all__ = ["Results", "Row", "Sweep", "load_sweep", "run_sweep"]
