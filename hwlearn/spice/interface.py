"""Which Python interface to ngspice's shared library is used: PySpice's, InSpice's where that does not import, or our own.

A module of the interface is loaded a second time. Its globals are those of the library's interface, which may be declared once
only, and its class keeps the instances. So hwlearn has a module of its own, and the one that a user imports stays untouched.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from hwlearn.errors import SimulationError
from hwlearn.spice import own
from hwlearn.spice.library import find_library

PACKAGES = ("PySpice", "InSpice")
"""In the order in which they are tried. InSpice is a fork of PySpice."""

OWN = "own"
CHOICE = "HWLEARN_SPICE_INTERFACE"
"""Environment variable: one of `PACKAGES`, or `OWN`, that is taken whatever imports."""


class Interface(NamedTuple):
    """What there is of an interface.

    Attributes:
        name: with its version. base: what `Shared` is made of. ffi: the cffi that declares the library's functions.
        passed_over: why those before it are not used, by name.
    """

    name: str
    base: Any
    ffi: Any
    passed_over: dict[str, str]


def chosen(choice: str | None = None) -> Interface:
    """The first interface that imports; PySpice breaks with new versions of what it stands on, for nobody releases it.

    Args:
        choice: one of `PACKAGES`, or `OWN`; the first that imports if not given.

    Raises:
        SimulationError: there is no such choice, or it does not import.
    """
    if choice not in (None, *PACKAGES, OWN):
        raise SimulationError(f"{CHOICE} is {choice!r}; it must be one of {', '.join((*PACKAGES, OWN))}, or unset")
    passed_over = dict[str, str]()
    for package in PACKAGES:
        if choice not in (None, package):
            continue
        try:
            module: Any = _second(f"{package}.Spice.NgSpice.Shared")
            module.ffi.cdef((Path(module.__file__).parent / "api.h").read_text(encoding="utf-8"))
        except Exception as error:  # whatever an old package raises in a new Python
            passed_over[package] = " ".join(f"{type(error).__name__}: {error}".split())
            if choice == package:
                raise SimulationError(f"{CHOICE} is {package}, which does not import: {passed_over[package]}") from None
            continue
        # It warns of every ngspice newer than itself; without a handler Python would print that on stderr.
        logging.getLogger(package).addHandler(logging.NullHandler())
        return Interface(f"{package} {_version(package)}", module.NgSpiceShared, module.ffi, passed_over)
    return Interface("hwlearn's own", own.NgSpiceShared, own.ffi, passed_over)


def _second(name: str) -> ModuleType:
    """A module that is loaded again, unknown to `import`."""
    known = importlib.util.find_spec(name)
    if known is None or known.origin is None:
        raise ModuleNotFoundError(f"No module named {name!r}")
    spec = importlib.util.spec_from_file_location(name, known.origin)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "of unknown version"


def _help_the_user(found: str) -> None:
    """Tell a user's PySpice where the library is, unless it is told already: it looks for `libngspice.so` only."""
    os.environ.setdefault("NGSPICE_LIBRARY_PATH", found)
    theirs = sys.modules.get("PySpice.Spice.NgSpice.Shared")
    if theirs is not None and theirs.NgSpiceShared.LIBRARY_PATH == "libngspice{}.so":
        theirs.NgSpiceShared.LIBRARY_PATH = found


LIBRARY = find_library()
_help_the_user(LIBRARY)
INTERFACE = chosen(os.environ.get(CHOICE) or None)
"""The interface of this process."""
