"""Sources, inputs and outputs of a network."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from hwlearn.errors import NetworkError
from hwlearn.text import GROUND

_WRAPPED = re.compile(r"([VI])\((.*)\)\Z", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Source:
    """An independent source between two nodes.

    A voltage source of `value` V makes v(plus) − v(minus) = value. A current source of `value` A drives that current through
    the circuit from `plus` to `minus`: it flows into the circuit at `plus`. (SPICE writes such a source `I minus plus`.)

    Attributes:
        name: the element's. kind: "voltage" or "current". plus, minus: nodes. value: [V or A].

    Raises:
        NetworkError: another kind, or a value that is not finite.
    """

    name: str
    kind: Literal["voltage", "current"]
    plus: str
    minus: str = GROUND
    value: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in ("voltage", "current"):
            raise NetworkError(f"source {self.name!r}: kind is {self.kind!r}; give 'voltage' or 'current'")
        if not math.isfinite(self.value):
            raise NetworkError(f"source {self.name!r}: its value is {self.value}; it must be finite")

    @property
    def unit(self) -> str:
        """The unit of `value`."""
        return "V" if self.kind == "voltage" else "A"


@dataclass(frozen=True)
class Port:
    """An output: the voltage v(plus) − v(minus) [V]; a current into the port enters at `plus` and returns at `minus`."""

    plus: str
    minus: str = GROUND

    @property
    def name(self) -> str:
        """ "T" for a node, "T,M" for a difference of two."""
        return self.plus if self.minus == GROUND else f"{self.plus},{self.minus}"


def canonical(node: object) -> str:
    """A node's name as text. The texts "0" and "gnd", in any case, are ground, as in ngspice; the number 0 is a node, n0."""
    name = str(node)
    if not isinstance(node, str):
        return f"n{name}" if name == GROUND else name
    return GROUND if name.lower() == "gnd" else name


def _split(spec: str) -> tuple[str, str]:
    parts = [part.strip() for part in spec.split(",")]
    if len(parts) > 2 or not all(parts):
        raise NetworkError(f"port {spec!r}: write a node, or two nodes as 'T,M'")
    return canonical(parts[0]), canonical(parts[1]) if len(parts) == 2 else GROUND


def as_input(spec: str | Source) -> Source:
    """A source from "A" or "V(A)" (voltage to ground), "A,B" (voltage between nodes), "I(A)" or "I(A,B)" (current)."""
    if isinstance(spec, Source):
        return Source(spec.name, spec.kind, canonical(spec.plus), canonical(spec.minus), spec.value)
    text = spec if isinstance(spec, str) else canonical(spec)
    match = _WRAPPED.match(text)
    kind: Literal["voltage", "current"] = "current" if match and match[1] in "iI" else "voltage"
    plus, minus = _split(match[2] if match else text)
    ends = plus if minus == GROUND else f"{plus}_{minus}"
    return Source(f"{'I' if kind == 'current' else 'V'}_{ends}", kind, plus, minus)


def as_output(spec: str | Port) -> Port:
    """A port from "T", "T,M", "V(T)" or "V(T,M)"."""
    if isinstance(spec, Port):
        return Port(canonical(spec.plus), canonical(spec.minus))
    text = spec if isinstance(spec, str) else canonical(spec)
    match = _WRAPPED.match(text)
    if match and match[1] in "iI":
        raise NetworkError(f"output {spec!r}: an output is a voltage; write {match[2]!r}")
    return Port(*_split(match[2] if match else text))
