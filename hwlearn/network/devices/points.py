"""Measured points of a device, from a file."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path

from hwlearn.errors import DeviceError
from hwlearn.files import given_text


def read_points(path: str | PathLike[str]) -> list[tuple[float, float]]:
    """The first two columns of a file, volts and amperes, between commas, semicolons, blanks or tabs.

    Empty lines, lines that begin with `#`, and a head without numbers above the points are left out.

    Raises:
        DeviceError: names the file and line.
    """
    text = given_text(Path(path), DeviceError)
    points: list[tuple[float, float]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        words = re.split(r"\s*[,;]\s*|\s+", line.strip())
        try:
            volts, amperes = map(float, words[:2])
        except ValueError:
            if not points and not any(map(_is_number, words[:2])):
                continue
            raise DeviceError(
                f"{path}:{number}: {line.strip()!r} does not begin with two numbers, volts and amperes, with decimal points"
            ) from None
        points.append((volts, amperes))
    return points


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
