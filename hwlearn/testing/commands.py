"""The suite that every subcommand of `hwlearn` passes::

    class TestMyCommand(CommandContract):
        name = "my-command"

The package that has it must be installed. Needs pytest.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping


class CommandContract:
    """Subclass it and give the name.

    Attributes:
        name: of the command. environment: of its process; that of this one if not given.
    """

    name: str
    environment: Mapping[str, str] | None = None

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`hwlearn` with these words."""
        command = [sys.executable, "-m", "hwlearn", *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=60)

    def test_hwlearn_lists_it_with_a_line_of_help(self) -> None:
        done = self.run("--help")
        lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
        assert [len(words) for words in lines if words[:1] == [self.name]] == [2]

    def test_it_has_a_help_of_its_own(self) -> None:
        done = self.run(self.name, "--help")
        assert done.returncode == 0
        assert f"hwlearn {self.name}" in done.stdout
        assert "Traceback" not in done.stderr

    def test_an_unknown_option_is_a_mistake_of_the_user(self) -> None:
        done = self.run(self.name, "--no-such-option")
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
