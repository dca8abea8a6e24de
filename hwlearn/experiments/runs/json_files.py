"""JSON files of a run folder: run.json and result.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hwlearn.errors import ExperimentError
from hwlearn.experiments.runs.disk import refusing_to_lose
from hwlearn.experiments.runs.records import Record, read_record
from hwlearn.files import read, replace


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write an indented JSON file, in the place of an older one.

    Raises:
        ExperimentError: it cannot be written; says how the run goes on.
    """
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    with refusing_to_lose(path):
        replace(path, text.encode())


def read_json(path: Path, kind: type[Record]) -> dict[str, Any] | None:
    """A JSON file, known to hold what its `kind` must; None if it is not there.

    Raises:
        ExperimentError: it cannot be read, or is damaged.
    """
    try:
        content = read(path)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise ExperimentError(f"{path.parent}: is a file and no run folder, such as hwlearn train leaves") from None
    except OSError as error:
        raise ExperimentError(f"{path}: cannot be read: {error.strerror}") from None
    return read_record(path, content, kind)
