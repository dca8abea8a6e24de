"""What ngspice lists of a netlist must be what it simulates: some of it is lost or rewritten when a netlist is expanded.

Both are solved in the child, the netlist as it was written and the cards that are kept, and their node voltages compared.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hwlearn.errors import NetlistError, SimulationError
from hwlearn.netlist.cards import kind_of
from hwlearn.netlist.expanded import Expanded
from hwlearn.netlist.meant import HOLDS_PARAMETERS
from hwlearn.netlist.source import NetlistSource
from hwlearn.spice.apart import apart
from hwlearn.spice.dialects import whole
from hwlearn.spice.messages import failures
from hwlearn.spice.session import session
from hwlearn.spice.workplace import has_commands

if TYPE_CHECKING:
    from hwlearn.arrays import Array
    from hwlearn.spice.shared import Shared

SAME = 1e-6
"""Largest difference of a node voltage, relative to the largest one: both are solved by the same steps."""

_RANDOM = re.compile(r"\b(a?gauss|a?unif|limit|sgauss|sunif|poisson|exponential)\s*\(", re.IGNORECASE)
"""Another number each time: what was drawn when the netlist was expanded stays."""

_RSHUNT = re.compile(r"\brshunt\b(\s*=\s*(\{[^}]*\}|'[^']*'|\S+))?", re.IGNORECASE)

LEAST = 1e-9
"""Volts that do not matter."""


class Unlike(NamedTuple):
    """The node where two decks differ most, and its voltages [V]."""

    node: str
    written: float
    kept: float


def check_faithful(written: NetlistSource, meant: NetlistSource, expanded: Expanded, dialect: str) -> None:
    """Refuse a netlist of which the expansion lost something that matters.

    Nothing is said where ngspice finds no operating point, nor of resistors and sources alone, which have numbers.

    Args:
        written: as it was read; the one that is compared, if ngspice reads it. Of a comma between its parameters ngspice
            would not end.
        meant: in ngspice's words.
        expanded: what is kept of it.

    Raises:
        NetlistError: names the node.
    """
    plain = all(kind_of(card.name) in "rvi" for card in expanded.cards) and not expanded.directives
    if plain or has_commands(written.deck):
        return
    if any(_RANDOM.search(line.text) for line in written.lines):
        return  # `check_parameters` has compared what was drawn
    nodes = sorted({node for card in expanded.cards for node in card.nodes} - {"0", "gnd"})
    kept = ["kept", *(card.text for card in expanded.cards), *expanded.directives, ".end"]
    for source in (written, meant) if _parameters(written) == _parameters(meant) else (meant,):
        with suppress(SimulationError):  # the child's death, too
            unlike = apart(compared, list(map(_without_shunts, source.deck)), kept, nodes, dialect)
            if unlike is not None:
                raise NetlistError(
                    f"node {unlike.node} is at {unlike.written:.6g} V in this netlist, but at {unlike.kept:.6g} V in what "
                    "ngspice lists of it: something is lost when it is expanded, such as an option or a parameter that is not "
                    "a number; write the numbers themselves",
                    written.title.file,
                )
            return


def _without_shunts(text: str) -> str:
    """A card without the option that adds a resistor to each node, which is left out with a warning."""
    return _RSHUNT.sub("", text) if text[:4].lower() == ".opt" else text


def _parameters(source: NetlistSource) -> list[str]:
    return [line.text for line in source.lines if line.text.lower().startswith(HOLDS_PARAMETERS)]


def compared(written: list[str], kept: list[str], nodes: list[str], dialect: str) -> Unlike | None:
    """Where two decks differ most at their operating points; None if they are the same.

    Raises:
        SimulationError: one of them cannot be read or solved.
    """
    one, two = _solved(written, nodes, whole(dialect)), _solved(kept, nodes, dialect)
    both = np.isfinite(one) & np.isfinite(two)
    off = np.where(both, np.abs(one - two), 0.0)
    if not len(off) or off.max() <= SAME * np.abs(one[both]).max(initial=0.0) + LEAST:
        return None
    worst = int(off.argmax())
    return Unlike(nodes[worst], float(one[worst]), float(two[worst]))


def _solved(lines: list[str], nodes: list[str], dialect: str) -> Array:
    """Voltages of nodes at the operating point; NaN for those that are not there."""
    deck = object()

    def load(shared: Shared) -> Array:
        here = session()
        here.add(shared, deck, lines, dialect)
        try:
            shared.command("op")
            if bad := failures(shared.messages[1], nonlinear=True):
                raise SimulationError(bad[0], bad)
            found = np.full(len(nodes), np.nan)
            for k, node in enumerate(nodes):
                with suppress(SimulationError):
                    found[k] = shared.vectors([node.encode()], 1)[0, 0]
            shared.command("destroy all")
            return found
        finally:
            here.remove(shared, deck)

    return session().run(load)
