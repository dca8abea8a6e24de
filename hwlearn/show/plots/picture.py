"""Colours, titles and files of all figures."""

from __future__ import annotations

from io import BytesIO
from os import PathLike
from pathlib import Path
from textwrap import shorten
from typing import BinaryIO

from matplotlib.figure import Figure

from hwlearn.errors import HwlearnError
from hwlearn.files import replace

INPUT, OUTPUT, SOURCE, GROUNDED, PLAIN = "#c0392b", "#1f6fb4", "#e08e0b", "#222222", "#9aa4ad"
TRAINABLE, FIXED = "#3d4f5d", "#c3c9ce"
SERIES = (OUTPUT, INPUT, SOURCE, "#2e8b57", "#7d3c98", TRAINABLE)


def short(title: str) -> str:
    """A title that fits, and is not taken for mathematics."""
    return shorten(title, 48, placeholder=" …").replace("$", r"\$")


Target = str | PathLike[str] | BinaryIO
"""A file, PNG, SVG or PDF by its ending; or a stream, PNG."""


def save(figure: Figure, path: Target) -> None:
    """Write a figure, a file in the place of an older one.

    Raises:
        HwlearnError: the file cannot be written.
    """
    if not isinstance(path, str | PathLike):
        figure.savefig(path, dpi=150)
        return
    file, drawn = Path(path), BytesIO()
    try:
        figure.savefig(drawn, dpi=150, format=file.suffix[1:] or "png")
        replace(file if file.suffix else file.with_name(f"{file.name}.png"), drawn.getvalue())
    except (OSError, ValueError) as error:
        raise HwlearnError(f"{path}: the picture cannot be written: {error}") from None
