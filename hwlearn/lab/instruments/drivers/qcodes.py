"""Driver of whatever QCoDeS has a driver for: parameters and methods, `[instrument.X.qcodes]`."""

from __future__ import annotations

from typing import Any

from hwlearn.lab.instruments.foreign.instrument import ForeignInstrument
from hwlearn.lab.instruments.foreign.modules import named_class, needed
from hwlearn.lab.instruments.foreign.tables import QcodesSteps
from hwlearn.lab.instruments.scpi.visa import ENDS, at_once
from hwlearn.lab.instruments.settings import InstrumentTable, Setup


class Qcodes(ForeignInstrument):
    """A QCoDeS instrument. A path ends at a parameter, which is set or got, or at a method, which is called."""

    model = "QCoDeS instrument"
    library, own = "qcodes", "qcodes.instrument_drivers."
    takes = frozenset({"terminator"})

    @classmethod
    def code(cls, table: InstrumentTable) -> str:
        steps = cls.table(table)
        assert isinstance(steps, QcodesSteps)
        return f"qcodes.station = {steps.station!r}" if steps.station is not None else super().code(table)

    def _made(self, setup: Setup) -> Any:
        steps = self.steps
        assert isinstance(steps, QcodesSteps)
        address = {} if setup.resource is None else {"address": setup.resource}
        if steps.station is None:
            made = self._of_class(setup, address)
        else:
            station = needed("qcodes", self.library).Station(config_file=str(setup.folder / steps.station), default=False)
            made = station.load_instrument(steps.name or setup.name, **address, **steps.arguments)
        at_once(getattr(made, "visa_handle", None))
        return made

    def _of_class(self, setup: Setup, address: dict[str, str]) -> Any:
        instrument = needed("qcodes.instrument", self.library)
        kind = named_class(str(self.steps.class_), setup.folder)
        if not issubclass(kind, instrument.InstrumentBase):
            raise TypeError(f"{self.steps.class_} is no QCoDeS instrument")
        end = {"terminator": ENDS[setup.table.terminator]} if "terminator" in setup.table.model_fields_set else {}
        line = {"visalib": setup.backend, "timeout": setup.timeout_s, **end} if address else {}
        given = {**(line if issubclass(kind, instrument.VisaInstrument) else {}), **address, **self.steps.arguments}
        return kind(setup.name.replace("-", "_"), **given)

    def _identified(self) -> str:
        told = self.device.get_idn() if hasattr(self.device, "get_idn") else {}
        return ",".join(str(told.get(key) or "") for key in ("vendor", "model", "serial", "firmware"))

    def _asked(self, question: str) -> str:
        return str(self.device.ask(question))

    def _clear(self) -> None:
        if isinstance(self.device, needed("qcodes.instrument", self.library).VisaInstrument):
            self.device.device_clear()

    def _release(self, device: Any) -> None:
        device.close()

    def value(self, target: Any) -> Any:
        return target.get() if isinstance(target, needed("qcodes.parameters", self.library).ParameterBase) else target

    def assign(self, owner: Any, name: str, value: Any) -> None:
        target = self.member(owner, name)
        if not isinstance(target, needed("qcodes.parameters", self.library).ParameterBase):
            raise AttributeError(f"{name} is no parameter")
        target.set(value)
