"""The application: its options, errors and warnings."""

from __future__ import annotations

import sys
import tomllib
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hwlearn import __version__
from hwlearn.cli.commands import Installed
from hwlearn.cli.output import one_line, say
from hwlearn.errors import HwlearnError, HwlearnWarning
from hwlearn.registry import installed


class _Commands(TyperGroup):
    """The installed commands. Turns hwlearn's errors and warnings into one line on stderr, Ctrl-C into 130."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = Installed()

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def main(self, *words: Any, **options: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("always", HwlearnWarning)
            warnings.showwarning = _show_warning  # type: ignore[assignment]
            return super().main(*words, **options)

    def invoke(self, ctx: Any) -> Any:
        try:
            _check_directory()
            result = super().invoke(ctx)
            sys.stdout.flush()  # a closed pipe shows here, where it is taken for what it is
            return result
        except HwlearnError as error:
            if ctx.params.get("debug"):
                traceback.print_exc()
            say(f"error: {one_line(error)}")
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            say("interrupted")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Commands,
    help="Train resistor circuits with local rules: on paper, in ngspice, on a bench.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # Ω on a Windows code page
    app(prog_name="hwlearn")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hwlearn {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")] = False,
) -> None:
    pass


File = Annotated[Path, typer.Argument(metavar="EXPERIMENT.toml", help="Experiment file.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace a key, as in train.steps=100")]
TrustCode = Annotated[bool, typer.Option("--trust-code", help="Run code that the file names as module:Class.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def name_of(group: str, text: str = "{}.", *flags: str) -> Any:
    """An option that takes the name of a member of a registry, such as "rules": help and completion know what is installed.

    Args:
        group: see `hwlearn.registry.installed`.
        text: of the help; {} stands for the names.
        flags: of the option, where they are others than its argument.
    """
    names = installed(group)
    *most, last = names or ("none is installed",)

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    known = f"{', '.join(most)} or {last}" if most else last
    return typer.Option(*flags, help=text.format(known), autocompletion=complete)


def read_overrides(settings: list[str] | None) -> dict[str, Any]:
    """Dotted keys and values of `--set`; a value that is no TOML is text."""
    result = {}
    for setting in settings or []:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            raise HwlearnError(f"--set {setting}: write KEY=VALUE, such as --set train.steps=100")
        try:
            parsed = tomllib.loads(f"value = {text}")
        except (ValueError, RecursionError):
            parsed = {}
        result[key.strip()] = parsed["value"] if list(parsed) == ["value"] else text
    return result


@contextmanager
def warned() -> Iterator[list[str]]:
    """The texts of hwlearn's own warnings inside, which are shown as ever."""
    texts, show = list[str](), warnings.showwarning

    def note(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, HwlearnWarning):
            texts.append(str(message))
        show(message, category, *where, **more)

    warnings.showwarning = note
    try:
        yield texts
    finally:
        warnings.showwarning = show


def _check_directory() -> None:
    """Refuse a working directory that was deleted, from which no path leads anywhere.

    Raises:
        HwlearnError: says so.
    """
    try:
        Path.cwd()
    except OSError as error:
        raise HwlearnError(f"the working directory cannot be used: {error.strerror}; change to another one (cd)") from None


def _show_warning(message: Warning | str, category: type[Warning], *where: Any) -> None:
    """As Python's, but one line for hwlearn's own."""
    say(f"warning: {message}" if issubclass(category, HwlearnWarning) else f"{category.__name__}: {message}")
