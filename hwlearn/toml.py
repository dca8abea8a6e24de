"""What all TOML files of the project share: how they are read, and what their tables refuse."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, model_validator

from hwlearn.errors import HwlearnError
from hwlearn.files import given


class Kind(NamedTuple):
    """A kind of file: what it is called, the key that only it has, the command that reads it."""

    name: str
    mark: str
    command: str


EXPERIMENT = Kind("an experiment file", "circuit", "hwlearn train")
SWEEP = Kind("a sweep file", "experiment", "hwlearn sweep")
STATION = Kind("a station file", "instrument", "hwlearn bench show")
DESIGN = Kind("a design file", "design", "hwlearn design")
KINDS = (EXPERIMENT, SWEEP, STATION, DESIGN)

NETLISTS = frozenset({".cir", ".ckt", ".net", ".sp", ".spi", ".spice", ".asc"})
"""Ends of the names of netlists."""

RUNS = ("report", "plot", "export", "resume", "watch", "design --prune")
"""Commands that take the folder of a run."""


class Table(BaseModel):
    """A table of a file: unknown keys, numbers as text, 2.5 steps, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nul(cls, content: Any) -> Any:
        """No name and no path holds a NUL character, which no system takes."""
        if isinstance(content, dict):
            for key, value in content.items():
                if any(
                    "\0" in text for text in (key, *(value if isinstance(value, list) else [value])) if isinstance(text, str)
                ):
                    raise ValueError(f"{key!r} holds a NUL character")
        return content


def read_toml(file: Path, kind: Kind, error: type[HwlearnError]) -> tuple[bytes, dict[str, Any]]:
    """Bytes and content of a TOML file.

    Raises:
        HwlearnError: of the class `error`; names the file, and the line; and what the file is, if it is of another kind.
    """
    try:
        source = given(file)
        content = tomllib.loads(source.decode("utf-8-sig"))
    except FileNotFoundError:
        raise error(f"{file}: no such file") from None
    except IsADirectoryError:
        taken = f"; a run goes to hwlearn {', '.join(RUNS)}" if (file / "run.json").is_file() else ""
        raise error(f"{file}: is a folder; name {kind.name}{taken}") from None
    except UnicodeDecodeError:
        raise error(f"{file}: not UTF-8; save it as UTF-8") from None
    except OSError as failure:
        raise error(f"{file}: {failure.strerror}") from None
    except ValueError as failure:  # a number of thousands of digits is one as well
        if file.suffix.lower() in NETLISTS:
            raise error(
                f"{file}: this is a netlist, not {kind.name}; hwlearn new {file} writes an experiment file for it"
            ) from None
        raise error(f"{file}: not valid TOML: {failure}") from None
    except RecursionError:
        raise error(f"{file}: not valid TOML: brackets inside brackets, too deep") from None
    for other in KINDS:
        if other.mark in content and kind.mark not in content:
            raise error(f"{file}: this is {other.name}, not {kind.name}; {other.command} reads it")
    return source, content
