"""`Options`: options that several commands have, in one place for each group of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from inspect import Parameter, signature
from typing import Any, get_type_hints


@dataclass(frozen=True)
class Options:
    """A group of options of the command line. A command with an argument of such a type has its fields as options."""


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose arguments of types of `Options` are their fields, for typer."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Options)}
    if not groups:
        return command
    own = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in signature(command).parameters.values() if p.name not in groups]
    added = {name: _options(group) for name, group in groups.items()}

    @wraps(command)
    def called(**given: Any) -> Any:
        made = {name: groups[name](**{each.name: given.pop(each.name) for each in options}) for name, options in added.items()}
        return command(**given, **made)

    parameters = [p.replace(annotation=hints[p.name]) for p in own]
    parameters += [option for options in added.values() for option in options]
    called.__signature__ = signature(command).replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    del called.__wrapped__  # its own arguments are not asked for
    return called


def _options(group: type[Options]) -> list[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        Parameter(each.name, Parameter.KEYWORD_ONLY, default=each.default, annotation=hints[each.name])
        for each in fields(group)
    ]
