"""`Encoding`: features as input voltages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.arrays import Array
from hwlearn.errors import TaskError
from hwlearn.learning.conversion import converted


@dataclass(frozen=True, eq=False, repr=False)
class Encoding:
    """Scales each feature from its range among the training samples to `volts`; made by `Encoding.fitted`.

    Values beyond the range are driven at its end, so that no source leaves `volts`. A feature that never changes is driven at
    the lower end.

    Attributes:
        low, high: (n,) the range of each feature [unit of the feature].
        volts: what low and high are driven at [V].
        twins: whether −x follows the inputs x, for circuits whose conductances cannot be negative.
        bias: a last input that is the same in all samples [V]; None for none. With `twins`, −bias follows the other twins.
    """

    low: Array
    high: Array
    volts: tuple[float, float] = (0.0, 1.0)
    twins: bool = False
    bias: float | None = None

    @classmethod
    def fitted(
        cls,
        features: ArrayLike,
        volts: Sequence[float] = (0.0, 1.0),
        twins: bool = False,
        bias: float | None = None,
    ) -> Self:
        """The encoding of samples (S, n).

        Raises:
            TaskError: features that are no finite numbers, no samples, or volts that make no sense.
        """
        values = table(features)
        if not len(values):
            raise TaskError("features: no samples")
        ends = converted(volts, "volts", f"volts are {volts!r}")
        if ends.shape != (2,) or not (np.isfinite(ends).all() and ends[0] < ends[1]):
            raise TaskError(f"volts are {volts!r}; give the lower and the upper end, such as (0.0, 1.0)")
        rail = None if bias is None else converted(bias, "bias", f"bias is {bias!r}")
        if rail is not None and (rail.ndim or not math.isfinite(rail)):
            raise TaskError(f"bias is {bias!r}; it must be a voltage, or None")
        bottom, top = ends.tolist()
        return cls(values.min(axis=0), values.max(axis=0), (bottom, top), bool(twins), None if rail is None else float(rail))

    def __repr__(self) -> str:
        twins = ", twins" if self.twins else ""
        bias = "" if self.bias is None else f", bias {self.bias:g} V"
        return f"<Encoding of {len(self.low)} features: {self.volts[0]:g} to {self.volts[1]:g} V{twins}{bias}>"

    def __call__(self, features: ArrayLike) -> Array:
        """(S, n_in) V for samples (S, n).

        Raises:
            TaskError: features that are no finite numbers, or another number of them.
        """
        values = table(features)
        if values.shape[1] != len(self.low):
            raise TaskError(f"features: {values.shape[1]} per sample, the encoding was made for {len(self.low)}")
        bottom, top = self.volts
        span = self.high - self.low
        with np.errstate(over="ignore", invalid="ignore"):
            part = np.where(span > 0, (values - self.low) / np.where(span > 0, span, 1.0), 0.0)
        inputs = bottom + (top - bottom) * np.clip(np.nan_to_num(part), 0.0, 1.0)
        if self.bias is not None:
            inputs = np.column_stack((inputs, np.full(len(inputs), self.bias)))
        return np.concatenate((inputs, -inputs), axis=1) if self.twins else inputs

    def refitted(self, features: ArrayLike) -> Encoding:
        """An encoding with the same options, fitted to other samples (S, n)."""
        return type(self).fitted(features, self.volts, self.twins, self.bias)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` reads it."""
        return {
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "volts": list(self.volts),
            "twins": self.twins,
            "bias": self.bias,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The encoding that `as_dict` wrote."""
        low, high = (np.array(content[key], dtype=np.float64) for key in ("low", "high"))
        bottom, top = content["volts"]
        return cls(low, high, (float(bottom), float(top)), bool(content["twins"]), content["bias"])


def table(features: ArrayLike) -> Array:
    """Features as finite numbers (S, n).

    Raises:
        TaskError: says which are not.
    """
    values = converted(features, "features", "features")
    if values.ndim != 2:
        raise TaskError(f"features: shape {values.shape}, need (samples, features)")
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise TaskError(f"features: sample {row}, feature {column} is {values[row, column]}")
    return values
