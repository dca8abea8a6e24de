"""`ForeignInstrument`: an instrument that a driver of somebody else speaks to."""

from __future__ import annotations

import contextlib
import io
import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, ClassVar, Self, TypeVar

from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.foreign.object import Object
from hwlearn.lab.instruments.foreign.steps import run, texts_in_calls
from hwlearn.lab.instruments.foreign.tables import Steps
from hwlearn.lab.instruments.foreign.trying import trying
from hwlearn.lab.instruments.foreign.values import switch
from hwlearn.lab.instruments.found import Found, Noted
from hwlearn.lab.instruments.roles import Instrument, Source, Wired, roles_of
from hwlearn.lab.instruments.scpi.holds import Hold
from hwlearn.lab.instruments.scpi.names import canonical, serial_number
from hwlearn.lab.instruments.scpi.text import error_number, number
from hwlearn.lab.instruments.scpi.visa import Broken, Line, Visa
from hwlearn.lab.instruments.settings import InstrumentTable, Setup

log = logging.getLogger(__name__)

T = TypeVar("T")

OF_A_LINE = frozenset(
    {"terminator", "open_delay_s", "baud_rate", "data_bits", "parity", "stop_bits", "flow_control", "terminals"}
)
"""Keys of `[instrument.X]` that a driver of somebody else is not told."""
LONGEST_QUEUE = 50


class ForeignInstrument(Instrument, Object):
    """Does the steps of its table. A refusal names the channels, the key and what was done.

    Attributes:
        own: where the drivers are that come with the library, and need no trust.
        takes: keys of the line that it is told.
        steps: its table.
    """

    own: ClassVar[str]
    takes: ClassVar[frozenset[str]] = frozenset()
    steps: Steps
    _identity = ""
    _suspect = False  # an action failed, and its answer may still come

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._holds: list[Hold] = []
        self._changed: list[Found] = []

    @classmethod
    def table(cls, table: InstrumentTable) -> Steps:
        """Its table.

        Raises:
            ValueError: there is none.
        """
        steps = table.told
        if steps is None or not isinstance(steps, Steps):
            raise ValueError(f'driver = "{table.driver}" needs a table {table.driver}, see docs/howto/adapters.md')
        return steps

    @classmethod
    def fitted(cls, table: InstrumentTable) -> type[Instrument]:
        from hwlearn.lab.instruments.foreign.roles import with_roles

        if wrong := sorted((OF_A_LINE - cls.takes) & table.model_fields_set):
            raise ValueError(
                f"{wrong[0]}: its driver knows its line; leave the key out, or name it in {table.driver}.arguments"
            )
        return with_roles(cls, cls.table(table))

    @classmethod
    def code(cls, table: InstrumentTable) -> str:
        steps = cls.table(table)
        if steps.class_ is not None and not steps.class_.startswith(cls.own):
            return f"{table.driver}.class = {steps.class_!r}"
        given = [one for value in steps.arguments.values() for one in (value if isinstance(value, list) else [value])]
        if texts := [one for one in given if isinstance(one, str)]:
            return f"{table.driver}.arguments: text such as {texts[0]!r} may name files and libraries, which"
        calls = [one for one in steps.steps() if texts_in_calls(one)]
        return f"{table.driver}: {calls[0]!r} gives text to a method, which" if calls else ""

    @classmethod
    def connect(cls, setup: Setup) -> Self:
        made = cls(setup.name)
        made.steps = cls.table(setup.table)
        made.trusted = bool(cls.code(setup.table))
        before = made._watched_before(setup)
        try:
            if setup.resource:
                made._holds.append(Hold(canonical(setup.resource), setup.name, setup.resource, must=setup.must_lock))
            with trying(made, "making its driver"), contextlib.redirect_stdout(io.StringIO()) as said:
                made.device = made._made(setup)
            log.debug("%s: %s", setup.name, said.getvalue().strip())
            with trying(made, "identity"):
                made._identity = made._identified()
            if setup.table.idn not in made._identity:
                raise made.error(
                    f"is {made._identity!r}, and the station file wants {setup.table.idn!r}: check idn and resource"
                )
            if serial := serial_number(made._identity):
                made._holds.append(Hold(serial, setup.name, setup.resource or "", must=setup.must_lock))
            made._changed = [
                Found(f"answered {was!r} to {question} before its driver was made, and {is_!r} afterwards")
                for question, was in before.items()
                if (is_ := made._raw(question)) != was
            ]
            if Source.__name__ in roles_of(type(made)) and not made.steps.watch:
                made._changed.append(
                    Noted("was not asked before its driver was made: whether that changed an output is not known")
                )
            with trying(made, "errors"):
                made._changed += [
                    Found(f"has in its error queue, once its driver is made: {entry}") for entry in made._queue()
                ]
        except BaseException:
            made.close()
            raise
        return made

    def _watched_before(self, setup: Setup) -> dict[str, str]:
        """What the instrument answers before its driver is made; nothing when all that counts is to make it safe."""
        if not (self.steps.watch and setup.must_lock):
            return {}
        if not setup.resource:
            raise self.error("is told to watch, and has no resource: give it its VISA resource name")
        line = Line()
        visa = Visa(setup.resource, name=setup.name, backend=setup.backend, line=line, must_lock=setup.must_lock)
        found = {}
        try:
            visa.open()
            for question in self.steps.watch:
                visa.write(question, setup.timeout_s)
                found[question] = visa.read(setup.timeout_s).strip()
        except Broken as error:
            raise self.error(f"watch: no valid answer to {question!r} ({error}): leave it out") from None
        finally:
            visa.close()
        return found

    # What an adapter says

    @abstractmethod
    def _made(self, setup: Setup) -> Any:
        """The object of somebody else, connected."""

    @abstractmethod
    def _identified(self) -> str:
        """Who it says that it is."""

    @abstractmethod
    def _release(self, device: Any) -> None:
        """Let go of the object, changing nothing."""

    def _clear(self) -> None:  # most lines keep nothing
        """Throw away answers that came too late."""

    def _asked(self, question: str) -> str:
        """The answer to a message of the instrument's own language, through its driver's line."""
        raise self.error(f"cannot be asked {question!r}: its driver sends no text; leave watch and errors out")

    # What roles do

    def _raw(self, question: str) -> str:
        with trying(self, question):
            return self._asked(question).strip()

    def _do(self, key: str, steps: str, channels: Sequence[str] = (), **fields: float | str) -> Any:
        """Fill in the fields and do the steps, once.

        Raises:
            InstrumentError: names channels, key and steps.
        """
        value = self._run(key, steps, channels, **fields)
        self._accepted(key, channels)
        return value

    def _answer(self, key: str, steps: str, parse: Callable[[Any], T], channels: Sequence[str] = ()) -> T:
        """What the last step gives, which `parse` must understand."""
        return self._parsed(key, self._do(key, steps, channels), parse, channels)

    def _answers(self, key: str, steps: str, parse: Callable[[Any], T], channels: Sequence[str]) -> list[T]:
        """What the last step gives for each channel."""
        values = [self._parsed(key, self._run(key, steps, [channel]), parse, [channel]) for channel in channels]
        self._accepted(key, channels)
        return values

    def _run(self, key: str, steps: str, channels: Sequence[str], **fields: float | str) -> Any:
        values = {name: given if isinstance(given, str) else number(given) for name, given in fields.items()}
        filled = steps.format(**{"channel": channels[0] if channels else "", **values})
        with trying(self, f"{_at(channels)}{self.library}.{key}: {filled}"):
            if self._suspect:
                self._clear()
            self._suspect = True
            value = run(filled, self)
            self._suspect = False
        return value

    def _parsed(self, key: str, value: Any, parse: Callable[[Any], T], channels: Sequence[str]) -> T:
        with trying(self, f"{_at(channels)}{self.library}.{key}"):
            return parse(value)

    def _accepted(self, key: str, channels: Sequence[str]) -> None:
        """Make sure that the instrument has done it."""
        with trying(self, f"{_at(channels)}{self.library}.{key}"):
            if entries := self._queue():
                raise self.error(f"refused: {', '.join(entries)}")

    def _off(self, role: str, off: str, asked: str, channel: str) -> None:
        """Switch a channel off, make sure that it is, and try twice."""
        for last in (False, True):
            try:
                self._do(f"{role}.off", off, [channel])
                if not self._answer(f"{role}.off_ask", asked, switch, [channel]):
                    return
                failed = self.error(f"channel {channel}, {self.library}.{role}.off: was told {off!r}, and is still on")
            except InstrumentError as error:
                failed = error
            if last:
                raise failed

    def _queue(self) -> list[str]:
        """The entries of the error queue, which is empty then."""
        entries: list[str] = []
        if self.steps.errors is not None:
            while len(entries) < LONGEST_QUEUE and error_number(entry := self._asked(self.steps.errors).strip()):
                entries.append(entry)
        return entries

    # What every instrument is

    @property
    def identity(self) -> str:
        return self._identity

    def report(self) -> dict[str, Any]:
        return {**super().report(), "driver": self.steps.class_ or "", "library": f"{self.library} {version(self.library)}"}

    def present(self) -> None:
        self._accepted("errors", ())

    def look(self, wired: Wired) -> list[Found]:
        return [*super().look(wired), *self._changed]

    def close(self) -> None:
        device, self.device = self.device, None
        try:
            if device is not None:
                with trying(self, "closing"):
                    self._release(device)
        finally:
            for hold in self._holds:
                hold.release()


def _at(channels: Sequence[str]) -> str:
    return f"channel{'s' * (len(channels) > 1)} {', '.join(channels)}, " if channels else ""
