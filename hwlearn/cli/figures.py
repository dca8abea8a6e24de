"""`Figures`: the options of every command that draws, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from hwlearn.cli.options import Options
from hwlearn.errors import HwlearnError


@dataclass(frozen=True)
class Figures(Options):
    """How a figure is drawn, as the command line says.

    Attributes:
        width: in print, such as 86mm; None for the screen.
        panels: names with commas; None for all.
        format: of a picture that has no name of its own.
    """

    width: Annotated[
        str | None,
        typer.Option(metavar="LENGTH", help="Width in print, such as 86mm: letters of 7 pt, narrow ones a column of panels."),
    ] = None
    panels: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Panels to draw, such as loss,outputs; a name that is none lists them all."),
    ] = None
    format: Annotated[
        Literal["png", "svg", "pdf"] | None, typer.Option(help="Of the picture, where --out does not say: png if not given.")
    ] = None

    @property
    def millimetres(self) -> float | None:
        """The width.

        Raises:
            HwlearnError: it is no length, or no width that a figure can have.
        """
        from hwlearn.show.plots.width import millimetres

        return None if self.width is None else millimetres(self.width)

    @property
    def names(self) -> list[str]:
        """The panels that are named; none for all."""
        return [] if self.panels is None else [name.strip() for name in self.panels.split(",")]

    def check(self) -> None:
        """Refuse a width that is none, before anything is computed.

        Raises:
            HwlearnError: see `millimetres`.
        """
        _ = self.millimetres

    def named(self, picture: Path) -> Path:
        """The picture of a default name, with the ending of the format."""
        return picture.with_suffix(f".{self.format or 'png'}")

    def chosen(self, out: Path) -> Path:
        """The picture that --out names; the format is its ending.

        Raises:
            HwlearnError: --format says otherwise.
        """
        ending = out.suffix.lower().removeprefix(".")
        if self.format is not None and ending not in ("", self.format):
            raise HwlearnError(f"--format {self.format}: --out {out} is another one; give one of both")
        return out if ending else out.with_name(f"{out.name}.{self.format or 'png'}")

    def refuse_without(self, out: Path | None) -> None:
        """Refuse options of a picture where none is drawn.

        Raises:
            HwlearnError: names the option.
        """
        for name in ("width", "panels", "format"):
            if out is None and getattr(self, name) is not None:
                raise HwlearnError(f"--{name}: no picture is drawn without --out DIR")
        self.check()


ON_SCREEN = Figures()
"""Without any of these options."""
