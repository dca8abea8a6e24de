"""(e) Degenerate targets have measure zero: of random ones none is met."""

from __future__ import annotations

from typing import Literal

import numpy as np

from hwlearn.analysis.genericity import genericity
from hwlearn.claims.rows import Bench, Row, kite_network


def check(bench: Bench) -> list[Row]:
    """Random outputs of the kite, and random directions around its outputs."""
    rows = []
    kinds: tuple[Literal["outputs", "directions"], ...] = ("outputs", "directions")
    for kind in kinds:
        count = bench.pick(1000, 100)
        found = genericity(kite_network(), [[1.0, 0.0]], count, targets=kind, seed=2)
        logs = np.sort(found.constants)
        rows.append(
            Row(
                "e Sard",
                f"{count} random targets ({kind}) of the kite",
                "0 degenerate",
                f"{found.degenerate} degenerate, {found.missed} not met, c = {logs[0]:.1e} … {logs[-1]:.1e}",
                "none degenerate, all met",
                found.degenerate == 0 and found.missed == 0,
                "projected on the exact model",
                {"constant": logs.tolist()},
            )
        )
    return rows
