"""What source meters do at the output ports of a linear network: each port open, injected, held or driven, within limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import SimulationError

Mode = Literal["current", "voltage"]


@dataclass(frozen=True)
class PortDrive:
    """One port's source: a current [A] up to ±`v_limit` [V], or a voltage [V] behind `series` [Ω] up to ±`i_limit` [A]."""

    mode: Mode = "current"
    level: float = 0.0
    v_limit: float = math.inf
    i_limit: float = math.inf
    series: float = 0.0


OPEN = PortDrive()


def operate(drives: list[PortDrive], rest: Array, resistance: Array) -> tuple[Array, list[bool]]:
    """Currents into the ports and which ports are in compliance.

    With v = v₀ + R i, every source is a monotone line in the (i, v) plane that bends at its limit. R is positive definite, so
    there is one working point, and bending one source at a time, the first that is wrong, finds it (Murty's rule).

    Args:
        drives: one per port.
        rest: (n_out,) V, voltages of the open ports, v₀.
        resistance: (n_out, n_out) Ω, R.

    Returns:
        (n_out,) A, and one bool per port.

    Raises:
        SimulationError: no working point, for example two ports in parallel held at different voltages.
    """
    count = len(drives)
    bent = [0] * count  # −1, 0, +1: at the lower limit, free, at the upper limit
    for _ in range(50 * (count + 1) ** 2):
        current = _solve(drives, bent, rest, resistance)
        voltage = rest + resistance @ current
        for k, drive in enumerate(drives):
            wanted = _bend(drive, bent[k], float(current[k]), float(voltage[k]))
            if wanted != bent[k]:
                bent[k] = wanted
                break
        else:
            return current, [side != 0 for side in bent]
    raise SimulationError("the virtual bench found no working point of its source meters")


def _solve(drives: list[PortDrive], bent: list[int], rest: Array, resistance: Array) -> Array:
    system, right = np.eye(len(drives)), np.zeros(len(drives))
    for k, (drive, side) in enumerate(zip(drives, bent, strict=True)):
        if (drive.mode == "current") == (side == 0):  # a current is imposed
            right[k] = drive.level if side == 0 else side * drive.i_limit
        else:
            system[k] = resistance[k]
            system[k, k] += drive.series
            right[k] = (drive.level if side == 0 else side * drive.v_limit) - rest[k]
    try:
        solution: Array = np.linalg.solve(system, right).astype(np.float64)
        return solution
    except np.linalg.LinAlgError:
        raise SimulationError("ports of the virtual bench are held against each other") from None


def _bend(drive: PortDrive, side: int, current: float, voltage: float) -> int:
    """The side on which the source should be, seen from a solution in which it is on `side`."""
    if drive.mode == "current":
        bounded, limit, slack = voltage, drive.v_limit, current - drive.level
    else:
        bounded, limit, slack = current, drive.i_limit, voltage + drive.series * current - drive.level
    if side == 0:
        return 0 if abs(bounded) <= limit * (1 + 1e-9) else (1 if bounded > 0 else -1)
    return side if slack * side <= 0 else 0
