"""The losses, one file each."""

from hwlearn.learning.loss import Loss
from hwlearn.learning.losses.class_means import ClassMeans
from hwlearn.learning.losses.cross_entropy import CrossEntropy
from hwlearn.learning.losses.hinge import Hinge
from hwlearn.learning.losses.only_wrong import OnlyWrong
from hwlearn.learning.losses.squared_error import SquaredError
from hwlearn.registry import Registry

LOSSES: Registry[Loss] = Registry("loss", Loss, "losses")
"""The losses by the names of an experiment file."""

__all__ = ["LOSSES", "ClassMeans", "CrossEntropy", "Hinge", "OnlyWrong", "SquaredError"]
