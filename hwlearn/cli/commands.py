"""`Installed`: the subcommands of `hwlearn`, ours and those of other packages, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import typer
from typer.main import get_command

from hwlearn.cli.options import with_options
from hwlearn.cli.output import one_line, say
from hwlearn.errors import RegistryError
from hwlearn.registry import Registry


class _Commands(Registry[Any]):
    """Functions that typer makes a command of, and `typer.Typer` applications with commands of their own."""

    def _checked(self, name: str, member: Any) -> Any:
        if isinstance(member, typer.Typer) or (callable(member) and not isinstance(member, type)):
            return member
        raise RegistryError(f"command {name!r} is {member!r}, no function and no typer.Typer")


COMMANDS = _Commands("command", object)
"""The commands by name."""


class Installed(MutableMapping[str, Any]):
    """Click's command by name. One that cannot be imported is told in one line, once, and left out."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made and name in COMMANDS:
            self._made[name] = self._command(name)
        made = self._made.get(name)
        if made is None:
            raise KeyError(name)
        return made

    def _command(self, name: str) -> Any:
        try:
            made = _made(name, COMMANDS.get(name))
        except Exception as error:  # of another package: it must not take ours with it
            say(f"warning: {one_line(error)}")
            return None
        return made

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        raise TypeError("commands are those that are installed")

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*COMMANDS, *self._made]))

    def __len__(self) -> int:
        return len(list(iter(self)))


def _made(name: str, member: Any) -> Any:
    """What click calls, from a function or an application."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.callback()(_nothing)
    if isinstance(member, typer.Typer):
        app.add_typer(member, name=name)
    else:
        app.command(name)(with_options(member))
    return vars(get_command(app))["commands"][name]


def _nothing() -> None:
    """An application with a callback is a group, also of one command."""
