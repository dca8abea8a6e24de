"""`Reading`: the options of every command that reads a netlist, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any, Literal, get_type_hints

import typer

from hwlearn.spice.dialects import Dialect

Trust = Annotated[bool, typer.Option("--trust-netlist", help="Let the netlist run commands and include files from anywhere.")]


@dataclass(frozen=True)
class Reading:
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


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose argument of type `Reading`, if it has one, is its fields, for typer."""
    hints = get_type_hints(command, include_extras=True)
    argument = next((name for name, hint in hints.items() if hint is Reading), None)
    if argument is None:
        return command
    fields = get_type_hints(Reading, include_extras=True)
    options = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=getattr(Reading, name), annotation=hint)
        for name, hint in fields.items()
        if name in Reading.__dataclass_fields__
    ]
    own = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in signature(command).parameters.values() if p.name != argument]

    @wraps(command)
    def called(**given: Any) -> Any:
        reading = Reading(**{option.name: given.pop(option.name) for option in options})
        return command(**given, **{argument: reading})

    parameters = [p.replace(annotation=hints[p.name]) for p in own] + options
    called.__signature__ = signature(command).replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    del called.__wrapped__  # its own arguments are not asked for
    return called
