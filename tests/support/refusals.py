"""A command that is refused."""

from typer.testing import CliRunner

from hwlearn.cli import app


def refused(*arguments):
    """The one line that a command is refused with."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith("error: ")
    return result.stderr
