"""Names in an experiment file: `OneOf` a registry or of a dict, and `Code`, which says whether they may name code."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from hwlearn.errors import RegistryError
from hwlearn.registry import Registry
from hwlearn.text import did_you_mean


@dataclass(frozen=True)
class Code:
    """Where "module:Class" of a file is looked for. The context in which a file is checked.

    Attributes:
        trust: whether it may be imported, and so run. beside: the folder of the file; None for installed modules alone.
    """

    trust: bool = False
    beside: Path | None = None

    def member(self, registry: Registry[Any], name: str) -> type[Any]:
        """The member of a name.

        Raises:
            RegistryError: see `Registry.get`.
        """
        return registry.get(name, trust=self.trust, beside=self.beside)


def code(info: ValidationInfo) -> Code:
    """What a validator may import."""
    return info.context if isinstance(info.context, Code) else Code()


@dataclass(frozen=True, eq=False)
class OneOf:
    """Annotation of a text: a name of `names`, or "module:Class" where that is a registry. They are asked when needed."""

    names: Registry[Any] | Collection[str]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.names)}

    def _check(self, name: str, info: ValidationInfo) -> str:
        if name in self.names:
            return name
        if isinstance(self.names, Registry) and ":" in name:
            try:
                code(info).member(self.names, name)
            except RegistryError as error:
                raise PydanticCustomError("code", "{text}", {"text": str(error)}) from None
            return name
        *most, last = map(repr, self.names)
        known = f"{', '.join(most)} or {last}" if most else last
        text = f"Input should be {known}{did_you_mean(name, self.names)}"
        raise PydanticCustomError("unknown_name", "{text}", {"text": text})
