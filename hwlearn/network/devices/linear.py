"""`LinearForm`: a number plus voltages and currents times numbers, as POLY cards and expressions say it; `LinearLaw`."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import DeviceError
from hwlearn.network.devices.law import Law
from hwlearn.text import GROUND, parse_number

_MEASURED = re.compile(r"\b([vi])\s*\(\s*([^\s,()]+)\s*(?:,\s*([^\s,()]+)\s*)?\)")
_NUMBER = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[a-z]*")
_SPLIT = re.compile(r"[\s(),]+")


class LinearLaw(Law):
    """i = constant + Σ gain v of each control, for gains (D, C) [S] and constants (D,) [A]."""

    def __init__(self, gains: Array, constant: Array) -> None:
        self._gains, self._constant = gains.T[:, :, None], constant[:, None]

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        slopes = [np.broadcast_to(gain, volts.shape[1:]) for gain in self._gains]
        return self._constant + (self._gains * volts).sum(axis=0), slopes


class LinearForm(NamedTuple):
    """constant + Σ gain v(plus, minus) + Σ ratio i(source).

    Attributes:
        volts: ((plus, minus), gain) each.
        currents: (source, ratio) each.
    """

    constant: float = 0.0
    volts: tuple[tuple[tuple[str, str], float], ...] = ()
    currents: tuple[tuple[str, float], ...] = ()


def polynomial(text: str, node: Callable[[str], str] | None) -> LinearForm:
    """What stands behind POLY: `(n)`, n pairs of nodes or n sources, and coefficients.

    Args:
        node: the node that a word is; None if sources control.

    Raises:
        DeviceError: it is not linear, or not understood.
    """
    words = [word for word in _SPLIT.split(text) if word]
    count = int(words[0]) if words and words[0].isdecimal() else 0
    width = (1 if node is None else 2) * count
    controls, rest = words[1 : width + 1], words[width + 1 :]
    found = [parse_number(word) for word in rest]
    coefficients = [number for number in found if number is not None]
    if not count or not rest or len(coefficients) < len(found) or len(controls) < width:
        raise DeviceError("only POLY(n), n controls, then coefficients, is understood")
    if len(coefficients) == count == 1:  # a single coefficient is the linear one
        coefficients.insert(0, 0.0)
    constant, linear, beyond = coefficients[0], coefficients[1 : count + 1], coefficients[count + 1 :]
    if any(beyond):
        raise DeviceError("its POLY has coefficients beyond the linear ones")
    if node is None:
        return LinearForm(constant, (), tuple(zip(controls, linear, strict=False)))
    pairs = [(node(one), node(other)) for one, other in zip(controls[::2], controls[1::2], strict=True)]
    return LinearForm(constant, tuple(zip(pairs, linear, strict=False)))


def expression(text: str, node: Callable[[str], str]) -> LinearForm:
    """A linear expression of `v(node)`, `v(node,node)` and `i(source)`.

    Raises:
        DeviceError: it is not linear, or not understood.
    """
    names: dict[str, tuple[str, ...]] = {}

    def measured(match: re.Match[str]) -> str:
        name = f"measured{len(names)}"
        names[name] = (match[2],) if match[1] == "i" else (node(match[2]), node(match[3]) if match[3] else GROUND)
        return name

    plain = _NUMBER.sub(_as_python, _MEASURED.sub(measured, text.lower().strip("{}' ")))
    try:
        sums = _linear(ast.parse(plain.strip().replace("^", "**"), mode="eval").body, names)
    except (SyntaxError, ArithmeticError, RecursionError, DeviceError):
        raise DeviceError(f"{text!r} is no sum of node voltages and currents of sources times numbers") from None
    found = [(names[name], factor) for name, factor in sums.items() if name]
    volts = tuple(((what[0], what[1]), factor) for what, factor in found if len(what) == 2)
    return LinearForm(sums.get("", 0.0), volts, tuple((what[0], factor) for what, factor in found if len(what) == 1))


def _as_python(match: re.Match[str]) -> str:
    number = parse_number(match[0])
    return match[0] if number is None else repr(number)


def _linear(tree: ast.expr, names: Mapping[str, object]) -> dict[str, float]:
    """Factors by name; "" for the constant.

    Raises:
        DeviceError: it is not linear.
    """
    match tree:
        case ast.Constant(value=int() | float() as number):
            return {"": float(number)}
        case ast.Name(id=name) if name in names:
            return {name: 1.0}
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            return _times(_linear(operand, names), -1.0 if isinstance(sign, ast.USub) else 1.0)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as sign, right=right):
            one, other = _linear(left, names), _times(_linear(right, names), -1.0 if isinstance(sign, ast.Sub) else 1.0)
            return {name: one.get(name, 0.0) + other.get(name, 0.0) for name in {**one, **other}}
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            one, other = _linear(left, names), _linear(right, names)
            return _times(one, other[""]) if other.keys() == {""} else _times(other, _number(one))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _times(_linear(left, names), 1 / _number(_linear(right, names)))
        case ast.BinOp(left=left, op=ast.Pow(), right=right) if not any(isinstance(n, ast.Pow) for n in ast.walk(right)):
            # 2^3^2 is 64 to ngspice and 512 to Python, and brackets are gone by now
            return {"": float(_number(_linear(left, names)) ** _number(_linear(right, names)))}
    raise DeviceError("it is not linear")


def _number(form: Mapping[str, float]) -> float:
    if form.keys() != {""}:
        raise DeviceError("it is not linear")
    return form[""]


def _times(form: Mapping[str, float], factor: float) -> dict[str, float]:
    return {name: number * factor for name, number in form.items()}
