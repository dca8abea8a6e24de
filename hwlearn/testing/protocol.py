"""`expected_protocol`: a SCPI driver by the exact lines that it sends and receives, with nothing left over::

with expected_protocol(MyDac, (":VOLT 1.5;:VOLT?", "1.5"), (":OUTP OFF", None)) as dac:
    assert dac.set({"1": 1.5}) == {"1": 1.5}
    dac.zero(["1"])

What must be heard whatever was refused before travels alone: `Alone(":OUTP OFF")`, `Alone(":OUTP?", "0")`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from hwlearn.lab.instruments.scpi.instrument import ScpiInstrument
from hwlearn.lab.instruments.scpi.session import QUEUE, Session

Driver = TypeVar("Driver", bound=ScpiInstrument)
FINE = '0,"No error"'


class Alone(NamedTuple):
    """A message without the question for the error queue, and its answer, if it has one."""

    sent: str
    answer: str | None = None


@contextmanager
def expected_protocol(
    driver: type[Driver], *exchanges: tuple[str, str | None] | Alone, identity: str = "MAKER,MODEL,1,1.0", name: str = "x"
) -> Iterator[Driver]:
    """An instrument that answers the given lines in their order, and nothing else.

    Args:
        driver: of SCPI. Making it sends nothing but `*IDN?`.
        exchanges: what is sent, and the answer; None stands for a setting, which is sent with `;*OPC?` and acknowledged. The
            question for the error queue, which goes with each message, and its answer are added here.
        identity: the answer to `*IDN?`. name: of the instrument, for errors.

    Raises:
        AssertionError: another line was sent, or one of these was not.
    """
    lines = [_line(exchange) for exchange in exchanges]
    wire = _Script([("*IDN?", identity), *lines])
    instrument = driver(Session("SCRIPT", name=name, wire=wire))
    assert len(wire.left) == len(lines), f"making a {driver.__name__} sends something"
    yield instrument
    assert not wire.left, f"not sent: {[sent for sent, _ in wire.left]}"


def _line(exchange: tuple[str, str | None] | Alone) -> tuple[str, str | None]:
    """What goes over the wire, and comes back."""
    sent, answer = exchange
    if isinstance(exchange, Alone):
        return sent, answer
    if answer is None:
        sent, answer = f"{sent};*OPC?", "1"
    return f"{sent};{QUEUE}", f"{answer};{FINE}"


class _Script:
    """Carries the lines of a script."""

    serial = False

    def __init__(self, lines: list[tuple[str, str | None]]) -> None:
        self.left, self._answer = lines, list[str]()

    def open(self) -> None:
        """There is nothing to open."""

    def clear(self) -> None:
        """Nothing is left over."""

    def close(self) -> None:
        """There is nothing to close."""

    def identified(self, identity: str) -> None:
        """Nobody else has it."""

    def reopen(self) -> None:
        """Only after an answer that the driver does not understand."""
        raise AssertionError("the driver does not understand the answer of its last message")

    def write(self, message: str, timeout: float) -> None:
        """The next line of the script."""
        assert self.left, f"one too many: {message!r}"
        sent, answer = self.left.pop(0)
        assert message == sent
        if answer is not None:
            self._answer.append(answer)

    def read(self, timeout: float) -> str:
        """Its answer."""
        assert self._answer, "reads what nobody asked for"
        return self._answer.pop()
