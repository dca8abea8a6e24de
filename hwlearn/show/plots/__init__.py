"""Figures. The only room that imports matplotlib; it opens no window."""

from hwlearn.show.plots.analysis import draw_analysis, draw_operating_point
from hwlearn.show.plots.autonomous import draw_trajectory
from hwlearn.show.plots.claims import draw_claims
from hwlearn.show.plots.comparison import draw_comparison
from hwlearn.show.plots.design import draw_design
from hwlearn.show.plots.network import draw_network
from hwlearn.show.plots.robustness import draw_robustness
from hwlearn.show.plots.runs import draw_run, draw_runs
from hwlearn.show.plots.schematic import draw_schematic
from hwlearn.show.plots.sweep import draw_sweep
from hwlearn.show.plots.wiring import draw_wiring

__all__ = [
    "draw_analysis",
    "draw_claims",
    "draw_comparison",
    "draw_design",
    "draw_network",
    "draw_operating_point",
    "draw_robustness",
    "draw_run",
    "draw_runs",
    "draw_schematic",
    "draw_sweep",
    "draw_trajectory",
    "draw_wiring",
]
