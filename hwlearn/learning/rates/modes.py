"""`modes`: the rates at which errors decay, from products alone (Arnoldi)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwlearn.arrays import Array

PRODUCTS = 16
"""Products at most: the fastest mode stands out of the others, and is found to a few per cent."""

SETTLED = 2e-3
"""Relative change of the fastest rate, from one product to the next two, below which it is taken."""

EMPTY = 1e-6
"""A product that leaves less than this part outside the space spanned so far adds no direction."""

ZERO = 1e-9
"""Rates below this part of the fastest are those of errors that do not move."""


@dataclass(frozen=True)
class Modes:
    """Fastest and slowest of the modes that move [1/time].

    Attributes:
        fastest: largest modulus; 0 if nothing moves.
        slowest: smallest real part above zero; that of the space that was searched, so it may be an upper bound.
    """

    fastest: float
    slowest: float

    def fraction(self, most: float) -> float:
        """Which part of the limit 2/λ_max is the best rate, 2/(λ_max + λ_min), but at most `most`."""
        return min(most, self.fastest / (self.fastest + self.slowest)) if self.fastest > 0 else most


def modes(product: Callable[[Array], Array], start: Array, products: int = PRODUCTS) -> Modes:
    """Ritz values of a matrix A, given by its products, in the Krylov space of `start`: Arnoldi, reorthogonalised once.

    Args:
        product: A v for v (n,). A need not be symmetric.
        start: (n,), with a part of every mode that matters.
        products: how many at most.
    """
    size = float(np.linalg.norm(start))
    if size == 0:
        return Modes(0.0, 0.0)
    basis, hessenberg, rates = [start / size], np.zeros((products + 1, products)), np.zeros(0, dtype=complex)
    history: list[float] = []
    for k in range(products):
        image = product(basis[k])
        whole = float(np.linalg.norm(image))
        for _ in range(2):
            for j, direction in enumerate(basis):
                part = float(direction @ image)
                hessenberg[j, k] += part
                image = image - part * direction
        left = hessenberg[k + 1, k] = float(np.linalg.norm(image))
        rates = np.linalg.eigvals(hessenberg[: k + 1, : k + 1])
        history.append(float(np.abs(rates).max()))
        settled = len(history) > 2 and max(history[-3:]) - min(history[-3:]) <= SETTLED * history[-1]
        if settled or left <= EMPTY * whole or left <= EMPTY * history[-1]:
            break
        basis.append(image / left)
    fastest = float(np.abs(rates).max())
    moving = rates.real[rates.real > ZERO * fastest]
    return Modes(fastest, float(moving.min()) if len(moving) else fastest)
