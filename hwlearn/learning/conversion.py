"""`converted`: numbers of anybody's library as an array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwlearn.errors import TaskError
from hwlearn.network.arguments import unmasked


def converted(values: Any, what: str, where: str) -> NDArray[np.float64]:
    """Values as float64, in whatever shape they have.

    Args:
        values: a column or table of numpy, pandas, polars, pyarrow, or a list.
        what: they are, in the error of masked ones.
        where: they stand, with which errors begin.

    Raises:
        TaskError: they are masked, or no numbers.
    """
    try:
        unmasked(values, what)
        return np.asarray(values, dtype=np.float64)
    except Exception as error:  # whatever the conversion of another library does
        raise TaskError(f"{where}: {error}") from None
