"""`ImperfectCircuit`, and one class per imperfection."""

from hwlearn.circuits.imperfect.circuit import ImperfectCircuit
from hwlearn.circuits.imperfect.devices import DeadEdges, Quantised, StuckEdges, Tolerance
from hwlearn.circuits.imperfect.effect import IMPERFECTIONS, Effect
from hwlearn.circuits.imperfect.ports import NudgeGain
from hwlearn.circuits.imperfect.readings import Drift, Noise, Offset
from hwlearn.circuits.imperfect.updates import UpdateBias

__all__ = [
    "IMPERFECTIONS",
    "DeadEdges",
    "Drift",
    "Effect",
    "ImperfectCircuit",
    "Noise",
    "NudgeGain",
    "Offset",
    "Quantised",
    "StuckEdges",
    "Tolerance",
    "UpdateBias",
]
