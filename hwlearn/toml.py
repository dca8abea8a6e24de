"""What all TOML files of the project share: how they are read, and what their tables refuse."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from hwlearn.errors import HwlearnError
from hwlearn.files import given


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
    except ValueError as failure:  # a number of thousands of digits is one as well
        raise error(f"{file}: not valid TOML: {failure}") from None
    except RecursionError:
        raise error(f"{file}: not valid TOML: brackets inside brackets, too deep") from None
