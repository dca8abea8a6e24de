"""`Sealed`: classes some of whose methods no subclass can replace."""

from __future__ import annotations


class Sealed:
    """A method marked with `typing.final` stays what it is: a class that replaces it, or whose mixin does, cannot be made.

    For methods on whose law other code relies without calling them, where a subclass of its own mind would be obeyed by some
    and not by others. `final` alone is a word to the type checker.

    Raises:
        TypeError: when the class is made; names the method and says whose it is.
    """

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        for base in cls.__mro__[1:]:
            for name, member in vars(base).items():
                if getattr(member, "__final__", False) and (found := _resolved(cls, name)) is not member:
                    raise TypeError(
                        f"{cls.__name__} replaces {name} of {base.__name__} by {getattr(found, '__qualname__', found)}, but "
                        f"it is final; {base.__doc__.splitlines()[0] if base.__doc__ else 'see its class'}"
                    )


def _resolved(cls: type, name: str) -> object:
    return next(vars(kind)[name] for kind in cls.__mro__ if name in vars(kind))
