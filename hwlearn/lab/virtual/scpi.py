"""A small SCPI instrument: lines in, answers out, an error queue, one asyncio connection handler."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

from hwlearn.errors import HwlearnError
from hwlearn.lab.virtual.faults import GARBAGE, Faults
from hwlearn.lab.virtual.model import BenchModel

_OPTIONAL = {"LEV", "IMM", "AMPL"}


class ScpiError(Exception):
    """What goes into the error queue: number and text."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f'{number},"{text}"')


@dataclass(frozen=True)
class Command:
    """One command, normalised.

    Attributes:
        header: short form without colon at the start, without channel suffixes, LEV, IMM and AMPL; with its "?".
        suffixes: numbers at the ends of the mnemonics, "SOUR2" gives 2.
        arguments: comma-separated, quotes removed; without the channel list.
        channels: of "(@…)", ranges expanded; empty without one.
    """

    header: str
    suffixes: tuple[int, ...]
    arguments: tuple[str, ...]
    channels: tuple[str, ...]

    @property
    def word(self) -> str:
        """The only argument, in upper case."""
        if len(self.arguments) != 1:
            raise ScpiError(-109, "Missing parameter")
        return self.arguments[0].upper()

    @property
    def number(self) -> float:
        """The first argument as a finite number."""
        if not self.arguments:
            raise ScpiError(-109, "Missing parameter")
        return finite(self.arguments[0])

    @property
    def flag(self) -> bool:
        """The only argument as ON or OFF."""
        if self.word not in ("0", "1", "ON", "OFF"):
            raise ScpiError(-224, "Illegal parameter value")
        return self.word in ("1", "ON")


def finite(text: str) -> float:
    """A finite number.

    Raises:
        ScpiError: it is none.
    """
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text.strip()):
        raise ScpiError(-121, "Invalid character in number")
    return float(text)


def headers(text: str) -> frozenset[str]:
    """Headers, separated by spaces."""
    return frozenset(text.split())


def short(mnemonic: str) -> str:
    """SCPI's short form: four letters, three if the fourth is a vowel."""
    if len(mnemonic) <= 4:
        return mnemonic
    return mnemonic[:3] if mnemonic[3] in "AEIOU" else mnemonic[:4]


def expand(text: str) -> tuple[str, ...]:
    """The channels of "@101,103:105"."""
    channels: list[str] = []
    for part in text.strip().removeprefix("@").split(","):
        first, colon, last = part.strip().partition(":")
        if not first.isdigit() or (colon and not last.isdigit()):
            raise ScpiError(-221, "Invalid channel list")
        channels += map(str, range(int(first), int(last or first) + 1))
    return tuple(channels)


def split(text: str, at: str) -> list[str]:
    """`text` split at a character outside quotes and parentheses."""
    parts, quote, depth = [""], "", 0
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        if letter == at and not quote and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def parse(text: str, path: list[str]) -> tuple[Command, list[str]]:
    """The command, and the path that the next one of the same message continues (SCPI-99, 6.2.4)."""
    head, _, rest = text.strip().partition(" ")
    head = head.upper()
    arguments: list[str] = []
    channels: tuple[str, ...] = ()
    for part in split(rest, ",") if rest.strip() else []:
        if part.startswith("(@"):
            channels = expand(part[1:-1])
        else:
            arguments.append(part[1:-1] if part[:1] in "\"'" and part[-1:] == part[:1] and len(part) > 1 else part)
    if head.startswith("*"):
        return Command(head, (), tuple(arguments), channels), path
    full = head[1:].split(":") if head.startswith(":") else [*path, *head.split(":")]
    query = full[-1].endswith("?")
    names, suffixes = [], []
    for word in (*full[:-1], full[-1].removesuffix("?")):
        match = re.fullmatch(r"([A-Z]+)(\d*)", word)
        if not match:
            raise ScpiError(-113, "Undefined header")
        names.append(short(match[1]))
        if match[2]:
            suffixes.append(int(match[2]))
    kept = [name for k, name in enumerate(names) if k == 0 or name not in _OPTIONAL]
    return Command(":".join(kept) + "?" * query, tuple(suffixes), tuple(arguments), channels), full[:-1]


def mode(header: str, known: Collection[str]) -> str | None:
    """The one of some modes that a header sets or asks for; STAT may be left out of it, SENS and DC too."""
    plain = header.removesuffix("?").removeprefix("SENS:").replace("VOLT:DC", "VOLT")
    return next((key for key in (plain, plain.removesuffix(":STAT")) if key in known), None)


def _entry(error: ScpiError | HwlearnError) -> str:
    """The error as the queue has it."""
    return str(error) if isinstance(error, ScpiError) else f'-200,"Execution error: {str(error).replace(";", ",")}"'


class ScpiInstrument:
    """One instrument of the virtual bench; subclasses answer in `command`.

    Args:
        name: the instrument's name in the station file; its channels are "name:channel" in the model.
    """

    identity = "HWLEARN,VIRTUAL,0,1.0"
    no_error = '0,"No error"'
    ignored: frozenset[str] = frozenset()
    """Settings that are accepted and change nothing here."""
    usual: Mapping[str, str] = MappingProxyType({})
    """Modes that are remembered and can be asked for, see `mode`, and what they are at power-up."""
    language = "SCPI"
    """What `*LANG?` tells, of those that have more than one; in another one, no SCPI command is understood."""
    drops_rest = False
    """Whether what follows a refused command in the same message is ignored, queries too (2400 manual, 14-12)."""

    def __init__(self, name: str, model: BenchModel) -> None:
        self.name, self.model = name, model
        self.faults = Faults()
        self.end = b"\n"
        """Of a line, both ways."""
        self.lines: list[str] = []
        """The last messages received, for tests."""
        self.modes: dict[tuple[str, str], str] = {}
        """(mode, channel or "" for all) → what it was set to."""
        self._errors: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def place(self, channel: object) -> str:
        """The channel's name in the model."""
        return f"{self.name}:{channel}"

    def command(self, command: Command) -> str | None:
        """Carry out one command; the answer of a query.

        Raises:
            ScpiError: goes into the error queue.
        """
        if command.header in self.ignored:
            return None
        raise ScpiError(-113, "Undefined header")

    def in_mode(self, key: str, channel: str = "") -> bool:
        """Whether a mode is another than usual."""
        return self.modes.get((key, channel), self.modes.get((key, ""), self.usual[key])) != self.usual[key]

    def _remember(self, key: str, command: Command) -> str | None:
        """Remember a mode, or tell it."""
        where = command.channels or tuple(map(str, command.suffixes[:1])) or ("",)
        if command.header.endswith("?"):
            of = [self.modes.get((key, channel), self.modes.get((key, ""), self.usual[key])) for channel in where]
            return ",".join(of)
        word = {"ON": "1", "OFF": "0"}.get(command.word, command.word)
        if where == ("",):
            self.modes = {at: value for at, value in self.modes.items() if at[0] != key}
        self.modes.update({(key, channel): word for channel in where})
        return None

    def received(self) -> None:
        """A message came; a watchdog counts from here."""

    def unheard(self) -> None:
        """The answer to the last message was lost: whoever asked does not know whether it was done."""

    def closing(self) -> None:
        """The bench ends: cancel timers."""

    def answer(self, line: str) -> str | None:
        """The answer to one message, its commands joined by ';'."""
        self.lines = [*self.lines[-99:], line]
        self.received()
        answers, path = [], list[str]()
        for text in split(line, ";"):
            if not text:
                continue
            try:
                command, path = parse(text, path)
                if self.language != "SCPI" and not text.startswith("*"):
                    raise ScpiError(-285, "TSP Syntax error")
                answer = self._common(command)
            except (ScpiError, HwlearnError) as error:
                self._errors.append(_entry(error))
                if self.drops_rest:
                    break
            else:
                if answer is not None:
                    answers.append(answer)
        return ";".join(answers) if answers else None

    def _common(self, command: Command) -> str | None:
        common: dict[str, Callable[[], str | None]] = {
            "*IDN?": lambda: self.identity,
            "*OPC?": lambda: "1",
            "*CLS": self._errors.clear,
            "*WAI": lambda: None,
            "SYST:ERR?": lambda: self._errors.pop(0) if self._errors else self.no_error,
            "SYST:ERR:NEXT?": lambda: self._errors.pop(0) if self._errors else self.no_error,
        }
        if command.header in common:
            return common[command.header]()
        key = mode(command.header, self.usual)
        return self.command(command) if key is None else self._remember(key, command)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, hangs_up: bool = True) -> None:
        """One connection, until either side closes it; a serial line cannot hang up, it only loses the answer."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                line = await reader.readuntil(self.end)
                answer = self.answer(line.decode("latin1").strip())
                if answer is not None and not await self._send(writer, answer.encode() + self.end) and hangs_up:
                    break
        except (ConnectionError, EOFError, asyncio.CancelledError, asyncio.LimitOverrunError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _send(self, writer: asyncio.StreamWriter, answer: bytes) -> bool:
        """Send an answer, or what a fault makes of it; False after one that ends the connection."""
        fault = self.faults.transport()
        if fault in ("mute", "drop"):
            self.unheard()
        if fault == "mute":
            return True
        if fault == "drop":
            return False
        if fault == "late":
            await asyncio.sleep(self.faults.late)
        cut = answer[: len(answer) // 2] if fault == "half" else GARBAGE if fault == "garbage" else answer
        writer.write(cut)
        await writer.drain()
        return fault != "half"

    async def stop(self) -> None:
        """End all connections."""
        self.closing()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
