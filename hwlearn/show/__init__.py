"""What people look at: facts, figures and the report.

`draw_network`, `draw_run` and the other `draw_…` of `hwlearn.show.plots` are here too. Matplotlib is imported when one is
used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hwlearn.show.plots import (
        draw_analysis,
        draw_claims,
        draw_comparison,
        draw_design,
        draw_network,
        draw_operating_point,
        draw_robustness,
        draw_run,
        draw_runs,
        draw_schematic,
        draw_sweep,
        draw_trajectory,
        draw_wiring,
    )

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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'hwlearn.show' has no attribute {name!r}")
    return getattr(import_module("hwlearn.show.plots"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
