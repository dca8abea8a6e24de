"""`warn_of_age`: a calibration does not hold for ever."""

from __future__ import annotations

import datetime
import warnings
from pathlib import Path

from hwlearn.errors import HwlearnWarning
from hwlearn.lab.station.settings import Calibration


def warn_of_age(calibration: Calibration, path: Path) -> None:
    """Warn when the calibration of the station file at `path` is older than it is valid.

    Warns:
        HwlearnWarning: its age and validity in days, and the command that calibrates again.
    """
    if calibration.date is None:
        return
    days = (datetime.date.today() - calibration.date).days
    if days > calibration.valid_days:
        warnings.warn(
            f"{path}: the calibration is {days} days old, valid for {calibration.valid_days}; run `hwlearn bench calibrate`",
            HwlearnWarning,
            stacklevel=4,
        )
