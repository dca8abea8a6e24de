"""Colours, titles and files of all figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from os import PathLike
from pathlib import Path
from textwrap import shorten
from typing import Any, BinaryIO

from matplotlib import rc_context, rcParams
from matplotlib.figure import Figure

from hwlearn.errors import HwlearnError
from hwlearn.files import replace

INPUT, OUTPUT, SOURCE, GROUNDED, PLAIN = "#c0392b", "#1f6fb4", "#e08e0b", "#222222", "#9aa4ad"
TRAINABLE, FIXED = "#3d4f5d", "#c3c9ce"
SERIES = (OUTPUT, INPUT, SOURCE, "#2e8b57", "#7d3c98", TRAINABLE)

"""Colours of what has no name of its own; those of rules are in `styles`."""

NODE, EDGE = 0.85, 0.7
"""Names of nodes, and of edges and elements, in letters of the axes."""

TINY, SMALL, TITLE = "x-small", "small", "medium"
"""Letters of names within a picture, of legends, and of titles, beside those of axes."""

EMBEDDED: dict[Any, Any] = {"pdf.fonttype": 42, "ps.fonttype": 42}
"""Fonts as TrueType (Type 42): publishers refuse matplotlib's Type 3."""

PRINTED: dict[Any, Any] = {
    "savefig.dpi": 600,
    "font.size": 7.0,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}
"""Dots per inch and points, for a figure that is printed at the width it was drawn at."""

MILLIMETRES = 25.4
"""In an inch."""


@contextmanager
def drawn_at(width: float | None) -> Iterator[None]:
    """Draw and save figures in it: in print sizes if they have a width in mm."""
    with rc_context({**EMBEDDED, **(PRINTED if width is not None else {})}):
        yield


def short(title: str) -> str:
    """A title that fits, and is not taken for mathematics."""
    return plain(shorten(title, 48, placeholder=" …"))


def plain(text: str) -> str:
    """A text that is not taken for mathematics."""
    return text.replace("$", r"\$")


Target = str | PathLike[str] | BinaryIO
"""A file, PNG, SVG or PDF by its ending; or a stream, PNG."""


def save(figure: Figure, path: Target) -> None:
    """Write a figure, a file in the place of an older one.

    Raises:
        HwlearnError: the file cannot be written.
    """
    if not isinstance(path, str | PathLike):
        figure.savefig(path, dpi=_dpi())
        return
    file, drawn = Path(path), BytesIO()
    try:
        with rc_context(EMBEDDED):
            figure.savefig(drawn, dpi=_dpi(), format=file.suffix[1:] or "png")
        replace(file if file.suffix else file.with_name(f"{file.name}.png"), drawn.getvalue())
    except (OSError, ValueError) as error:
        raise HwlearnError(f"{path}: the picture cannot be written: {error}") from None


def _dpi() -> float:
    """Dots per inch: of print inside `drawn_at`, of a screen elsewhere."""
    chosen = rcParams["savefig.dpi"]
    return 150.0 if chosen == "figure" else float(chosen)
