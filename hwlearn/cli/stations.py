"""`StationFile` and `TrustStation`: the argument and the option of every command that reads a station file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StationFile = Annotated[Path, typer.Argument(metavar="STATION.toml", help="Station file.")]
TrustStation = Annotated[bool, typer.Option("--trust-station", help="Let the station file name drivers that are code.")]
