"""PySpice's module of the shared library, a second time.

Its globals are those of the library's interface, which may be declared once only, and its class keeps the instances. So
hwlearn has a module of its own, and the one that a user imports stays untouched.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hwlearn.errors import LibraryNotFoundError
from hwlearn.spice.library import find_library

_NAME = "PySpice.Spice.NgSpice.Shared"


def _second(name: str) -> ModuleType:
    """A module that is loaded again, unknown to `import`."""
    known = importlib.util.find_spec(name)
    if known is None or known.origin is None:
        raise LibraryNotFoundError(f"this PySpice has no {name}: install PySpice 1.5")
    spec = importlib.util.spec_from_file_location(name, known.origin)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _help_the_user(found: str) -> None:
    """Tell a user's PySpice where the library is, unless it is told already: it looks for `libngspice.so` only."""
    os.environ.setdefault("NGSPICE_LIBRARY_PATH", found)
    theirs = sys.modules.get(_NAME)
    if theirs is not None and theirs.NgSpiceShared.LIBRARY_PATH == "libngspice{}.so":
        theirs.NgSpiceShared.LIBRARY_PATH = found


LIBRARY = find_library()
_help_the_user(LIBRARY)
# PySpice warns of every ngspice newer than itself; without a handler Python would print that on stderr.
logging.getLogger("PySpice").addHandler(logging.NullHandler())

_module: Any = _second(_NAME)
NgSpiceShared: Any = _module.NgSpiceShared
ffi: Any = _module.ffi
ffi.cdef((Path(_module.__file__).parent / "api.h").read_text())
