"""Bounds of edges: those that are not trained hold the edge, whatever it is; those of gates are given in volts."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.errors import NetworkError
from hwlearn.network.devices import GATE_VOLTAGE, EdgeDevice


def holding(
    bounds: tuple[ArrayLike, ArrayLike],
    conductances: Mapping[str, float],
    trainable: Sequence[str] | NDArray[np.bool_] | None,
) -> tuple[ArrayLike, ArrayLike]:
    """Lower and upper bounds [S], widened to the conductances of the edges that are not trained.

    Args:
        bounds: one for all edges, or (E,).
        conductances: of the edges [S], by name.
        trainable: patterns of names, or a mask (E,), of the edges whose bounds stay; None for all.
    """
    if trainable is None:
        return bounds
    if isinstance(trainable, np.ndarray):
        free = ~trainable
    else:
        patterns = [pattern.lower() for pattern in trainable]
        free = np.array(
            [not any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in patterns) for name in conductances], dtype=bool
        )
    at, (lower, upper) = np.array(list(conductances.values())), bounds
    try:
        return np.where(free, np.minimum(lower, at), lower), np.where(free, np.maximum(upper, at), upper)
    except (ValueError, TypeError):  # of another shape: told where networks are made
        return bounds


def with_gates(
    bounds: tuple[ArrayLike, ArrayLike],
    gate_bounds: tuple[float, float] | None,
    names: Sequence[str],
    devices: Sequence[EdgeDevice],
) -> tuple[ArrayLike, ArrayLike]:
    """Lower and upper bounds [S] of the edges, those of edges with a gate from volts.

    Args:
        bounds: one for all edges, or (E,).
        gate_bounds: lower and upper gate voltage [V].
        names: of the edges.
        devices: what some of them are.

    Raises:
        NetworkError: a device is off at its bound.
    """
    gates = [device for device in devices if device.set_by == GATE_VOLTAGE]
    if gate_bounds is None or not gates:
        return bounds
    place = {name: k for k, name in enumerate(names)}
    both: list[NDArray[np.float64]] = []
    for bound, volts in zip(bounds, gate_bounds, strict=True):
        result = np.broadcast_to(np.asarray(bound, dtype=np.float64), (len(names),)).copy()
        for device in gates:
            conductance = device.conductance(volts)
            if not conductance > 0:
                off = f"{device.edge} is off up to {device.setting(0.0):g} V"
                raise NetworkError(f"gate bound {volts:g} V: {off}; choose a bound above")
            result[place[device.edge]] = conductance
        both.append(result)
    return both[0], both[1]
