"""The command `hwlearn`. Its subcommands are the entry points of `hwlearn.commands`; those of this folder are among them.

Exit codes: 0 done; 1 not healthy, a loss that is not finite, or a cell that failed; 2 an error of the user or of the circuit;
130 Ctrl-C.
"""

from hwlearn.cli.command import app, main

__all__ = ["app", "main"]
