"""What `.model` cards say."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MODEL = re.compile(r"\.model\s+(\S+)\s+([a-z]+)\s*(.*)", re.IGNORECASE)
_PARAMETER = re.compile(r"([^\s()=,]+)(?:\s*=\s*([^\s(),]+))?")


def models_of(directives: Iterable[str]) -> dict[str, tuple[str, str]]:
    """(type, parameters as text) by name, all lower case."""
    matches = (_MODEL.match(line) for line in directives)
    return {match[1].lower(): (match[2].lower(), match[3].lower()) for match in matches if match}


def parameters_of(text: str) -> dict[str, str]:
    """The words `name=value` of a model, or of a card."""
    return dict(_PARAMETER.findall(text))
