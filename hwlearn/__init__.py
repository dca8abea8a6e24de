"""hwlearn: train real circuits with local rules, on paper, in ngspice, on a bench.

Names are loaded when first used, so that `import hwlearn` is quick: neither PySpice nor scipy is imported before it is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hwlearn.analysis.analyze import Analysis, analyze
    from hwlearn.analysis.identified import IdentifiedCircuit
    from hwlearn.circuits.base import Circuit
    from hwlearn.circuits.drive import Drive, Hold, Inject, Open, Pull
    from hwlearn.circuits.exact.circuit import ExactCircuit
    from hwlearn.circuits.imperfect import ImperfectCircuit
    from hwlearn.circuits.linear import LinearCircuit
    from hwlearn.circuits.measurement import Measurement, SampledMeasurement
    from hwlearn.circuits.newton.circuit import NewtonCircuit
    from hwlearn.circuits.ngspice.circuit import NgspiceCircuit
    from hwlearn.experiments.runs import Run
    from hwlearn.lab.bench.circuit import BenchCircuit
    from hwlearn.learning.classification import Classification
    from hwlearn.learning.encoding import Encoding
    from hwlearn.learning.evaluation import Evaluation, evaluate, predict
    from hwlearn.learning.flow import FlowResult, flow
    from hwlearn.learning.loss import Loss
    from hwlearn.learning.losses import ClassMeans, CrossEntropy, Hinge, OnlyWrong, SquaredError
    from hwlearn.learning.many import ManyResult, train_many
    from hwlearn.learning.remedies import LowPower, Overclamped, Thresholded
    from hwlearn.learning.rule import Rule
    from hwlearn.learning.rules import (
        AdjointCoupledLearning,
        CoupledLearning,
        DualCoupledLearning,
        EquilibriumPropagation,
        FullClamp,
    )
    from hwlearn.learning.task import Task
    from hwlearn.learning.train import train
    from hwlearn.learning.training_result import TrainResult, TrainState
    from hwlearn.network import (
        Device,
        Diode,
        Edge,
        EdgeDevice,
        Element,
        ElementDevice,
        Initial,
        Law,
        Network,
        Port,
        Resistor,
        Source,
        Transistor,
    )

__version__ = "0.1.0"

_HOMES = {
    "hwlearn.network": (
        "Device",
        "Diode",
        "Edge",
        "EdgeDevice",
        "Element",
        "ElementDevice",
        "Initial",
        "Law",
        "Network",
        "Port",
        "Resistor",
        "Source",
        "Transistor",
    ),
    "hwlearn.circuits.base": ("Circuit",),
    "hwlearn.circuits.drive": ("Drive", "Hold", "Inject", "Open", "Pull"),
    "hwlearn.circuits.linear": ("LinearCircuit",),
    "hwlearn.circuits.measurement": ("Measurement", "SampledMeasurement"),
    "hwlearn.circuits.exact": ("ExactCircuit",),
    "hwlearn.circuits.imperfect": ("ImperfectCircuit",),
    "hwlearn.analysis.analyze": ("Analysis", "analyze"),
    "hwlearn.analysis.identified": ("IdentifiedCircuit",),
    "hwlearn.circuits.ngspice": ("NgspiceCircuit",),
    "hwlearn.circuits.newton.circuit": ("NewtonCircuit",),
    "hwlearn.learning.task": ("Task",),
    "hwlearn.learning.classification": ("Classification",),
    "hwlearn.learning.encoding": ("Encoding",),
    "hwlearn.learning.evaluation": ("Evaluation", "evaluate", "predict"),
    "hwlearn.learning.loss": ("Loss",),
    "hwlearn.learning.losses": ("ClassMeans", "CrossEntropy", "Hinge", "OnlyWrong", "SquaredError"),
    "hwlearn.learning.rule": ("Rule",),
    "hwlearn.learning.rules": (
        "AdjointCoupledLearning",
        "CoupledLearning",
        "DualCoupledLearning",
        "EquilibriumPropagation",
        "FullClamp",
    ),
    "hwlearn.learning.remedies": ("LowPower", "Overclamped", "Thresholded"),
    "hwlearn.learning.train": ("train",),
    "hwlearn.learning.training_result": ("TrainResult", "TrainState"),
    "hwlearn.learning.many": ("ManyResult", "train_many"),
    "hwlearn.learning.flow": ("FlowResult", "flow"),
    "hwlearn.lab.bench.circuit": ("BenchCircuit",),
    "hwlearn.experiments.runs": ("Run",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AdjointCoupledLearning",
    "Analysis",
    "BenchCircuit",
    "Circuit",
    "ClassMeans",
    "Classification",
    "CoupledLearning",
    "CrossEntropy",
    "Device",
    "Diode",
    "Drive",
    "DualCoupledLearning",
    "Edge",
    "EdgeDevice",
    "Element",
    "ElementDevice",
    "Encoding",
    "EquilibriumPropagation",
    "Evaluation",
    "ExactCircuit",
    "FlowResult",
    "FullClamp",
    "Hinge",
    "Hold",
    "IdentifiedCircuit",
    "ImperfectCircuit",
    "Initial",
    "Inject",
    "Law",
    "LinearCircuit",
    "Loss",
    "LowPower",
    "ManyResult",
    "Measurement",
    "Network",
    "NewtonCircuit",
    "NgspiceCircuit",
    "OnlyWrong",
    "Open",
    "Overclamped",
    "Port",
    "Pull",
    "Resistor",
    "Rule",
    "Run",
    "SampledMeasurement",
    "Source",
    "SquaredError",
    "Task",
    "Thresholded",
    "TrainResult",
    "TrainState",
    "Transistor",
    "analyze",
    "evaluate",
    "flow",
    "predict",
    "train",
    "train_many",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'hwlearn' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
