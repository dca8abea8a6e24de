"""What `.model` and `.options` cards say."""

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


def options_of(directives: Iterable[str]) -> dict[str, str]:
    """Values of `.options` by lower-case name; "" for one that is only named."""
    cards = (line.split(maxsplit=1) for line in directives if line[:4].lower() == ".opt")
    return {name.lower(): value.lower() for card in cards if len(card) > 1 for name, value in _PARAMETER.findall(card[1])}
