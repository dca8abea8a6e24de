"""`SmallSignal`: what small changes do at the operating points of a nonlinear circuit."""

from __future__ import annotations

from typing import NamedTuple

from hwlearn.arrays import Array


class Kink(NamedTuple):
    """An ideal diode that neither conducts nor blocks in a sample: one small change makes it conduct, another one block."""

    diode: str
    sample: int


class SmallSignal(NamedTuple):
    """A circuit's response to small changes, in each of S samples: that of the linear network whose K is Newton's matrix.

    Attributes:
        outputs: (S, n_out) V. drops: Δv (S, E) V.
        driving: ∂i/∂g (S, E) V: Δv of resistors, −1 V of biases.
        contrasted: (S, E) V, what EP's contrast takes for it (`EdgeDevice.contrasted`).
        forward: (S, n_out, E) V/A, drops of the edges for a unit current into each output.
        adjoint: the same of the transposed network, which is another one unless all laws are reciprocal.
        kinks: ideal diodes that are taken as open, as no current flows, and have no voltage either.
    """

    outputs: Array
    drops: Array
    driving: Array
    contrasted: Array
    forward: Array
    adjoint: Array
    kinks: tuple[Kink, ...] = ()

    @property
    def jacobian(self) -> Array:
        """∂o/∂g (S, n_out, E) V/S: from F(x, g) = 0, ∂o/∂g = −Cᵀ K⁻¹ ∂F/∂g = −adjoint ∘ ∂i/∂g."""
        return -self.adjoint * self.driving[:, None, :]

    @property
    def contrast(self) -> Array:
        """(S, n_out, E) V/S: what EP's contrast of small nudges takes for the Jacobian: −forward ∘ contrasted."""
        return -self.forward * self.contrasted[:, None, :]
