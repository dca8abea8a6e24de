"""Steps: what a driver of somebody else is told, as a few lines of Python that can only set, read and call.

`source_function = 'current'; source.current = {amperes}` are two steps. A step is `path = literal`, `path` or
`path(literals)`; a path is made of public names and of subscripts, and begins at the driver's object. Nothing else of Python
is understood: no operators, no imports, no names of its own.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any

LONGEST = 2000
"""Letters of a text of steps."""

SENDING = ("write", "ask")
"""Methods of drivers that send text to the instrument."""


class Reached(ABC):
    """An object of somebody else, as steps reach it.

    Each method may raise what it likes; the caller names the step.
    """

    @abstractmethod
    def root(self) -> Any:
        """The object at which paths begin."""

    @abstractmethod
    def member(self, owner: Any, name: str) -> Any:
        """The member of an object that a path goes through."""

    @abstractmethod
    def item(self, owner: Any, key: Any) -> Any:
        """The item of an object that a path goes through."""

    @abstractmethod
    def call(self, target: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
        """What a call gives."""

    @abstractmethod
    def value(self, target: Any) -> Any:
        """The value of what a path ends at; asks the instrument if it must."""

    @abstractmethod
    def assign(self, owner: Any, name: str, value: Any) -> None:
        """Set a member to a value.

        Raises:
            AttributeError: there is none that can be set.
        """

    @abstractmethod
    def assign_item(self, owner: Any, key: Any, value: Any) -> None:
        """Set an item to a value.

        Raises:
            TypeError: it cannot be set.
        """


@lru_cache(1024)
def parsed(text: str) -> tuple[ast.stmt, ...]:
    """The steps of a text, checked.

    Raises:
        ValueError: says what is no step.
    """
    if len(text) > LONGEST:
        raise ValueError(f"{text[:40]!r}… is longer than {LONGEST} letters")
    try:
        steps = tuple(ast.parse(text.strip()).body)
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"{text!r}: {getattr(error, 'msg', 'too deep')}") from None
    if not steps:
        raise ValueError("is empty")
    try:
        for step in steps:
            _check(step, text)
    except RecursionError:
        raise ValueError(f"{text[:40]!r}…: too deep") from None
    return steps


def asks(text: str) -> bool:
    """Whether the last step gives a value."""
    return isinstance(parsed(text)[-1], ast.Expr)


def texts_in_calls(text: str) -> bool:
    """Whether a call is given text: what a method makes of it, such as a file or a library, nobody knows.

    `write('…')` and `ask('…')` of the driver itself send it to the instrument, as any station file may.
    """
    for step in parsed(text):
        for node in ast.walk(step):
            if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in SENDING):
                given = [*node.args, *(named.value for named in node.keywords)]
                if any(
                    isinstance(one, ast.Constant) and isinstance(one.value, str | bytes)
                    for each in given
                    for one in ast.walk(each)
                ):
                    return True
    return False


def run(text: str, device: Reached) -> Any:
    """Do the steps, one after the other.

    Returns:
        The value of the last one; None if it gives none.

    Raises:
        ValueError: the text is no steps. Whatever the driver raises.
    """
    value = None
    for step in parsed(text):
        value = None
        match step:
            case ast.Assign(targets=[ast.Attribute(value=owner, attr=name)], value=given):
                device.assign(_reach(owner, device), name, ast.literal_eval(given))
            case ast.Assign(targets=[ast.Name(id=name)], value=given):
                device.assign(device.root(), name, ast.literal_eval(given))
            case ast.Assign(targets=[ast.Subscript(value=owner, slice=key)], value=given):
                device.assign_item(_reach(owner, device), ast.literal_eval(key), ast.literal_eval(given))
            case ast.Expr(value=target):
                value = device.value(_reach(target, device))
    return value


def _reach(node: ast.expr, device: Reached) -> Any:
    match node:
        case ast.Name(id=name):
            return device.member(device.root(), name)
        case ast.Attribute(value=owner, attr=name):
            return device.member(_reach(owner, device), name)
        case ast.Subscript(value=owner, slice=key):
            return device.item(_reach(owner, device), ast.literal_eval(key))
        case ast.Call(func=target, args=given, keywords=named):
            arguments = [ast.literal_eval(one) for one in given]
            return device.call(_reach(target, device), arguments, {str(one.arg): ast.literal_eval(one.value) for one in named})
    raise AssertionError(node)


def _check(step: ast.stmt, text: str) -> None:
    match step:
        case ast.Assign(targets=[ast.Attribute() | ast.Name() | ast.Subscript() as target], value=value):
            _check_path(target, text)
            _literal(value, text)
        case ast.Expr(value=value):
            _check_path(value, text)
        case _:
            raise _wrong(step, text)


def _check_path(node: ast.expr, text: str) -> None:
    match node:
        case ast.Name(id=name):
            _public(name, text)
        case ast.Attribute(value=owner, attr=name):
            _public(name, text)
            _check_path(owner, text)
        case ast.Subscript(value=owner, slice=ast.Constant()):
            _check_path(owner, text)
        case ast.Call(func=ast.Name() | ast.Attribute() as target, args=given, keywords=named) if all(
            one.arg for one in named
        ):
            _check_path(target, text)
            for value in (*given, *(one.value for one in named)):
                _literal(value, text)
        case _:
            raise _wrong(node, text)


def _public(name: str, text: str) -> None:
    if name.startswith("_"):
        raise ValueError(f"{text!r}: {name} is private; name what the driver offers")


def _literal(node: ast.expr, text: str) -> None:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise _wrong(node, text) from None


def _wrong(node: ast.AST, text: str) -> ValueError:
    return ValueError(
        f"{text!r}: {ast.unparse(node)!r} is no step: write path = value, path, or path(values), separated by ';', "
        "with values such as 0.5, True or 'text'"
    )
