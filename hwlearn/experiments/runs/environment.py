"""Where a run took place: versions, machine, commit."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hwlearn import __version__
from hwlearn.experiments.runs.commit import commit_of

PACKAGES = ("numpy", "scipy", "qdldl", "cvxopt", "networkx", "PySpice", "pyvisa", "pyvisa-py", "pydantic", "matplotlib")


def versions() -> dict[str, str]:
    """Of Python, hwlearn and the packages it stands on."""
    return {"python": platform.python_version(), "hwlearn": __version__, **{name: _version(name) for name in PACKAGES}}


def environment(folder: Path) -> dict[str, Any]:
    """Versions, platform, and the commit of a folder that is under git."""
    return {"versions": versions(), "platform": platform.platform(), "commit": commit_of(folder)}


@cache  # reading it takes as long as a short training
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
