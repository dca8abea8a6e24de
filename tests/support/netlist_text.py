"""Netlists given as text, for tests."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from hwlearn import Network
from hwlearn.errors import HwlearnWarning, NetlistError


def load(text: str, **options: Any) -> Network:
    """The network of a netlist text, written to n.cir in the working directory."""
    Path("n.cir").write_text(text, encoding="utf-8")
    return Network.from_netlist("n.cir", **options)


def resistances(network: Network) -> dict[str, float]:
    return {edge.name: 1 / g for edge, g in zip(network.edges, network.conductances.tolist(), strict=True)}


def divider(line: str, **options: Any) -> Network:
    """A divider whose line 5 is `line`."""
    return load(f"divider\n* comment\nV1 a 0 1\nR1 a b 1k\n{line}\nR2 b 0 1k\n.end\n", **options)


def refusal(line: str, *, at: int = 5, **options: Any) -> str:
    """What is said against line 5 of the divider, or the line `at`; the error must name file and line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HwlearnWarning)
        with pytest.raises(NetlistError) as caught:
            divider(line, **options)
    said = str(caught.value)
    assert (caught.value.file, caught.value.line) == ("n.cir", at), said
    assert said.startswith(f"n.cir:{at}: ")
    return said
