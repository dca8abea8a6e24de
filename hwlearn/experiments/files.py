"""Folders and files that commands leave behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwlearn.errors import ExperimentError
from hwlearn.files import replace


def make_folder(folder: Path) -> None:
    """Make a folder before the work that it is for.

    Raises:
        ExperimentError: it cannot be made, or holds something already.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ExperimentError(f"{folder}: the folder is not empty; name a new one")
    except OSError as error:
        raise ExperimentError(f"{folder}: {error.strerror}") from None


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write an indented JSON file.

    Raises:
        ExperimentError: it cannot be written.
    """
    write_text(path, json.dumps(dict(content), indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file as UTF-8, line ends as they are, in the place of an older one.

    Raises:
        ExperimentError: it cannot be written.
    """
    try:
        replace(path, text.encode())
    except OSError as error:
        raise ExperimentError(f"{path}: {error.strerror}") from None
