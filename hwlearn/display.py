"""`shown`: what a notebook shows of a thing; the room that draws stands higher, and is imported when a notebook asks."""

from __future__ import annotations

from importlib import import_module


def shown(thing: object, how: str) -> str:
    """What a function of `hwlearn.show.notebook`, by its name, makes of a thing: HTML or SVG."""
    return str(getattr(import_module("hwlearn.show.notebook"), how)(thing))
