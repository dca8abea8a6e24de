"""A deck is loaded, solved and unloaded once in a limited child: what kills or holds ngspice there is an error here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from hwlearn.circuits.ngspice.deck import SWEEP
from hwlearn.errors import SimulationError
from hwlearn.network import Network
from hwlearn.spice.apart import DeadError, EndlessError, apart
from hwlearn.spice.session import session

if TYPE_CHECKING:
    from hwlearn.spice.shared import Shared

HARMLESS = frozenset("cldefghk")
"""Letters of elements of which ngspice was never seen to die once their cards were taken."""

_needed = True


@contextmanager
def without_trial() -> Iterator[None]:
    """Inside, no deck is tried: another process has done so."""
    global _needed
    before, _needed = _needed, False
    try:
        yield
    finally:
        _needed = before


def try_deck(network: Network, lines: list[str], fed: Sequence[bytes], *, patient: bool) -> bool:
    """Try the deck of a network with elements that are not harmless.

    Args:
        lines: of the deck.
        fed: names of its external sources.
        patient: whether it must end; else False is returned if it does not, and looser tolerances may help.

    Raises:
        SimulationError: ngspice dies of it, or does not end; names the elements that it may be, with their lines.
    """
    suspects = [element for element in network.elements if element.name[:1].lower() not in HARMLESS]
    if not suspects or not _needed:
        return True
    try:
        apart(load_solve_unload, lines, list(fed), network.dialect)
        return True
    except DeadError as error:
        if isinstance(error, EndlessError) and not patient:
            return False
        shown = "; ".join(f"{element.where}: {element.name}" for element in suspects[:3])
        more = f" and {len(suspects) - 3} more" if len(suspects) > 3 else ""
        raise SimulationError(
            f"{error}. It may be {shown}{more}: replace the element, or use backend exact if it has a law"
        ) from None


def load_solve_unload(lines: list[str], fed: list[bytes], dialect: str) -> None:
    """Find the operating point of a deck, its external sources at 0, and sweep to it; a failure that is told is none here."""

    def work(shared: Shared) -> None:
        deck, here = object(), session()
        with suppress(SimulationError):
            here.add(shared, deck, lines, dialect)
            try:
                if fed:
                    shared.feed(fed, [[0.0] * len(fed)])
                for _ in range(2):  # of some lines, ngspice dies in the second
                    shared.command("op")
                shared.command("stop after 1")
                shared.command(f"dc {SWEEP} 0 1e9 1")  # some circuits have an operating point, and no end of this
                shared.command("delete all")
                shared.command("destroy all")
            finally:
                here.remove(shared, deck)

    session().run(work)
