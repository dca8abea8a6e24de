"""`Junctions`: of a network's diodes, read from their cards, and of its transistors."""

from __future__ import annotations

import math

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import ModelError
from hwlearn.netlist.cards import kind_of
from hwlearn.netlist.models import models_of, parameters_of
from hwlearn.network.network import Element, Network
from hwlearn.text import parse_number

VOLT = 1.38064852e-23 * 300.15 / 1.6021766208e-19
"""Vt = kT/q [V] at SPICE's 27 °C, by the constants of ngspice (CODATA 2014)."""

GMIN = 1e-12
"""S beside each junction, as in ngspice."""

_INSTEAD = "Use backend ngspice"
_PARAMETERS = {"is": 1e-14, "n": 1.0}


class Junctions:
    """Of diodes, anode to cathode, then of transistors, bulk to both ends: i(d) = IS (exp(d / N Vt) − 1) + GMIN d at 27 °C.

    Below −3 N Vt, SPICE has −(3 N Vt / e d)³ for exp(d / N Vt).

    Attributes:
        count: D.
        names, ends: of each; ends are the anode and the cathode.
        saturation: IS (D,) A.
        thermal: N Vt (D,) V.

    Raises:
        ModelError: names what is no such diode, or not at 27 °C.
    """

    def __init__(self, network: Network) -> None:
        others = [element for element in network.elements if kind_of(element.name) != "d"]
        if others:
            listed = "; ".join(f"{element.where}: {element.card}" for element in others[:5])
            more = f" and {len(others) - 5} more" if len(others) > 5 else ""
            raise ModelError(
                "the exact model takes resistors, diodes, DC sources, and transistors with a gate source of their own; "
                f"not {listed}{more}. {_INSTEAD}"
            )
        for line in () if network.linear else network.directives:
            _check_temperature(line)
        models = models_of(network.directives)
        self.names = [element.name for element in network.elements]
        self.ends = [(element.nodes[0], element.nodes[1]) for element in network.elements]
        parameters = [_parameters(element, models) for element in network.elements]
        edges = dict(zip(network.edge_names, network.edges, strict=True))
        for transistor in network.transistors:
            for end in edges[transistor.edge][:2]:
                self.names.append(f"of {transistor.edge} to {end}")
                self.ends.append((transistor.bulk, end))
                parameters.append({"is": transistor.saturation, "n": 1.0})
        self.saturation = np.array([values["is"] for values in parameters])
        self.thermal = VOLT * np.array([values["n"] for values in parameters])
        self.count = len(parameters)
        self._steepness = (self.saturation / self.thermal)[:, None]

    def law(self, drops: Array) -> tuple[Array, Array]:
        """Currents [A] and slopes di/dd [S] at drops [V], (D, S) each."""
        x = drops / self.thermal[:, None]
        low, reverse = np.minimum(x, -3.0), x < -3.0
        ratio = 3 / math.e / low
        tail, rising = ratio * ratio * ratio, np.expm1(np.maximum(x, -3.0))
        currents = self.saturation[:, None] * np.where(reverse, -1.0 - tail, rising) + GMIN * drops
        return currents, self._steepness * np.where(reverse, 3 * tail / low, rising + 1.0) + GMIN

    def knee(self, conductances: Array) -> Array:
        """(D,) V: where a junction conducts about as well as a typical one of `conductances`."""
        typical = np.exp(np.log(conductances).mean()) if len(conductances) else 1.0
        return self.thermal * np.log1p(self.thermal * typical / self.saturation)


def _parameters(element: Element, models: dict[str, tuple[str, str]]) -> dict[str, float]:
    """IS and N of a diode."""
    words = element.card.lower().split()
    if len(words) != 4 or words[3] not in models:
        raise ModelError(f"{element.where}: {element.card}: the exact model takes 'D… anode cathode model' only. {_INSTEAD}")
    kind, text = models[words[3]]
    given = parameters_of(text)
    unknown = [f"type {kind}"] if kind != "d" else sorted(given.keys() - _PARAMETERS.keys())
    model = f"{element.where}: {element.name}: model {words[3]}"
    if unknown:
        raise ModelError(f"{model} has {', '.join(unknown)}; the exact model takes IS and N of a D model. {_INSTEAD}")
    values = dict(_PARAMETERS)
    for name, word in given.items():
        value = parse_number(word)
        if value is None or not 0 < value < np.inf:
            raise ModelError(f"{model}: {name} is {word!r}; it must be positive and finite")
        values[name] = value
    return values


def _check_temperature(line: str) -> None:
    """Refuse options that change what a junction is."""
    for name in ("temp", "tnom", "gmin"):
        if line.startswith(".opt") and f"{name}=" in line:
            raise ModelError(f"the exact model's junctions are at 27 °C with 1e-12 S beside them, not at '{line}'. {_INSTEAD}")
