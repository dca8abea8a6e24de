"""What pydantic found wrong with a file of tables, such as an experiment's, in the words of the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pydantic import ValidationError

from hwlearn.experiments.settings import TABLES, keys_of, table_in

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


LIMITS = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le", "less_than": "lt"}
"""Kinds of errors of numbers, and where pydantic tells the limit, which it writes out with all its zeros."""

LENGTHS = {"too_short": "min_length", "too_long": "max_length"}
"""The same of lists."""


def in_a_line(error: ValidationError, *table: str, tables: Mapping[str, Sequence[str]] | None = None) -> str:
    """One message for each key; the branches of a union count as one.

    Args:
        error: what pydantic found.
        table: in which it looked; none for a whole file.
        tables: of the file and their keys; those of an experiment if not given.
    """
    messages: dict[str, str] = {}
    for one in error.errors():
        whole = (*table, *one["loc"])
        named = 3 if len(whole) > 2 and table_in(*map(str, whole[:2])) is not None else 2
        location = [part for k, part in enumerate(whole) if k < named or isinstance(part, int)]
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
        messages.setdefault(key, _message(one, key, tables or {name: keys_of(name) for name in TABLES}))
    return "; ".join(messages.values())


def _message(error: ErrorDetails, key: str, tables: Mapping[str, Sequence[str]]) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return f"unknown key {key}{_suggestion(key, tables)}"
    if kind == "missing":
        return f"{key} is missing" if "." in key else f"table [{key}] is missing"
    if kind == "model_type":
        return f"{key} must be a table, [{key}]"
    text = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if kind in LIMITS:
        limit = error["ctx"][LIMITS[kind]]
        text = text.replace(text.split()[-1], f"{limit:g}")
    if kind in LENGTHS:
        count, limit = error["ctx"][LENGTHS[kind]], "least" if kind == "too_short" else "most"
        return f"{key}: give at {limit} {count} item{'s' * (count != 1)}, not {error['ctx']['actual_length']}"
    if kind == "value_error":
        return f"[{key}]: {text}" if key else text
    return f"{key} = {error['input']!r}: must be {text}" if "Input should be" in error["msg"] else f"{key}: {text}"


def _suggestion(key: str, tables: Mapping[str, Sequence[str]]) -> str:
    table, _, name = key.rpartition(".")
    if not table:
        close = get_close_matches(name, tables, n=1)
        return f"; did you mean [{close[0]}]?" if close else f"; the tables are {', '.join(tables)}"
    inner = table_in(*table.split(".")) if "." in table else None
    own = tables[table] if inner is None else tuple(inner.model_fields)
    if close := get_close_matches(name, own, n=1):
        return f"; did you mean {table}.{close[0]}?"
    homes = [home for home in tables if name in tables[home]]
    return f"; it belongs in [{homes[0]}]" if homes else f"; [{table}] has {', '.join(own)}"
