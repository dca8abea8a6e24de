"""`Registry`: the members of one kind by name, ours and those of other packages alike."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from functools import cache, cached_property
from hashlib import sha256
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from hwlearn.errors import HwlearnWarning, RegistryError
from hwlearn.files import given, is_given
from hwlearn.text import did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Members of one kind, such as rules, by the names that files and command lines use.

    Members are entry points in the metadata of installed packages, of the group that `group` names. Those of hwlearn itself
    stand in its pyproject.toml and are found in the same way. A member is imported when it is first asked for.

    A member that is not installed is named "module:Class". To import it is to run it, so that a file which names it must be
    trusted by the user, never by itself.

    Args:
        kind: what a member is, in one word, such as "rule".
        base: the class that members are subclasses of.
        group: the plural of the kind, where it is another than with an s.
    """

    def __init__(self, kind: str, base: type[T], group: str | None = None) -> None:
        self.kind, self.base = kind, base
        self.group = f"hwlearn.{group or f'{kind}s'}"
        self._loaded: dict[str, type[T]] = {}

    @cached_property
    def _points(self) -> dict[str, EntryPoint]:
        """Entry points by name, hwlearn's own first.

        No other package can take a name of theirs, or one that another package has: one warning, and the first is used.
        """
        found: dict[str, EntryPoint] = {}
        for point in _installed().get(self.group, ()):
            first = found.setdefault(point.name, point)
            if first.value != point.value:
                warnings.warn(
                    f"{self.kind} {point.name!r} is {first.value}, which is used, and {point.value}: rename or uninstall one",
                    HwlearnWarning,
                    stacklevel=2,
                )
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)

    def __contains__(self, name: object) -> bool:
        return name in self._points

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all installed members; imports none."""
        return tuple(self._points)

    def get(self, name: str, *, trust: bool = False, beside: Path | None = None) -> type[T]:
        """The member of a name, or of "module:Class".

        Args:
            name: an installed member's, or "module:Class".
            trust: whether "module:Class" may be imported.
            beside: a folder in which `module.py` is looked for first, that of the file which names it.

        Raises:
            RegistryError: an unknown name, with the nearest one; code that is not trusted; something that is no such member.
        """
        if name not in self._loaded:
            if ":" in name:
                return self._checked(name, self._from_module(name, trust, beside))
            point = self._points.get(name)
            if point is None:
                known = ", ".join(self.names) or "none: is hwlearn installed (pip install .)?"
                raise RegistryError(f"unknown {self.kind} {name!r}{did_you_mean(name, self.names)}; there are {known}")
            try:
                self._loaded[name] = self._checked(name, point.load())
            except Exception as error:  # whatever a module does when it is imported
                raise RegistryError(f"{self.kind} {name!r} ({point.value}) cannot be imported: {error}") from error
        return self._loaded[name]

    def _from_module(self, name: str, trust: bool, beside: Path | None) -> Any:
        if not trust:
            raise RegistryError(f"{self.kind} {name!r} is code from a file; say --trust-code (trust_code=True) to run it")
        module, _, member = name.partition(":")
        try:
            return getattr(imported(module, beside), member)
        except Exception as error:  # whatever a module does when it is imported
            raise RegistryError(f"{self.kind} {name!r} cannot be imported: {error}") from error

    def _checked(self, name: str, member: Any) -> type[T]:
        if not (isinstance(member, type) and issubclass(member, self.base)):
            raise RegistryError(f"{self.kind} {name!r} is {member!r}, no subclass of {self.base.__name__}")
        return member


def installed(group: str) -> tuple[str, ...]:
    """Names of the members of a group, such as "rules", for help and completion: without the import of the kind's class."""
    return tuple(dict.fromkeys(point.name for point in _installed().get(f"hwlearn.{group}", ())))


@cache
def _installed() -> dict[str, list[EntryPoint]]:
    """The entry points of all installed packages by group, hwlearn's own first; read once, since that takes a while."""
    known = entry_points()
    return {
        group: sorted(known.select(group=group), key=lambda point: point.dist is None or point.dist.name != "hwlearn")
        for group in known.groups
        if group.startswith("hwlearn.")
    }


def imported(name: str, beside: Path | None) -> ModuleType:
    """The module `name`: the file of that name in a folder, or an installed one."""
    file = None if beside is None else beside / f"{name}.py"
    if file is None or not name.isidentifier() or not is_given(file):
        return import_module(name)
    source = given(file)
    key = f"hwlearn file {file.resolve()} {sha256(source).hexdigest()}"
    if key not in sys.modules:
        spec = spec_from_file_location(key, file)
        assert spec is not None
        module = module_from_spec(spec)
        sys.modules[key] = module
        try:
            exec(compile(source, file, "exec", dont_inherit=True), vars(module))  # noqa: S102 - its caller has asked for trust
        except BaseException:
            del sys.modules[key]
            raise
    return sys.modules[key]
