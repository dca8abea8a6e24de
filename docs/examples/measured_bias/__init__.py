"""A measured learning machine: two transistors whose gates learn, with an update bias (Dillavou et al. 2025)."""

from measured_bias.fits import Lines, fit_dynamics, fit_late, fit_lines
from measured_bias.measured import Measured
from measured_bias.pair import Cycles, GatePair

__all__ = ["Cycles", "GatePair", "Lines", "Measured", "fit_dynamics", "fit_late", "fit_lines"]
