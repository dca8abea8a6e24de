"""`ExactCircuit`: linear algebra on the merged nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.answers import Answers
from hwlearn.circuits.exact.adjoint import Adjoint
from hwlearn.circuits.exact.basis import Basis
from hwlearn.circuits.exact.columns import Columns
from hwlearn.circuits.exact.entering import Entering, choose_entering
from hwlearn.circuits.exact.ports import Ports
from hwlearn.circuits.exact.reused import WORTHWHILE
from hwlearn.circuits.exact.spanning import spanning
from hwlearn.circuits.exact.system import System
from hwlearn.circuits.linear import LinearCircuit
from hwlearn.errors import ModelError
from hwlearn.network import Network

MOST, AT_ONCE = 10_000_000_000, 10_000_000
"""Multiplications that the largest voltage of all samples may take, and voltages that are looked at together."""


class ExactCircuit(LinearCircuit):
    """The exact model of a linear resistor network.

    Voltage sources tie nodes together, `v = T x + P s`, which leaves `K x = f` with `K = Tᵀ L T` symmetric positive definite
    (docs/theory.md, Circuit). Every answer is linear in the port drives, so one factorisation and one solve per change of the
    conductances, with a right-hand side per input column and per output port, answer all phases: held outputs follow from the
    same factor by `I = R⁻¹ (held − open)`, R = C K⁻¹ Cᵀ (Schur complement, n_out×n_out).

    Raises:
        ModelError: the network has elements that are not linear and resistive; names each with its line.
    """

    name = "exact"

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        check_linear(network)
        self._system = System(network)
        self._provenance = f"exact ({self.solver})"
        self._columns = Columns(self._system)
        self._ports: Ports | None = None
        self._adjoint: Adjoint | None = None
        self._spanning: tuple[Array, Basis, Array] | None = None

    def alike(self, network: Network) -> ExactCircuit:
        return ExactCircuit(network)

    @property
    def solver(self) -> str:
        """Name of the Cholesky solver that was chosen."""
        return self._system.cholesky.name

    def responses(self, inputs: Array) -> Responses:
        """The circuit's answer to each source alone, and to a unit current at each output; for `inputs` (S, n_in)."""
        basis, weights = self._spanned(inputs)
        ports = Ports(basis, self._conductances)
        _, outputs, drops = ports.of_outputs()
        return Responses(
            source_drops=ports.drops[: basis.count].T,
            port_drops=drops.T,
            source_outputs=ports.outputs[: basis.count].T,
            resistance=outputs.T,
            weights=weights,
            volts=_largest(ports.node_voltages()[:, : basis.count], weights),
        )

    def _spanned(self, inputs: Array) -> tuple[Basis, Array]:
        """`spanning`, found once for inputs that stay the same."""
        if self._spanning is None or not np.array_equal(self._spanning[0], inputs):
            self._spanning = (inputs.copy(), *spanning(self._columns.per_source, inputs))
        return self._spanning[1:]

    def snapshot(self) -> dict[str, Array]:
        """Which answers are kept, for which inputs: rounding errors depend on them."""
        own = {"changing": np.array(float(self._columns.changing))}
        if (basis := self._columns.basis) is None:
            return own
        return own | {"basis": np.zeros((0, len(self.network.inputs))) if basis.samples is None else basis.samples}

    def restore(self, snapshot: Mapping[str, Array]) -> None:
        self._columns.changing = bool(snapshot.get("changing", 0.0))
        if "basis" in snapshot:
            samples = snapshot["basis"]
            self._columns.basis, self._ports = Basis(self._system, samples if len(samples) else None), None

    def _made_by(self) -> str:
        return self._provenance

    def _program(self, conductances: Array) -> Array:
        self._ports = self._adjoint = None
        return conductances

    def _answers(self, inputs: Array) -> tuple[Answers, Array]:
        """By the way that takes fewest solutions: one for each source, sample, or output."""
        worth = WORTHWHILE if self._system.cholesky.together else 1
        if worth * len(self.network.outputs) < self._columns.fewest(inputs):
            if self._adjoint is None:
                self._adjoint = Adjoint(self._entering, self._columns, self._conductances)
            return self._adjoint, self._system.weights(inputs)
        basis, weights = self._columns.of(inputs)
        if self._ports is None or self._ports.basis is not basis:
            self._ports = Ports(basis, self._conductances)
        return self._ports, weights

    @cached_property
    def _entering(self) -> Entering:
        return choose_entering(self._system)

    def _close(self) -> None:
        self._ports = self._adjoint = None


def check_linear(network: Network) -> None:
    """Refuse a network that is not linear and resistive.

    Raises:
        ModelError: names what else it has, elements with their lines.
    """
    if not network.linear:
        others = [f"{device.word} {device.edge}" for device in network.devices]
        others += [f"{element.where}: {element.card}" for element in network.elements]
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        raise ModelError(
            f"this is for linear networks, of resistors and DC sources, not for {'; '.join(others[:3])}{more}. "
            "They can be trained and measured, by NewtonCircuit and NgspiceCircuit"
        )


def _largest(voltages: Array, weights: Array) -> float:
    """The largest of the voltages (N, q) weighted (S, q); a bound on it where these are too many."""
    if voltages.size * len(weights) > MOST:
        return float((np.abs(weights) @ np.abs(voltages).max(axis=0, initial=0.0)).max(initial=0.0))
    at_once = max(1, AT_ONCE // max(len(voltages), 1))
    parts = (weights[k : k + at_once] @ voltages.T for k in range(0, len(weights), at_once))
    return max((float(np.abs(part).max(initial=0.0)) for part in parts), default=0.0)


@dataclass(frozen=True, eq=False)
class Responses:
    """A linear circuit, as far as its ports can tell, for some samples.

    The q sources are the inputs, and a last one for all fixed sources; or as few combinations of them as make all samples, if
    these are fewer. Then `weights` has orthonormal columns.

    Attributes:
        source_drops: (E, q) drops of the edges for one unit of each source.
        port_drops: (E, n_out) V/A, drops for a unit current at each output, the sources at rest.
        source_outputs: (n_out, q) output voltages for one unit of each source.
        resistance: R (n_out, n_out) Ω.
        weights: (S, q): the sources' values in each sample.
        volts: the largest node voltage of any sample [V], or a bound on it.
    """

    source_drops: Array
    port_drops: Array
    source_outputs: Array
    resistance: Array
    weights: Array
    volts: float
