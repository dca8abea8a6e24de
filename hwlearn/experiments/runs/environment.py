"""Where a run took place: versions, machine, commit."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hwlearn import __version__

PACKAGES = ("numpy", "scipy", "qdldl", "cvxopt", "networkx", "PySpice", "pyvisa", "pyvisa-py", "pydantic", "matplotlib")


def versions() -> dict[str, str]:
    """Of Python, hwlearn and the packages it stands on."""
    return {"python": platform.python_version(), "hwlearn": __version__, **{name: _version(name) for name in PACKAGES}}


def environment(folder: Path) -> dict[str, Any]:
    """Versions, platform, and the commit of a folder that is under git."""
    return {"versions": versions(), "platform": platform.platform(), "commit": _commit(folder)}


@cache  # reading it takes as long as a short training
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _commit(folder: Path) -> str | None:
    """With a "+" where files have changed since."""
    try:
        command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
