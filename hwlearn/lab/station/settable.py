"""What a bench can set: resistors and gates."""

from __future__ import annotations

from hwlearn.errors import ModelError
from hwlearn.network import Network
from hwlearn.network.devices import GATE_VOLTAGE, STATE


def check_settable(network: Network) -> None:
    """Refuse a network with edges that are neither resistors nor transistors with gates.

    Raises:
        ModelError: names the edge, and what to do.
    """
    for device in network.devices:
        if device.set_by != GATE_VOLTAGE:
            remedy = "train it on exact or ngspice"
            if device.set_by == STATE:
                remedy = f"leave [memristors] out, and wire what sets its resistance as a box; or {remedy}"
            raise ModelError(
                f"a bench sets resistors and gates, not the {device.set_by.name} of {device.word} {device.edge}: {remedy}"
            )
