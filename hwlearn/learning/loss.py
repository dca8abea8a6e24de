"""`Loss`: how wrong the outputs are, and in which direction."""

from __future__ import annotations

from abc import ABC, abstractmethod

from hwlearn.arrays import Array


class Loss(ABC):
    """What training brings down, as a function of the output voltages and the targets alone.

    A rule that observes voltages nudges the outputs along −s, where s is the error signal of the loss. Its phases are the same
    for every loss. Natural nudges suit signals of the size of a voltage error. So a loss should scale its signal to volts
    where it can; its unit is then V².

    Attributes:
        name: as in an experiment file.
        unit: of the loss.
    """

    name: str
    unit: str

    @abstractmethod
    def judge(self, outputs: Array, targets: Array) -> tuple[Array, float]:
        """The error signal s (S, n_out) [unit/V] and the loss ℓ, mean over the samples [unit], of outputs (S, n_out) [V].

        s = S ∂ℓ/∂o, so row by row the slope of a sample's own loss where ℓ is a mean of these. Where s is zero everywhere,
        nothing is left to learn. Neither array may be written to.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
