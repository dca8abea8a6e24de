"""`SmallSignal`: what small changes do at the operating points of a nonlinear circuit."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from hwlearn.arrays import Array, Indices

ALL = slice(None)


class Kink(NamedTuple):
    """An ideal diode that neither conducts nor blocks in a sample: one small change makes it conduct, another one block."""

    diode: str
    sample: int


class Response(Protocol):
    """Drops of the edges for a unit current into each output, which need not stand in memory for all edges at once."""

    def at(self, edges: Indices | slice) -> Array:
        """(S, n_out, k) V/A, for k edges."""


class Known:
    """A response that does: (S, n_out, E) V/A."""

    def __init__(self, drops: Array) -> None:
        self._drops = drops

    def at(self, edges: Indices | slice) -> Array:
        return self._drops[:, :, edges]


class SmallSignal(NamedTuple):
    """A circuit's response to small changes, in each of S samples: that of the linear network whose K is Newton's matrix.

    Attributes:
        outputs: (S, n_out) V. drops: Δv (S, E) V.
        driving: ∂i/∂g (S, E) V: Δv of resistors, −1 V of biases.
        contrasted: (S, E) V, what EP's contrast takes for it (`EdgeDevice.contrasted`).
        response: to a unit current into each output.
        transposed: the same of the transposed network, which is another one unless all laws are reciprocal.
        kinks: ideal diodes that are taken as open, as no current flows, and have no voltage either.
    """

    outputs: Array
    drops: Array
    driving: Array
    contrasted: Array
    response: Response
    transposed: Response
    kinks: tuple[Kink, ...] = ()

    @property
    def forward(self) -> Array:
        """(S, n_out, E) V/A, drops of all edges for a unit current into each output."""
        return self.response.at(ALL)

    @property
    def adjoint(self) -> Array:
        """`forward` of the transposed network."""
        return self.transposed.at(ALL)

    @property
    def jacobian(self) -> Array:
        """∂o/∂g (S, n_out, E) V/S of all edges."""
        return self.jacobian_at(ALL)

    @property
    def contrast(self) -> Array:
        """(S, n_out, E) V/S: what EP's contrast of small nudges takes for the Jacobian."""
        return self.contrast_at(ALL)

    def jacobian_at(self, edges: Indices | slice) -> Array:
        """(S, n_out, k) V/S: from F(x, g) = 0, ∂o/∂g = −Cᵀ K⁻¹ ∂F/∂g = −adjoint ∘ ∂i/∂g."""
        return -self.transposed.at(edges) * self.driving[:, None, edges]

    def contrast_at(self, edges: Indices | slice) -> Array:
        """(S, n_out, k) V/S: −forward ∘ contrasted."""
        return -self.response.at(edges) * self.contrasted[:, None, edges]
