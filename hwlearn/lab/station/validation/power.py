"""What an edge could burn at the worst."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwlearn.errors import StationError
from hwlearn.network import Network

if TYPE_CHECKING:
    from hwlearn.lab.station.station import Station


def validate_power(station: Station, network: Network) -> None:
    """Refuse a station whose limits let an edge burn, or carry more current than its device stands.

    The worst case: an input at one end of an edge at its smallest resistance, an input or a nudge at the other.

    Raises:
        StationError: names the edge, its power [W] or current [A], and what to change.
    """
    settings, tables = station.settings, station.tables
    limits, index = settings.limits, {name: k for k, name in enumerate(network.edge_names)}
    curves = station.curves(network)
    reached = max(limits.v_node_max, limits.v_compliance) if settings.output else limits.v_node_max
    volts = limits.v_node_max + reached
    for name, edge in settings.edge.items():
        table = tables.get(name)
        if edge.gate is not None:
            smallest = 1 / curves[index[name]].conductance(edge.gate.v_max)
        elif table is None:
            smallest = float(edge.fixed_ohm or 0.0)
        else:
            smallest = float(np.min(table.resistances[table.min_code : table.max_code + 1]))
        power, current = volts**2 / smallest, volts / smallest
        if power > settings.limits.p_edge_max:
            raise StationError(
                f"edge.{name}: {volts:g} V across its smallest {smallest:.4g} Ω make {power:.3g} W, limits.p_edge_max is "
                f"{settings.limits.p_edge_max:g} W; raise series_ohm or min_code, or lower v_max of a gate, "
                "limits.v_node_max or v_compliance"
            )
        i_max = settings.table[edge.table].i_max if edge.table else None
        if i_max is not None and current > i_max:
            raise StationError(
                f"edge.{name}: {volts:g} V across its smallest {smallest:.4g} Ω make {current:.3g} A, "
                f"table.{edge.table}.i_max is {i_max:g} A; raise series_ohm or min_code, or lower limits.v_node_max and "
                "v_compliance"
            )
