"""Figures within pages."""

from __future__ import annotations

from io import StringIO

from matplotlib import rc_context
from matplotlib.figure import Figure


def as_svg(figure: Figure) -> str:
    """The figure as an SVG element, its letters as text."""
    drawn = StringIO()
    with rc_context({"svg.fonttype": "none"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    text = drawn.getvalue()
    return text[text.index("<svg") :]
