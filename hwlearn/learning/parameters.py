"""What a step of training is added to: conductances, or what the trained edges are set by."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError
from hwlearn.network import Network

CONDUCTANCES = ("conductance", "log-conductance")
"""What a step can be added to in every network; see `train`."""


def setting_slopes(network: Network, parameter: str, conductances: Array) -> Array:
    """(E,) ∂g/∂setting of the edges that are set by `parameter`, at conductances (E,) [S]; 1 at the others, which are fixed.

    Raises:
        HwlearnError: names a trainable edge that is not set by it.
    """
    slopes, bare = np.ones(len(network.edges)), network.trainable.copy()
    for k, device in network.device_at.items():
        if device.set_by.word == parameter:
            slopes[k], bare[k] = device.slope(float(conductances[k])), False
    if bare.any():
        name = network.edge_names[int(bare.argmax())]
        raise HwlearnError(f"parameter {parameter!r}: {name} has no {parameter}; fix it, or train {' or '.join(CONDUCTANCES)}")
    return slopes
