"""`Solved`: a graph of resistors between held and free nodes, solved so that one edge more or less costs no new solution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array, Indices
from hwlearn.errors import NetworkError

Mask = NDArray[np.bool_]
"""(E,): some of the edges."""

MET = 1e-12
"""Targets can be met if what is missed is less than this part of their sum of squares."""

RANK = 1e-9
"""Inputs whose singular value is below this part of the largest do not count."""

GONE = 1e-9
"""An edge whose part of the current between its ends is within this of all is a bridge: without it a node hangs in the air."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What a design must serve, whatever its edges.

    Attributes:
        nodes: their names.
        held: (q,) indices of the nodes that voltage sources hold.
        ports: (N, n_out) the output ports: +1 at plus, −1 at minus.
        inputs: (S, q) V, the held voltages in each sample.
        targets: (S, n_out) V.
        samples: of the task, over which a loss is a mean: S, or more if the inputs are those of fewer (`Plan.of`).
        missed: Σ (o − y)² V² over the samples that no linear circuit can do without.
    """

    nodes: tuple[str, ...]
    held: Indices
    ports: Array
    inputs: Array
    targets: Array
    samples: int
    missed: float = 0.0

    @classmethod
    def of(cls, nodes: tuple[str, ...], held: Indices, ports: Array, task: tuple[Array, Array], merged: bool) -> Plan:
        """Of inputs (S, q) V and targets (S, n_out) V.

        Args:
            merged: put the rank of the inputs in place of S. With X = U Z, U orthonormal, a linear circuit has Σ ‖o − y‖² =
                Σ ‖o(Z) − Uᵀy‖² + ‖y − U Uᵀy‖², and the steps of EP and CL, which are linear in each, are those of Z and Uᵀy.
        """
        inputs, targets = task
        left, sizes, right = np.linalg.svd(inputs, full_matrices=False)
        rank = int((sizes > RANK * sizes.max(initial=0.0)).sum())
        if not merged or rank == len(inputs):
            return cls(nodes, held, ports, inputs, targets, len(inputs))
        kept = left[:, :rank]
        within = kept.T @ targets
        missed = max(float((targets**2).sum() - (within**2).sum()), 0.0)
        return cls(nodes, held, ports, sizes[:rank, None] * right[:rank], within, len(inputs), missed)

    @property
    def reachable(self) -> bool:
        """Whether a linear circuit may meet the targets; if not, as for most classes, a loss is all that can be asked for."""
        return not self.missed > MET * float((self.targets**2).sum())

    @cached_property
    def free(self) -> Indices:
        """(N − q,) indices of the nodes that are not held."""
        return np.delete(np.arange(len(self.nodes)), self.held)

    def swapped(self, one: int, two: int) -> Plan:
        """With whatever is held or read at one node at the other, and the other way round."""
        order = np.arange(len(self.nodes))
        order[[one, two]] = two, one
        return replace(self, held=order[self.held], ports=self.ports[order])


@dataclass(frozen=True, eq=False)
class Solved:
    """A plan with edges.

    Potentials are linear in what is held, v = W x, and an output moves with a conductance by −(Δλ_a)(Δv_s), where the adjoint
    λ_a are the potentials for a unit current at output a and no held voltage (docs/theory.md, The Jacobian). A change δ of the
    conductance of an edge b changes the inverse by −δ/(1 + δ r) u uᵀ, u = K⁻¹b and r = bᵀu (Sherman and Morrison 1950), and so
    W, Λ and R as well: exact, for O(N²) in place of O(N³), and O(N) where the inverse is not needed again. So it is where a
    node is held or let go: K loses or gains a row and a column.

    Attributes:
        plan: what it serves.
        tails, heads: (E,) ends of its edges.
        conductances: (E,) S. trainable: (E,) bool; the other edges are fixed.
        inverse: (N, N) Ω, K⁻¹ of the free nodes; zero at held ones.
        responses: W (N, q). adjoint: Λ (N, n_out) Ω.
    """

    plan: Plan
    tails: Indices
    heads: Indices
    conductances: Array
    trainable: Mask
    inverse: Array
    responses: Array
    adjoint: Array

    @classmethod
    def of(cls, plan: Plan, tails: Indices, heads: Indices, conductances: Array, trainable: Mask | None = None) -> Solved:
        """Solved from the start; every edge is trainable if not said otherwise.

        Raises:
            NetworkError: a node has no path to a held one.
        """
        count = len(plan.nodes)
        laplacian = np.zeros((count, count))
        np.add.at(laplacian, (tails, heads), -conductances)
        laplacian += laplacian.T
        np.fill_diagonal(laplacian, -laplacian.sum(axis=1))
        free = plan.free
        inverse = np.zeros((count, count))
        try:
            inverse[np.ix_(free, free)] = np.linalg.inv(laplacian[np.ix_(free, free)])
        except np.linalg.LinAlgError:
            raise NetworkError("a node has no path to a source") from None
        responses = np.zeros((count, len(plan.held)))
        responses[plan.held, np.arange(len(plan.held))] = 1.0
        responses[free] = -inverse[free] @ laplacian[:, plan.held]
        learns = np.ones(len(tails), dtype=bool) if trainable is None else trainable
        return cls(plan, tails, heads, conductances, learns, inverse, responses, inverse @ plan.ports)

    @property
    def ends(self) -> Indices:
        """(E, 2): tails and heads."""
        return np.column_stack((self.tails, self.heads))

    @property
    def outputs(self) -> Array:
        """(S, n_out) V."""
        return self.plan.inputs @ (self.responses.T @ self.plan.ports)

    @property
    def error(self) -> Array:
        """o − y, (S, n_out) V."""
        return self.outputs - self.plan.targets

    @property
    def loss(self) -> float:
        """Mean of ½‖o − y‖² over the samples of the task [V²]."""
        return 0.5 * (float((self.error**2).sum()) + self.plan.missed) / self.plan.samples

    @property
    def resistance(self) -> Array:
        """R (n_out, n_out) Ω, from current into the ports to their voltages."""
        found: Array = self.plan.ports.T @ self.adjoint
        return found

    def drops(self, tails: Indices, heads: Indices) -> tuple[Array, Array]:
        """Drops (…, S) V in each sample and (…, n_out) Ω for a unit current at each output, between pairs of nodes."""
        return (self.responses[tails] - self.responses[heads]) @ self.plan.inputs.T, self.adjoint[tails] - self.adjoint[heads]

    def jacobian(self) -> Array:
        """J (S·n_out, E) V/S, rows sample by sample; columns of fixed edges are 0."""
        return rows(*self.drops(self.tails, self.heads)) * self.trainable

    def with_conductances(self, conductances: Array) -> Solved:
        """The same edges at other conductances, solved from the start."""
        return Solved.of(self.plan, self.tails, self.heads, conductances, self.trainable)

    def without(self, edge: int) -> Solved | None:
        """Without an edge; None if a node would hang in the air, or a source."""
        kept = np.delete(np.arange(len(self.tails)), edge)
        ends = {int(self.tails[edge]), int(self.heads[edge])}
        if ends - {*self.tails[kept].tolist(), *self.heads[kept].tolist()}:
            return None
        changed = self._changed(int(self.tails[edge]), int(self.heads[edge]), -float(self.conductances[edge]))
        if changed is None:
            return None
        return replace(
            changed,
            tails=self.tails[kept],
            heads=self.heads[kept],
            conductances=self.conductances[kept],
            trainable=self.trainable[kept],
        )

    def with_edge(self, tail: int, head: int, conductance: float) -> Solved:
        """With one trainable edge more."""
        changed = self._changed(tail, head, conductance)
        assert changed is not None
        return replace(
            changed,
            tails=np.r_[self.tails, tail],
            heads=np.r_[self.heads, head],
            conductances=np.r_[self.conductances, conductance],
            trainable=np.r_[self.trainable, True],
        )

    def with_conductance(self, edge: int, conductance: float) -> Solved:
        """With an edge at another conductance [S]."""
        new = self.conductances.copy()
        new[edge] = conductance
        changed = self._changed(int(self.tails[edge]), int(self.heads[edge]), conductance - float(self.conductances[edge]))
        assert changed is not None
        return replace(changed, conductances=new)

    def fixed(self, edge: int) -> Solved:
        """With a trainable edge fixed, or a fixed one trainable."""
        learns = self.trainable.copy()
        learns[edge] = not learns[edge]
        return replace(self, trainable=learns)

    def swapped(self, one: int, two: int) -> Solved | None:
        """With the ports of two nodes exchanged; None if a node would hang in the air."""
        plan, here = self.plan.swapped(one, two), self
        columns = dict(zip(self.plan.held.tolist(), self.responses.T, strict=True))
        if len({one, two} & set(columns)) == 1:
            old, new = (one, two) if one in columns else (two, one)
            moved = self._held_elsewhere(old, new)
            if moved is None:
                return None
            here, columns = moved
        responses = np.column_stack([columns[node] for node in plan.held.tolist()])
        return replace(here, plan=plan, responses=responses, adjoint=here.inverse @ plan.ports)

    def _held_elsewhere(self, old: int, new: int) -> tuple[Solved, dict[int, Array]] | None:
        """With the node `new` held and `old` let go: the inverse, and the columns of W by the nodes that are held."""
        column = self.inverse[:, new] / self.inverse[new, new]
        inverse = self.inverse - np.outer(column, self.inverse[new])
        inverse[new] = inverse[:, new] = 0.0
        held = {node: one - column * one[new] for node, one in zip(self.plan.held.tolist(), self.responses.T, strict=True)} | {
            new: column
        }
        alone = held.pop(old)
        at = (self.tails == old) | (self.heads == old)
        others, g = self.tails[at] + self.heads[at] - old, self.conductances[at]
        size = float(g @ (alone[old] - alone[others]))
        if not size > GONE * g.sum():
            return None
        inverse += np.outer(alone, alone) / size
        for node, one in held.items():
            held[node] = one - alone * (float(g @ (one[old] - one[others])) / size)
        return replace(self, inverse=inverse), held

    def _changed(self, tail: int, head: int, change: float) -> Solved | None:
        """With `change` [S] more between two nodes."""
        column = self.inverse[:, tail] - self.inverse[:, head]
        size = 1.0 + change * float(column[tail] - column[head])
        if size < GONE:
            return None
        factor = change / size
        return replace(
            self,
            inverse=self.inverse - factor * np.outer(column, column),
            responses=self.responses - factor * np.outer(column, self.responses[tail] - self.responses[head]),
            adjoint=self.adjoint - factor * np.outer(column, self.adjoint[tail] - self.adjoint[head]),
        )

    @property
    def power(self) -> float:
        """Σ_s Σ_e g_e (Δv_e)² [W], what the edges dissipate, summed over the samples."""
        volts, _ = self.drops(self.tails, self.heads)
        return float(self.conductances @ (volts**2).sum(axis=1))

    def powers_with(self, tails: Indices, heads: Indices, conductance: float) -> Array:
        """`power` (C,) with one of C edges more, for each of them: g/(1 + g r) (Δv)² more, Δv without it."""
        volts, _ = self.drops(tails, heads)
        ohms = self.inverse[tails, tails] - 2 * self.inverse[tails, heads] + self.inverse[heads, heads]
        return np.asarray(self.power + conductance / (1.0 + conductance * ohms) * (volts**2).sum(axis=1))

    def errors_with(self, tails: Indices, heads: Indices, conductance: float) -> Array:
        """o − y (C, S·n_out) V with one of C edges more, for each of them: −g/(1 + g r) (Δv)(Δλ) more."""
        volts, ohms = self.drops(tails, heads)
        across = self.inverse[tails, tails] - 2 * self.inverse[tails, heads] + self.inverse[heads, heads]
        factor = conductance / (1.0 + conductance * across)
        moved = factor[:, None, None] * volts[:, :, None] * ohms[:, None, :]
        return np.asarray(self.error.ravel() - moved.reshape(len(tails), -1))

    def grams_with(self, tails: Indices, heads: Indices, conductance: float) -> tuple[Array, Array]:
        """J Jᵀ (C, S·n_out, S·n_out) and R (C, n_out, n_out) with one of C edges more, for each of them; nothing is solved."""
        columns = self.inverse[:, tails] - self.inverse[:, heads]
        at = np.arange(len(tails))
        factor = conductance / (1.0 + conductance * (columns[tails, at] - columns[heads, at]))
        volts, ohms = self.drops(self.tails, self.heads)
        own_volts, own_ohms = self.drops(tails, heads)
        share = (columns[self.tails] - columns[self.heads]).T * factor[:, None]  # (C, E)
        new_volts = volts[None] - share[:, :, None] * own_volts[:, None, :]
        new_ohms = ohms[None] - share[:, :, None] * own_ohms[:, None, :]
        left = 1.0 - factor * (columns[tails, at] - columns[heads, at])
        new_volts = new_volts[:, self.trainable]
        parts = (new_volts[:, :, :, None] * new_ohms[:, self.trainable, None, :]).reshape(*new_volts.shape[:2], -1)
        last = (own_volts[:, :, None] * own_ohms[:, None, :]).reshape(len(tails), -1) * left[:, None] ** 2
        grams = np.matmul(parts.transpose(0, 2, 1), parts) + last[:, :, None] * last[:, None, :]
        return grams, self.resistance[None] - factor[:, None, None] * own_ohms[:, :, None] * own_ohms[:, None, :]


def rows(volts: Array, ohms: Array) -> Array:
    """J (S·n_out, E) from drops (E, S) and adjoint drops (E, n_out)."""
    found: Array = -(volts[:, :, None] * ohms[:, None, :]).reshape(len(volts), -1).T
    return found
