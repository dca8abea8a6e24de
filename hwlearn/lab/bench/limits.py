"""What a bench refuses to do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Hold, Outputs
from hwlearn.errors import StationError
from hwlearn.lab.bench.nudge import Nudge
from hwlearn.lab.station import Station
from hwlearn.network import Network


def check_limits(
    station: Station, network: Network, nudges: Sequence[Nudge | None], inputs: Array, outputs: Outputs, imposed: Array | None
) -> None:
    """Refuse a drive, (S, n_in) and (S, n_out), that the station cannot make or must not, before an output changes.

    Raises:
        StationError: names the input or output, the sample and the limit.
    """
    limits = station.settings.limits
    for k, source in enumerate(network.inputs):
        key, most = ("v_node_max", limits.v_node_max) if source.kind == "voltage" else ("i_nudge_max", limits.i_nudge_max)
        sample = int(np.abs(inputs[:, k]).argmax())
        if abs(inputs[sample, k]) > most:
            raise StationError(
                f"{station.path}: input {source.name} of sample {sample} is {inputs[sample, k]:g} {source.unit}, "
                f"beyond limits.{key} = {most:g} {source.unit}"
            )
    if imposed is None:
        return
    missing = [name for name, nudge in zip(network.output_names, nudges, strict=True) if nudge is None]
    if missing:
        raise StationError(
            f"{station.path}: output.{missing[0]} has no nudge: this bench can read it, but not inject or hold; "
            "wire a source meter to it"
        )
    if isinstance(outputs, Hold):
        weak = [nudge.output for nudge in nudges if nudge is not None and not nudge.can_hold]
        if weak:
            raise StationError(
                f"{station.path}: output.{weak[0]} is nudged through a resistor, which injects and cannot "
                "hold: this bench runs ep; cl and al need a source meter there"
            )
    limit, key, unit = (
        (limits.v_compliance, "v_compliance", "V") if isinstance(outputs, Hold) else (limits.i_nudge_max, "i_nudge_max", "A")
    )
    if np.abs(imposed).max(initial=0.0) > limit:
        sample, k = np.argwhere(np.abs(imposed) > limit)[0]
        raise StationError(
            f"{station.path}: output {network.output_names[k]} of sample {sample} would get "
            f"{imposed[sample, k]:g} {unit}, beyond limits.{key} = {limit:g} {unit}; nudge less"
        )
