"""`Reading`: the options of every command that reads a netlist, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer

from hwlearn.cli.options import Options
from hwlearn.spice.dialects import Dialect

Trust = Annotated[bool, typer.Option("--trust-netlist", help="Let the netlist run commands and include files from anywhere.")]


@dataclass(frozen=True)
class Reading(Options):
    """How a netlist is read, as the command line says. A command with an argument of this type has these options.

    Attributes:
        trust_netlist: see `hwlearn.Network.from_netlist`.
        control: what becomes of `.control` blocks; None if that is left to the experiment file. No file can let them run.
        dialect: of the netlist; None if that is left to the experiment file.
    """

    trust_netlist: Trust = False
    control: Annotated[
        Literal["ignore", "refuse", "trust"] | None, typer.Option(help="What becomes of the netlist's .control blocks.")
    ] = None
    dialect: Annotated[
        Dialect | None, typer.Option(help="Of the netlist: PSpice, LTspice, HSPICE or KiCad; ngspice's own if not given.")
    ] = None

    @property
    def trust(self) -> bool:
        """Whether the netlist is trusted: who lets its commands run trusts it altogether."""
        return self.trust_netlist or self.control == "trust"

    def over(self, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """Overrides of an experiment file, with these on top."""
        found = dict(overrides)
        if self.control is not None:
            found["circuit.control"] = None if self.control == "trust" else self.control
        if self.dialect is not None:
            found["circuit.dialect"] = self.dialect
        return found


AS_GIVEN = Reading()
"""Without any of these options."""
