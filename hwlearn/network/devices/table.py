"""`IVTable`: a two-terminal device whose current was measured at some voltages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import DeviceError
from hwlearn.network.devices.device import ElementDevice
from hwlearn.network.devices.expressions import exactly, shape, summed
from hwlearn.network.devices.law import Branch, Law, Limiter
from hwlearn.network.devices.netlist import Card, Names, NetlistAround, OtherModel
from hwlearn.network.devices.points import read_points

if TYPE_CHECKING:
    from os import PathLike

    from hwlearn.network.edges import Element

_NUMBER = r"\(([^()]*)\)"
_OVER = rf"\(v\([^()]*\)-{_NUMBER}\)"
_PIECE = re.compile(rf"{_NUMBER}\+{_OVER}\*\({_NUMBER}\+{_OVER}\*\({_NUMBER}\+{_OVER}\*{_NUMBER}\)\)")
"""i₀, v₀, slope, v₀, second and v₀, third coefficient."""

LISTED = 1e-8
"""What currents of pieces may be off, relative to the largest, for numbers that somebody rounded."""


class TableLaw(Law):
    """Monotone cubics between points (Fritsch and Butland 1984), straight on beyond the first and the last.

    Args:
        starts: (D, K + 1) V, where each piece is counted from; the first point's twice.
        coefficients: (D, 4 (K + 1)), those of d⁰ of all pieces, then of d¹, d², d³, with d in V.
    """

    def __init__(self, starts: Array, coefficients: Array) -> None:
        self._starts, self._coefficients = starts, coefficients.reshape(len(starts), 4, -1)
        self.scale = np.diff(starts[:, 1:]).min(axis=1)
        self._steepest = self._steepest_places()

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        del given
        drops, device = volts[0], np.arange(len(self._starts))[:, None]
        piece = np.stack([np.searchsorted(knots[1:], row, "right") for knots, row in zip(self._starts, drops, strict=True)])
        d = drops - self._starts[device, piece]
        one, two, three, four = (self._coefficients[device, power, piece] for power in range(4))
        return one + d * (two + d * (three + d * four)), (two + d * (2 * three + d * 3 * four),)

    def limiter(self, typical: float) -> Limiter:
        """A step ends at the steepest place that it would pass, if that is steeper than where it begins and ends.

        From the steepest place on the way, a tangent never passes the solution of one device beside conductances. From a
        flat place before a steep one, it lands in the flat one behind, and comes back.
        """
        del typical

        def limit(before: Array, after: Array) -> None:
            places = self._steepest[:, :, None]
            (slopes,) = self.currents(np.array(np.nan), self._steepest[None])[1]
            low, high = np.minimum(before, after)[0, :, None], np.maximum(before, after)[0, :, None]
            passed = (places > low) & (places < high)
            on_the_way = np.where(passed, slopes[:, :, None], -np.inf)
            chosen = on_the_way.argmax(axis=1)[:, None]
            most = np.take_along_axis(on_the_way, chosen, 1)[:, 0]
            ends = np.maximum(*(self.currents(np.array(np.nan), volts)[1][0] for volts in (before, after)))
            np.copyto(after[0], np.take_along_axis(self._steepest, chosen[:, 0], 1), where=most > ends)

        return limit

    def _steepest_places(self) -> Array:
        """(D, 2 K + 1) V: the points, and where the slope of a piece has its own largest value, if it has."""
        knots, (_, _, three, four) = self._starts[:, 1:], np.moveaxis(self._coefficients, 1, 0)
        peak = np.where(four < 0, three / np.where(four < 0, -3 * four, 1.0), -1.0)
        widths = np.pad(np.diff(knots), ((0, 0), (1, 1)))
        inside = (peak > 0) & (peak < widths)
        return np.hstack((knots, self._starts + np.where(inside, peak, 0.0)))


@dataclass(frozen=True)
class IVTable(ElementDevice):
    """A device that conducts as it was measured, with monotone cubics between the points and straight lines beyond them.

    The slopes at the points are those of scipy's `PchipInterpolator`. The current need not be 0 at 0 V: a solar cell's is not.

    Attributes:
        volts: (K,) V from the first to the second node, rising; two points or more.
        amperes: (K,) A into the first node; never falling, or the circuit could have several answers.
    """

    volts: tuple[float, ...]
    amperes: tuple[float, ...]

    word: ClassVar = "table"
    letter: ClassVar = "b"
    terminals: ClassVar = ("plus", "minus")
    branches: ClassVar = (Branch("plus", "minus", TableLaw, ("starts", "coefficients")),)
    passive: ClassVar = False

    @classmethod
    def from_csv(cls, name: str, nodes: tuple[str, str], path: str | PathLike[str]) -> Self:
        """Of a file with volts and amperes in its first two columns, in any order of the points.

        Raises:
            DeviceError: names file and line: no such file, no number; names the points: measured twice, falling.
        """
        points = sorted(read_points(path))
        device = cls(name, nodes, tuple(volts for volts, _ in points), tuple(amperes for _, amperes in points))
        try:
            device.check()
        except DeviceError as error:
            raise DeviceError(f"{path}: {error}") from None
        return device

    def check(self) -> None:
        if len(self.volts) != len(self.amperes) or len(self.volts) < 2:
            raise DeviceError(f"{len(self.volts)} volts and {len(self.amperes)} amperes; it needs as many, and two or more")
        if not np.isfinite([self.volts, self.amperes]).all():
            raise DeviceError("all volts and amperes must be finite")
        points = list(zip(self.volts, self.amperes, strict=True))
        for (below, less), (above, more) in pairwise(points):
            if above == below:
                raise DeviceError(f"two currents at {below:g} V: {less:g} and {more:g} A; take their mean")
            if above < below:
                raise DeviceError(f"{above:g} V comes after {below:g} V; volts must rise")
            if more < less:
                raise DeviceError(
                    f"the current falls from {less:g} A at {below:g} V to {more:g} A at {above:g} V; it must not, or the "
                    "circuit could have several answers: smooth the points, or use ngspice"
                )

    @cached_property
    def _pieces(self) -> Array:
        """(K + 1, 5): start of each piece, and its coefficients."""
        from scipy.interpolate import PchipInterpolator

        x, y = np.array(self.volts), np.array(self.amperes)
        s = PchipInterpolator(x, y).derivative()(x)
        h, rise = np.diff(x), np.diff(y) / np.diff(x)
        square, cube = (3 * rise - 2 * s[:-1] - s[1:]) / h, (s[:-1] + s[1:] - 2 * rise) / h**2
        points = np.stack((x, y, s), axis=1)
        bends = np.pad(np.stack((square, cube), axis=1), ((1, 1), (0, 0)))
        return np.hstack((np.vstack((points[:1], points)), bends))

    @property
    def starts(self) -> Array:
        """(K + 1,) V, for `TableLaw`."""
        return self._pieces[:, 0]

    @property
    def coefficients(self) -> Array:
        """(4 (K + 1),), for `TableLaw`."""
        return self._pieces[:, 1:].T.ravel()

    def element(self) -> Element:
        """The device for `Network.from_edges(elements=…)`."""
        from hwlearn.network.edges import Element

        self.check()
        nodes = tuple(node.lower() for node in self.nodes)
        (card,) = self.cards(Names(self.name.lower(), nodes, lambda letter, wanted: f"{letter}{wanted}"))
        return Element(self.name, card, self.nodes, "a table")

    def cards(self, names: Names) -> list[str]:
        return [f"{names.card} {' '.join(names.nodes)} i={_expression(self._pieces.tolist(), names.nodes)}"]

    @classmethod
    def read(cls, card: Card, netlist: NetlistAround) -> Self:
        text = "".join("".join(card.rest).split())
        pieces = [list(map(summed, words)) for words in _PIECE.findall(text)]
        if len(pieces) < 3 or not text.startswith("i="):
            raise OtherModel("it is no table of currents")
        y, x, *_ = zip(*pieces[1:], strict=True)
        device = cls(card.name, card.nodes, x, y)
        device.check()
        nodes = tuple(node.lower() for node in card.nodes)
        if shape(_expression(device._pieces.tolist(), nodes)) != shape(text[2:]):
            raise OtherModel("it is no table of currents")
        given = np.array(pieces)[:, [1, 0, 2, 4, 6]]
        width = np.diff(x)[[0, *range(len(x) - 1), -1]]
        for part in (0.5, 1.0):
            off = np.abs(_at(given, part * width) - _at(device._pieces, part * width))
            if off.max() > LISTED * np.abs(y).max():
                raise OtherModel("its pieces are not the monotone cubics of a table")
        return device


def _at(pieces: Array, d: Array) -> Array:
    """Current of each piece, d (K + 1,) V after its start."""
    _, one, two, three, four = pieces.T
    return one + d * (two + d * (three + d * four))


def _expression(pieces: list[list[float]], nodes: tuple[str, ...]) -> str:
    """The pieces as ngspice gets them: halves of the range, halved again, so that few comparisons find one."""
    volts = f"v({','.join(nodes)})"

    def half(low: int, high: int) -> str:
        if high - low == 1:
            start, one, two, three, four = map(exactly, pieces[low])
            over = f"({volts}-{start})"
            return f"({one}+{over}*({two}+{over}*({three}+{over}*{four})))"
        middle = (low + high) // 2
        return f"({volts}<{exactly(pieces[middle][0])}?{half(low, middle)}:{half(middle, high)})"

    return half(0, len(pieces))
