"""Figures. The only room that imports matplotlib; it opens no window."""

from hwlearn.plots.analysis import draw_analysis, draw_operating_point
from hwlearn.plots.claims import draw_claims
from hwlearn.plots.comparison import draw_comparison
from hwlearn.plots.network import draw_network
from hwlearn.plots.robustness import draw_robustness
from hwlearn.plots.runs import draw_run, draw_runs
from hwlearn.plots.sweep import draw_sweep
from hwlearn.plots.wiring import draw_wiring

__all__ = [
    "draw_analysis",
    "draw_claims",
    "draw_comparison",
    "draw_network",
    "draw_operating_point",
    "draw_robustness",
    "draw_run",
    "draw_runs",
    "draw_sweep",
    "draw_wiring",
]
