"""The losses, one file each."""

from hwlearn.learning.loss import Loss
from hwlearn.learning.losses.squared_error import SquaredError
from hwlearn.registry import Registry

LOSSES: Registry[Loss] = Registry("loss", Loss, "losses")
"""The losses by the names of an experiment file."""

__all__ = ["LOSSES", "SquaredError"]
