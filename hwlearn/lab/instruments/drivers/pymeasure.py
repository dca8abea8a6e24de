"""Driver of whatever PyMeasure has a driver for: attributes and methods, `[instrument.X.pymeasure]`."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import Any

from hwlearn.lab.instruments.foreign.instrument import ForeignInstrument
from hwlearn.lab.instruments.foreign.modules import named_class, needed
from hwlearn.lab.instruments.scpi.visa import ENDS, at_once
from hwlearn.lab.instruments.settings import InstrumentTable, Setup


class Pymeasure(ForeignInstrument):
    """A PyMeasure instrument. A path ends at an attribute, which is set or got, or at a method, which is called."""

    model = "PyMeasure instrument"
    library, own = "pymeasure", "pymeasure.instruments."
    takes = frozenset({"terminator", "baud_rate"})

    def _made(self, setup: Setup) -> Any:
        base = needed("pymeasure.instruments", "pymeasure").Instrument
        kind = named_class(str(self.steps.class_), setup.folder)
        if not issubclass(kind, base):
            raise TypeError(f"{self.steps.class_} is no PyMeasure instrument")
        if setup.resource is None:
            return kind(**self.steps.arguments)
        line = {"visa_library": setup.backend, "timeout": round(1000 * setup.timeout_s), **_line(setup.table)}
        made = kind(setup.resource, **{**line, **self.steps.arguments})
        at_once(made.adapter.connection)
        return made

    def _identified(self) -> str:
        with suppress(NotImplementedError):  # no SCPI
            return str(getattr(self.device, "id", "")) or str(self.device.name)
        return str(self.device.name)

    def _asked(self, question: str) -> str:
        return str(self.device.ask(question))

    def _clear(self) -> None:
        with suppress(NotImplementedError):
            self.device.adapter.flush_read_buffer()

    def _release(self, device: Any) -> None:
        device.adapter.close()

    def assign(self, owner: Any, name: str, value: Any) -> None:
        there = inspect.getattr_static(owner, name, None)  # reading it would ask the instrument
        if not self._known(owner) or not isinstance(there, property) or there.fset is None:
            raise AttributeError(f"{type(owner).__name__} has no {name} that can be set")
        setattr(owner, name, value)


def _line(table: InstrumentTable) -> dict[str, Any]:
    """What the station file says of the line, as PyVISA takes it; the driver knows the rest."""
    given: dict[str, Any] = {}
    if "terminator" in table.model_fields_set:
        given["read_termination"] = given["write_termination"] = ENDS[table.terminator]
    if "baud_rate" in table.model_fields_set:
        given["baud_rate"] = table.baud_rate
    return given
