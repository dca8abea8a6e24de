"""What the words of a card mean: its name, its nodes, the rest."""

from __future__ import annotations

import re
from collections.abc import Collection

_NODES = {"r": 2, "c": 2, "l": 2, "v": 2, "i": 2, "d": 2, "b": 2, "f": 2, "h": 2, "e": 4, "g": 4, "q": 3, "m": 4, "j": 3,
          "z": 3, "s": 4, "w": 2, "t": 4, "o": 4, "y": 4, "u": 3, "k": 0}  # fmt: skip
_TO_MODEL = frozenset("dqmjzsoun")
"""Elements whose nodes end where a model's name stands, if that is beyond the usual number."""

_BLANKS_AROUND_EQUALS = re.compile(r"\s*=\s*")


def words(card: str) -> list[str]:
    """The words of a card, with `name = value` as one word `name=value`."""
    return (_BLANKS_AROUND_EQUALS.sub("=", card) if "=" in card else card).split()


def kind_of(card: str) -> str:
    """The letter that says what an element is; of a hierarchical name `r.x1.ra`, the first one."""
    return card[:1].lower()


def node_count(card: list[str], models: Collection[str] = ()) -> int:
    """How many words after the name are nodes, in an expanded card (no subcircuit calls).

    Args:
        card: its words.
        models: names of the models, lower case.
    """
    kind = kind_of(card[0])
    usual = _NODES.get(kind, 2)
    if kind in _TO_MODEL:
        for k in range(2, len(card)):
            if card[k].lower() in models:
                return k - 1
    if kind in "eg" and len(card) > 3 and card[3].lower().startswith(("poly", "vol=", "cur=", "value=", "table")):
        return 2
    return min(usual, len(card) - 1)


def before_parameters(card: list[str]) -> list[str]:
    """The words of an X card or a `.subckt` before its parameters, without lone brackets."""
    end = next((k for k, word in enumerate(card) if "=" in word or word.lower() in ("params:", "params")), len(card))
    return [word for word in card[:end] if word not in ("(", ")")]


def subcircuit_call(card: list[str]) -> tuple[list[str], str]:
    """(nodes, subcircuit) of an X card."""
    plain = before_parameters(card)
    return plain[1:-1], plain[-1].lower() if len(plain) > 1 else ""
