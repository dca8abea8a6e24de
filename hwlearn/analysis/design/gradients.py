"""How the objectives of a design follow its conductances: their gradients by g, of those that have one.

Steps and edges are counts, and have none. All rest on ∂(Δv_f)/∂g_e = −T_fe Δv_e, for drops in a sample as for those of a unit
current at an output, T_fe the drop of edge f for a unit current between the ends of edge e (docs/theory.md, The Jacobian).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from hwlearn.analysis.design.objectives import POWERS
from hwlearn.analysis.design.solved import Solved
from hwlearn.arrays import Array


def power_gradient(circuit: Solved) -> Array:
    """∂P/∂g (E,) [V²] of P = Σ_s Σ_e g_e (Δv_e)²: Σ_s (Δv_e)², since the free potentials make P least."""
    volts, _ = circuit.drops(circuit.tails, circuit.heads)
    return np.asarray((volts**2).sum(axis=1))


def constant_gradient(circuit: Solved) -> Array:
    """∂σ_min(J)²/∂g (E,) [V²/S³] = 2σ uᵀ(∂J/∂g)v, u and v the singular vectors; σ_min must stand alone."""
    left, sizes, right = np.linalg.svd(circuit.jacobian(), full_matrices=False)
    return np.asarray(2 * sizes[-1] * contracted(circuit, left[:, -1], right[-1]))


def floor_gradient(circuit: Solved) -> Array:
    """∂‖J‖²/∂g (E,) [V²/S³]; the floor is Δ²/24 over the samples times ‖J‖² = Σ_f ‖Δv_f‖² ‖Δλ_f‖², f trainable."""
    volts, ohms = circuit.drops(circuit.tails, circuit.heads)
    along = (ohms**2).sum(axis=1)[:, None] * (volts @ volts.T) + (volts**2).sum(axis=1)[:, None] * (ohms @ ohms.T)
    return np.asarray(-2 * (circuit.trainable @ (transfer(circuit) * along)))


def condition_gradient(circuit: Solved, rule: str) -> Array:
    """∂κ/∂g (E,) [1/S] of κ = λ_max/λ_min of a rule, κ (∂λ_max/λ_max − ∂λ_min/λ_min); both must stand alone.

    With J Jᵀ x = λ (1 ⊗ Rᵏ) x and xᵀ(1 ⊗ Rᵏ)x = 1, ∂λ = xᵀ ∂(J Jᵀ) x − λ xᵀ ∂(1 ⊗ Rᵏ) x, where ∂R/∂g_e = −Δλ_e Δλ_eᵀ.
    """
    jacobian, resistance = circuit.jacobian(), circuit.resistance
    weight = np.linalg.matrix_power(resistance, POWERS[rule])
    samples = len(circuit.plan.inputs)
    rates, vectors = eigh(jacobian @ jacobian.T, np.kron(np.eye(samples), weight))
    relative = []
    for k in (-1, 0):
        vector = vectors[:, k]
        moved = 2 * contracted(circuit, vector, jacobian.T @ vector) + rates[k] * _lost(circuit, vector, rule)
        relative.append(moved / rates[k])
    return np.asarray(rates[-1] / rates[0] * (relative[0] - relative[1]))


def contracted(circuit: Solved, left: Array, right: Array) -> Array:
    """uᵀ (∂J/∂g_e) v (E,) for u (S·n_out,) and v (E,), with ∂J_(s,a)f/∂g_e = T_fe (Δv_fs Δλ_ea + Δv_es Δλ_fa)."""
    volts, ohms = circuit.drops(circuit.tails, circuit.heads)
    through, by_sample = transfer(circuit) * right, left.reshape(volts.shape[1], ohms.shape[1])
    there = ((through @ volts) @ by_sample * ohms).sum(axis=1) + ((through @ ohms) @ by_sample.T * volts).sum(axis=1)
    return np.asarray(there)


def transfer(circuit: Solved) -> Array:
    """T (E, E) Ω, drop of an edge for a unit current between the ends of another."""
    columns = circuit.inverse[:, circuit.tails] - circuit.inverse[:, circuit.heads]
    return np.asarray(columns[circuit.tails] - columns[circuit.heads])


def _lost(circuit: Solved, vector: Array, rule: str) -> Array:
    """−xᵀ (1 ⊗ ∂Rᵏ/∂g_e) x (E,)."""
    _, ohms = circuit.drops(circuit.tails, circuit.heads)
    held = vector.reshape(len(circuit.plan.inputs), -1)
    once = held @ ohms.T
    if rule == "ep":
        return np.zeros(len(ohms))
    if rule == "cl":
        return np.asarray((once**2).sum(axis=0))
    return np.asarray(2 * (once * (held @ circuit.resistance @ ohms.T)).sum(axis=0))
