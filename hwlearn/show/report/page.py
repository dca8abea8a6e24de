"""Pages of one file: their templates, and pictures within them."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from importlib.resources import files
from typing import BinaryIO

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template


def page(name: str) -> Template:
    """A template of this folder."""
    folder = files("hwlearn.show.report")
    loader = FunctionLoader(lambda part: folder.joinpath(part).read_text(encoding="utf-8"))
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=loader)
    return made.get_template(name)


def figure(draw: Callable[[BinaryIO], object]) -> str:
    """A picture as the address of an `img`."""
    picture = io.BytesIO()
    draw(picture)
    return f"data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"
