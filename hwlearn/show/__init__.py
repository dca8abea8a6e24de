"""What people look at: facts, figures and the report.

`draw_network`, `draw_run` and the other `draw_…` of `hwlearn.show.plots` are here too. Matplotlib is imported when one is
used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hwlearn.show.plots import *  # noqa: F403  # its __all__ is the list


def __getattr__(name: str) -> Any:
    if not name.startswith("draw_"):
        raise AttributeError(f"module 'hwlearn.show' has no attribute {name!r}")
    return getattr(import_module("hwlearn.show.plots"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *import_module("hwlearn.show.plots").__all__})
