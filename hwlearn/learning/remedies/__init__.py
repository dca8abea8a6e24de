"""Remedies against imperfect hardware, each a rule around a rule: `train` takes them as it takes any rule."""

from hwlearn.learning.remedies.overclamped import Overclamped
from hwlearn.learning.remedies.remedy import Remedy
from hwlearn.learning.remedies.thresholded import Thresholded

__all__ = ["Overclamped", "Remedy", "Thresholded"]
