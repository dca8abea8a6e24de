"""The types of arrays that all rooms share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

FLOAT = np.dtype(np.float64)
"""To compare a dtype with: with the type `np.float64` itself, that takes ten times as long."""
