"""A QCoDeS driver of a lab's own: the resistor box of docs/resistor-box.md, its codes and its watchdog as parameters."""

from typing import Any

from qcodes.instrument import VisaInstrument
from qcodes.validators import Ints, Lists, Numbers


class Digipots(VisaInstrument):
    """Digipots behind a microcontroller."""

    default_terminator = "\n"

    def __init__(self, name: str, address: str, **options: Any) -> None:
        super().__init__(name, address, **options)
        self.codes = self.add_parameter(
            "codes",
            get_cmd=":RES:CODE?",
            set_cmd=":RES:CODE {}",
            get_parser=lambda text: [int(one) for one in text.split(",")],
            set_parser=lambda codes: ",".join(map(str, codes)),
            vals=Lists(Ints(0, 255)),
        )
        self.opened = self.add_parameter("opened", get_cmd=":RES:OPEN?", get_parser=lambda text: bool(int(text)))
        self.watchdog_s = self.add_parameter("watchdog_s", set_cmd=":SYST:WDOG {}", vals=Numbers(0, 3600))

    def open_all(self) -> None:
        """Open all resistors until codes are written."""
        self.write(":RES:OPEN")
