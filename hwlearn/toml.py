"""What all TOML files of the project share: how they are read, and what their tables refuse."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from hwlearn.errors import HwlearnError
from hwlearn.files import given


class Table(BaseModel):
    """A table of a file: unknown keys, numbers as text, 2.5 steps, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


def read_toml(file: Path, error: type[HwlearnError]) -> tuple[bytes, dict[str, Any]]:
    """Bytes and content of a TOML file.

    Raises:
        HwlearnError: of the class `error`; names the file, and the line.
    """
    try:
        source = given(file)
        return source, tomllib.loads(source.decode("utf-8-sig"))
    except FileNotFoundError:
        raise error(f"{file}: no such file") from None
    except UnicodeDecodeError:
        raise error(f"{file}: not UTF-8; save it as UTF-8") from None
    except OSError as failure:
        raise error(f"{file}: {failure.strerror}") from None
    except tomllib.TOMLDecodeError as failure:
        raise error(f"{file}: not valid TOML: {failure}") from None
