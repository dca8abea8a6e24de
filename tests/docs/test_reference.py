"""Nothing in the reference is without a description: classes, their members, functions, keys of files, options of commands."""

import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import pytest
from typer.main import get_command

from hwlearn.cli import app

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
DIRECTIVE = re.compile(r"^\.\. (currentmodule|automodule|autoclass|autofunction):: ([\w.]+)$", re.MULTILINE)


def documented():
    """(name, object) of what the pages of the reference show."""
    found = {}
    for page in sorted(REFERENCE.glob("*.md")):
        module = "hwlearn"
        for kind, name in DIRECTIVE.findall(page.read_text(encoding="utf-8")):
            if kind == "currentmodule":
                module = name
            elif kind == "automodule":
                whole = importlib.import_module(name)
                found[name] = whole
                found |= {f"{name}.{key}": value for key, value in public(whole).items()}
            else:
                home, _, short = name.rpartition(".") if name.startswith("hwlearn.") else (module, "", name)
                found[name] = getattr(importlib.import_module(home), short)
    return found


def public(module):
    """Classes and functions that the module defines."""
    return {
        key: value
        for key, value in vars(module).items()
        if not key.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    }


NAMES = documented()


def described(thing):
    return bool((inspect.getdoc(thing) or "").strip())


@pytest.mark.parametrize("name", sorted(NAMES))
def test_it_has_a_description(name):
    thing = NAMES[name]
    assert described(thing)
    if not inspect.isclass(thing):
        return
    told = "\n".join(inspect.getdoc(base) or "" for base in thing.__mro__ if base is not object)
    own = {key: value for base in thing.__mro__ if base.__module__.startswith("hwlearn") for key, value in vars(base).items()}
    for key, member in own.items():
        called = inspect.isfunction(member) or isinstance(member, property | classmethod | staticmethod)
        if called and not key.startswith("_"):
            assert described(getattr(thing, key)) or re.search(rf"\b{key}\b", told), f"{name}.{key}"
    for field in dataclasses.fields(thing) if dataclasses.is_dataclass(thing) else ():
        if not field.name.startswith("_"):
            assert re.search(rf"\b{field.name}\b", told), f"{name}.{field.name} is not among its Attributes"


def commands(group, path=()):
    for name, command in getattr(group, "commands", {}).items():
        yield (*path, name), command
        yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", [path for path, _ in commands(get_command(app))], ids=" ".join)
def test_a_command_and_its_options_have_a_help(path):
    command = dict(commands(get_command(app)))[path]
    assert (command.help or "").strip()
    for option in command.params:
        if option.name != "help":
            assert (getattr(option, "help", None) or "").strip(), f"{' '.join(path)}: {option.name}"
