"""What a run says when a file cannot be written."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hwlearn.errors import ExperimentError

FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", None))
"""What the system says where there is no room."""


@contextmanager
def refusing_to_lose(path: Path) -> Iterator[None]:
    """A write that fails inside says which file, and that the run can go on.

    Raises:
        ExperimentError: disk full, no rights, and the like.
    """
    try:
        yield
    except OSError as error:
        remedy = "make room" if error.errno in FULL else "mend that"
        raise ExperimentError(
            f"{path}: {error.strerror}; the last checkpoint is whole: {remedy}, then `hwlearn resume {path.parent}`"
        ) from None
