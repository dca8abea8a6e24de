"""`Remembering`: what an object remembers, given away as arrays and taken back as what it was."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hwlearn.arrays import Array


class Remembering:
    """Base of objects whose state is some of their attributes.

    Attributes:
        remembered: names of the attributes (arrays or numbers) that change while the object is used.
    """

    remembered: tuple[str, ...] = ()

    def snapshot(self) -> dict[str, Array]:
        """What is remembered, by name; copies."""
        return {name: np.array(getattr(self, name), dtype=np.float64) for name in self.remembered}

    def restore(self, snapshot: Mapping[str, Array]) -> None:
        """Go on from a snapshot. A number is a number again, not an array of no dimensions: numpy's power rounds otherwise
        than C's on some processors.
        """
        for name in self.remembered:
            value, whole = np.array(snapshot[name], dtype=np.float64), isinstance(getattr(self, name), int)
            setattr(self, name, value if value.ndim else int(value) if whole else float(value))
