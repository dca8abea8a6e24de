"""`hwlearn examples`."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from hwlearn.cli.output import new_table, print_table
from hwlearn.errors import HwlearnError

FOLDER = "examples"
"""Of the netlists and experiments in the installed package; pyproject.toml puts them there."""


def examples(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Folder to copy them to; listed if not given.")
    ] = None,
) -> None:
    """List the example experiments that come with hwlearn, or copy them with their netlists and data to a folder."""
    from hwlearn.files import create

    shipped = {file.name: file for file in sorted(_shipped().iterdir(), key=lambda file: file.name) if file.is_file()}
    if folder is None:
        table = new_table("experiment", "")
        for name, file in shipped.items():
            if name.endswith(".toml"):
                table.add_row(name, file.read_text(encoding="utf-8").splitlines()[0].removeprefix("#").strip())
        print_table(table)
        print("hwlearn examples DIR copies them, with their netlists and data")
        return
    there = [name for name in shipped if (folder / name).exists()]
    if there:
        raise HwlearnError(f"{folder / there[0]} is there already; name a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, file in shipped.items():
            create(folder / name, file.read_bytes())
    except OSError as error:
        raise HwlearnError(f"{folder}: {error.strerror}") from None
    print(f"{len(shipped)} files written to {folder}; try: hwlearn train {folder / 'kite.toml'}")


def _shipped() -> Traversable:
    """The folder of the examples: in the package, or in the clone from which an editable installation runs."""
    package = files("hwlearn")
    for folder in (package / FOLDER, package / ".." / "netlists"):
        if folder.is_dir():
            return folder
    raise HwlearnError(
        "the examples are not in this installation of hwlearn; they are in the folder netlists/ of its repository"
    )
