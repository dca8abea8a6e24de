"""Directive `command`: the help of every command of `hwlearn`, as the program prints it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from typer.main import get_command
from typer.testing import CliRunner

from hwlearn.cli import app


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of each command, those of subcommands after their group's."""
    for name, command in group.commands.items():
        yield (*words, name)
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))


class CommandHelp(SphinxDirective):
    """A section for each command."""

    def run(self) -> list[nodes.Node]:
        text = []
        for words in commands(get_command(app)):
            done = CliRunner().invoke(app, [*words, "--help"], prog_name="hwlearn", terminal_width=100)
            lines = [line.rstrip() for line in done.stdout.strip().splitlines()]
            text += [f"## `hwlearn {' '.join(words)}`", "```text", *lines, "```"]
        return self.parse_text_to_nodes("\n".join(text), allow_section_headings=True)


def setup(app: Any) -> dict[str, bool]:
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
