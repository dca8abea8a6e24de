"""Modules of other people: imported when they are used, and asked for by their pip command when they are missing."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from hwlearn.registry import imported


def needed(module: str, package: str) -> Any:
    """A module of an optional library.

    Raises:
        ValueError: it is not installed; says how to install it.
    """
    library = module.partition(".")[0]
    try:
        import_module(library)
    except ModuleNotFoundError as error:
        if error.name == library:
            raise ValueError(f"{library} is not installed: pip install {package}") from None
        raise
    return import_module(module)


def named_class(name: str, beside: Path) -> type[Any]:
    """The class of "package.module.Class"; "module.Class" is looked for in module.py beside the station file first.

    Raises:
        ValueError: there is none.
    """
    module, _, member = name.rpartition(".")
    try:
        found = getattr(imported(module, beside), member)
    except Exception as error:  # whatever a module does when it is imported
        raise ValueError(f"class {name!r} cannot be imported: {type(error).__name__}: {error}") from error
    if not isinstance(found, type):
        raise ValueError(f"{name!r} is {found!r}, no class")
    return found
