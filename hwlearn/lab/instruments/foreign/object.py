"""`Object`: an object of somebody else's library, within which steps stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from hwlearn.lab.instruments.foreign.steps import Reached


class Object(Reached):
    """Paths go through things whose class is of the library, or derived from one that is.

    Attributes:
        library: its package. device: the object.
        trusted: whether a station may name code of anybody; paths may go anywhere then.
    """

    library: ClassVar[str]
    device: Any = None
    trusted = False

    def root(self) -> Any:
        return self.device

    def member(self, owner: Any, name: str) -> Any:
        if not self._known(owner):
            raise AttributeError(f"{type(owner).__name__} is nothing of {self.library}, so that its {name} is not used")
        return getattr(owner, name)

    def item(self, owner: Any, key: Any) -> Any:
        if not (isinstance(owner, dict | list | tuple) or self._known(owner)):
            raise TypeError(f"{type(owner).__name__} has no items that are used")
        return owner[key]

    def call(self, target: Any, arguments: list[Any], named: Mapping[str, Any]) -> Any:
        if not self._known(getattr(target, "__self__", target)):
            raise TypeError(f"{target!r} is nothing of {self.library}, so that it is not called")
        return target(*arguments, **named)

    def _known(self, thing: Any) -> bool:
        return self.trusted or self.library in (kind.__module__.partition(".")[0] for kind in type(thing).__mro__)

    def value(self, target: Any) -> Any:
        return target

    def assign_item(self, owner: Any, key: Any, value: Any) -> None:
        raise TypeError(f"items of {type(owner).__name__} cannot be set")
