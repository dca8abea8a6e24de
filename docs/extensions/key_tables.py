"""Directive `key-tables MODEL`: the tables and keys of a TOML file, from the pydantic model that checks it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pkgutil import resolve_name
from typing import Any, get_args

from docutils import nodes
from pydantic import BaseModel
from sphinx.util.docutils import SphinxDirective

from hwlearn.circuits.backend import BACKENDS
from hwlearn.circuits.imperfect import IMPERFECTIONS
from hwlearn.experiments.members import parameters
from hwlearn.learning.losses import LOSSES
from hwlearn.learning.rules import RULES
from hwlearn.registry import Registry


def sections(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Heading → model, for each table of a whole file."""
    found = {}
    for name, field in model.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if inspect.isclass(kind) and issubclass(kind, BaseModel):
                found[f"[{name}.NAME]" if str(field.annotation).startswith("dict") else f"[{name}]"] = kind
    return found


def meanings(text: str, keys: list[str]) -> dict[str, str]:
    """What the lists of a docstring ("Args", "Attributes") say about each key."""
    body = re.split(r"\n *(?:Args|Attributes):\n", text, maxsplit=1)
    if len(body) < 2:
        return {}
    plain = " ".join(re.split(r"\n *(?:Raises|Returns|Warns):\n", body[1], maxsplit=1)[0].split())
    name = "(?:" + "|".join(map(re.escape, sorted(keys, key=len, reverse=True))) + r"|[a-z_]+)"
    parts = re.split(rf"(?:^|(?<=[.;?\]] )|(?<=\) ))({name}(?:, {name})*): ", plain)
    found = {}
    for names, meaning in zip(parts[1::2], parts[2::2], strict=True):
        found.update(dict.fromkeys(names.split(", "), meaning.strip()))
    return found


def kind(schema: dict[str, Any], defs: dict[str, Any]) -> str:
    """A JSON schema in words."""
    if "$ref" in schema:
        schema = defs[schema["$ref"].rsplit("/", 1)[1]]
    if either := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(kind(one, defs) for one in either if one.get("type") != "null"))
    if "enum" in schema:
        return ", ".join(f"`{value!r}`".replace("'", '"') for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']!r}`"
    match schema.get("type"):
        case "array":
            return f"list of {kind(schema.get('items', {}), defs)}"
        case "integer" | "number" as number:
            limits = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
            known = [f"{sign} {schema[key]:g}" for key, sign in limits.items() if key in schema]
            return " ".join([{"integer": "integer", "number": "number"}[number], ", ".join(known)]).strip()
        case "boolean":
            return "`true` or `false`"
        case "object" if "properties" not in schema:
            return f"table of {kind(schema['additionalProperties'], defs)} by name"
        case "object":
            return "table: " + ", ".join(f"`{name}`" for name in schema.get("properties", {}))
        case "string" if schema.get("format") == "date":
            return "date"
        case "string" if "pattern" in schema:
            return '"instrument:channel"'
    return "text"


def table(model: type[BaseModel]) -> list[str]:
    """A model's docstring and keys as Markdown."""
    text = inspect.getdoc(model) or ""
    schema = model.model_json_schema()
    keys = list(schema.get("properties", {}))
    said: dict[str, str] = {}
    for other in re.findall(r"`(hwlearn\.[\w.]+)`", text):  # "see `hwlearn.learning.train.train`": it says what the keys mean
        said |= meanings(inspect.getdoc(resolve_name(other)) or "", keys)
    said |= meanings(text, keys)
    about = re.sub(r"^`\[.*?\]`: ", "", re.split(r"\n *Attributes:", text)[0].strip())
    about = about[:1].upper() + about[1:]
    lines = [about, "", "| key | value | default | |", "|---|---|---|---|"]
    for key, value in schema.get("properties", {}).items():
        default = "needed" if key in schema.get("required", []) else value.get("default")
        shown = "–" if default in (None, "", [], {}) else default if default == "needed" else f"`{toml(default)}`"
        lines.append(
            f"| `{key}` | {kind(value, schema.get('$defs', {}))} | {shown} | {said.get(key, '')} |".replace("‖", "\\|")
        )
    return lines


def toml(value: Any) -> str:
    """A default as it would stand in the file."""
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else f"{value!r}"


MEMBERS: dict[str, Registry[Any]] = {
    "[rule]": RULES,
    "[loss]": LOSSES,
    "[backend]": BACKENDS,
    "[imperfect]": IMPERFECTIONS,
}
"""Tables whose keys belong to the members of a registry."""


def members(registry: Registry[Any]) -> Iterator[str]:
    """The keys or arguments of each member, as a list."""
    for name in registry:
        member = registry.get(name)
        text = inspect.getdoc(member) or ""
        model = issubclass(member, BaseModel)
        keys = [key for key in (member.model_fields if model else parameters(member)) if key != "name"]
        said = meanings(text, keys)
        about = text.split("\n\n", maxsplit=1)[0].replace("\n", " ").replace("`", "")
        shown = [f"`{key}`" + (f": {said[key].rstrip('.')}" if key in said else "") for key in keys]
        yield f"- `{name}`: {about}" + (f" ({'; '.join(shown)})" if shown else "")
    yield ""


class KeyTables(SphinxDirective):
    """A section with a table for each table of the file."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        text: list[str] = []
        for heading, model in sections(resolve_name(self.arguments[0])).items():
            text += [f"## `{heading}`", "", *table(model), ""]
            text += [line for name, registry in MEMBERS.items() if name == heading for line in members(registry)]
        return self.parse_text_to_nodes("\n".join(text), allow_section_headings=True)


def setup(app: Any) -> dict[str, bool]:
    app.add_directive("key-tables", KeyTables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
