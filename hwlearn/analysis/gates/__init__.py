"""A measured learning machine: two transistors whose gates learn, with an update bias (Dillavou et al. 2025)."""

from hwlearn.analysis.gates.fits import Lines, fit_dynamics, fit_late, fit_lines
from hwlearn.analysis.gates.measured import Measured
from hwlearn.analysis.gates.pair import Cycles, GatePair

__all__ = ["Cycles", "GatePair", "Lines", "Measured", "fit_dynamics", "fit_late", "fit_lines"]
