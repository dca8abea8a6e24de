"""The checkpoint of a run: named arrays in an npz file without pickle, replaced as a whole."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hwlearn.circuits.base import Array
from hwlearn.errors import ExperimentError
from hwlearn.runs.disk import replace


def save_checkpoint(path: Path, snapshot: Mapping[str, Array]) -> None:
    """Put a snapshot in the place of the last one."""
    replace(path, lambda file: np.savez(file, **dict(snapshot)))  # type: ignore[arg-type]


def load_checkpoint(path: Path) -> dict[str, Array] | None:
    """The last snapshot; None if there is none yet.

    Raises:
        ExperimentError: the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ExperimentError(f"{path}: not a whole checkpoint ({error}); start the run anew") from None
