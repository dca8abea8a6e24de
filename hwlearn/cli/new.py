"""`hwlearn new`: from a netlist to an experiment file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwlearn.cli.netlists import AS_GIVEN, Reading
from hwlearn.errors import ExperimentError


def new(
    netlist: Annotated[Path, typer.Argument(metavar="NETLIST", help="Netlist: its sources are the inputs.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Experiment file to write; beside the netlist if not given.")
    ] = None,
    reading: Reading = AS_GIVEN,
) -> None:
    """Write an experiment file for a netlist: sources and likely outputs found, the present voltages as task, to be edited."""
    from hwlearn.experiments.new import new_experiment
    from hwlearn.files import create

    if netlist.suffix.lower() == ".toml":
        raise ExperimentError(f"{netlist}: is no netlist; hwlearn train reads an experiment file")
    file = netlist.with_suffix(".toml") if out is None else out
    if file.exists():
        raise ExperimentError(f"{file} is there already; name a new file with --out")
    text = new_experiment(netlist, file.parent, trust=reading.trust, control=reading.control, dialect=reading.dialect)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        create(file, text.encode())
    except OSError as error:
        raise ExperimentError(f"{file}: {error.strerror}") from None
    print(f"written to {file}; questions left open: {text.count('TODO:')}")
    print(f"try: hwlearn train {file}")
