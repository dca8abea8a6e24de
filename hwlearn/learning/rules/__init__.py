"""The learning rules, one file each."""

from hwlearn.learning.rule import Rule
from hwlearn.learning.rules.adjoint_coupled_learning import AdjointCoupledLearning
from hwlearn.learning.rules.coupled_learning import CoupledLearning
from hwlearn.learning.rules.dual_coupled_learning import DualCoupledLearning
from hwlearn.learning.rules.equilibrium_propagation import EquilibriumPropagation
from hwlearn.learning.rules.full_clamp import FullClamp
from hwlearn.registry import Registry

RULES: Registry[Rule] = Registry("rule", Rule)
"""The rules by the names of an experiment file."""

__all__ = [
    "RULES",
    "AdjointCoupledLearning",
    "CoupledLearning",
    "DualCoupledLearning",
    "EquilibriumPropagation",
    "FullClamp",
]
