"""The SCPI core: lines out of bytes, commands out of lines, an error queue. Whatever comes, memory stays bounded."""

LONGEST = 1024
"""Bytes of a line."""
QUEUE = 16
"""Entries of the error queue."""
LARGEST = 1e30
"""From here on a number is none."""

TEXTS = {
    0: "No error",
    -102: "Syntax error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -115: "Unexpected number of parameters",
    -121: "Invalid character in number",
    -221: "Settings conflict",
    -222: "Data out of range",
    -240: "Hardware error",
    -350: "Queue overflow",
    -363: "Input buffer overrun",
}


class Refused(Exception):
    """What goes into the error queue: its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Receiver:
    """Lines out of bytes. A line that is too long is thrown away to its end: its tail is no command."""

    def __init__(self) -> None:
        self._bytes = bytearray(LONGEST)
        self._count = 0

    def feed(self, byte: int) -> bytes | None:
        """The line that this byte ends, without its end.

        Raises:
            Refused: -363, the line was too long.
        """
        if byte != 10:
            if self._count < LONGEST:
                self._bytes[self._count] = byte
            if self._count <= LONGEST:
                self._count += 1
            return None
        count, self._count = self._count, 0
        if count > LONGEST:
            raise Refused(-363)
        return bytes(self._bytes[:count])


class Interpreter:
    """Carries out lines.

    Args:
        commands: header → function of (values, channels), the answer of a query or None. A header ends with "?" if it asks.
    """

    def __init__(self, identity: str, commands: dict) -> None:  # type: ignore[type-arg]
        self.errors: list[int] = []
        self.commands = {
            "*IDN?": lambda values, channels: identity,
            "*OPC?": lambda values, channels: "1",
            "*CLS": self._clear,
            "SYST:ERR?": self._oldest,
            "SYST:ERR:NEXT?": self._oldest,
        }
        self.commands.update(commands)

    def fail(self, number: int) -> None:
        """An entry for the error queue; the last one says that it was full."""
        if len(self.errors) < QUEUE:
            self.errors.append(number)
        else:
            self.errors[-1] = -350

    def line(self, line: bytes) -> str | None:
        """The answers of a line, joined by ';'. What is refused goes into the queue, and the rest is carried out."""
        if any(byte > 126 or (byte < 32 and byte not in (9, 13)) for byte in line):
            self.fail(-102)
            return None
        answers = []
        for unit in line.decode().split(";"):
            if not unit.strip():
                continue
            try:
                answer = self._unit(unit)
            except Refused as refused:
                self.fail(refused.number)
            except OSError:  # a chip does not answer on its bus
                self.fail(-240)
            else:
                if answer is not None:
                    answers.append(answer)
        return ";".join(answers) if answers else None

    def _unit(self, unit: str) -> str | None:
        words = unit.split(None, 1)
        head = words[0].upper()
        command = self.commands.get(head[1:] if head.startswith(":") else head)
        if command is None:
            raise Refused(-113)
        values, channels = arguments(words[1] if len(words) > 1 else "")
        return command(values, channels)

    def _clear(self, values: list[str], channels: list[int]) -> None:
        self.errors = []

    def _oldest(self, values: list[str], channels: list[int]) -> str:
        number = self.errors.pop(0) if self.errors else 0
        return f'{number},"{TEXTS[number]}"'


def arguments(text: str) -> tuple[list[str], list[int]]:
    """(values, channels) of "1,2,(@201,202)"."""
    start = text.find("(")
    channels = []
    if start >= 0:
        inside = text[start:].strip()
        if not (inside.startswith("(@") and inside.endswith(")")):
            raise Refused(-102)
        channels = [integer(part) for part in inside[2:-1].split(",")]
        text = text[:start].strip()
        if text:
            if not text.endswith(","):
                raise Refused(-102)
            text = text[:-1]
    return ([part.strip() for part in text.split(",")] if text else []), channels


def integer(text: str) -> int:
    """An integer from 0."""
    text = text.strip()
    if not text or len(text) > 9 or any(letter not in "0123456789" for letter in text):
        raise Refused(-121)
    return int(text)


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text) if all(letter in "+-.0123456789eE" for letter in text) else None
    except ValueError:
        value = None
    if value is None:
        raise Refused(-121)
    if not -LARGEST < value < LARGEST:
        raise Refused(-222)
    return value


def only(values: list[str]) -> str:
    """The only value."""
    if not values:
        raise Refused(-109)
    if len(values) > 1:
        raise Refused(-108)
    return values[0]
