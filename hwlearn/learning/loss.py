"""`Loss`: how wrong the outputs are, and in which direction."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import TaskError

STEP = 1e-5
"""Of the outputs, relative to their size, where a loss does not tell its curvature itself."""


class Loss(ABC):
    """What training brings down, as a function of the output voltages and the targets alone.

    A rule that observes voltages nudges the outputs along −s, where s is the error signal of the loss. Its phases are the same
    for every loss. Natural nudges suit signals of the size of a voltage error. So a loss should scale its signal to volts
    where it can; its unit is then V².

    Attributes:
        name: as in an experiment file.
        unit: of the loss.
        jumps: whether the loss jumps at some outputs. There it has no Hessian, and rates hold up to the next jump only.
    """

    name: str
    unit: str
    jumps: bool = False

    @abstractmethod
    def judge(self, outputs: Array, targets: Array) -> tuple[Array, float]:
        """The error signal s (S, n_out) [unit/V] and the loss ℓ, mean over the samples [unit], of outputs (S, n_out) [V].

        s = S ∂ℓ/∂o, so row by row the slope of a sample's own loss where ℓ is a mean of these. Where s is zero everywhere,
        nothing is left to learn. Neither array may be written to.
        """

    def curvature(self, outputs: Array, targets: Array, change: Array) -> Array:
        """(S, n_out) [unit/V]: how the error signal changes with a small `change` (S, n_out) [V] of the outputs, H change.

        H = ∂s/∂o decides the rates near a minimum. A loss that does not write it down is differentiated here.
        """
        size = float(np.abs(change).max(initial=0.0))
        if size == 0:
            return np.zeros_like(change)
        step = STEP * max(float(np.abs(outputs).max()), 1.0) / size
        ahead, behind = (self.judge(outputs + side * step * change, targets)[0] for side in (1, -1))
        return np.asarray((ahead - behind) / (2 * step))

    def check_classes(self, outputs: Array) -> None:
        """For losses of which each output is a class.

        Raises:
            TaskError: there is one output, which is right whatever it is.
        """
        if outputs.shape[1] < 2:
            raise TaskError(
                f"{self.name} needs an output for each class, and there is one; take squared-error, or two outputs"
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
