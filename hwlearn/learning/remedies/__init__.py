"""Rules around a rule, remedies against imperfect hardware most of them: `train` takes them as it takes any rule."""

from hwlearn.learning.remedies.low_power import LowPower
from hwlearn.learning.remedies.overclamped import Overclamped
from hwlearn.learning.remedies.remedy import Remedy
from hwlearn.learning.remedies.thresholded import Thresholded

__all__ = ["LowPower", "Overclamped", "Remedy", "Thresholded"]
