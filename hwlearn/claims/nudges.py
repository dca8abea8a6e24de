"""(b) One-sided nudging errs in proportion to the nudge; symmetric nudging does not err."""

from __future__ import annotations

import numpy as np

from hwlearn.claims.rows import RULES, Bench, Row, kite_network, kite_task

NUDGES = (1e-1, 1e-2, 1e-3)


def check(bench: Bench) -> list[Row]:
    """Error orders on the kite, relative to the natural nudge."""
    network, task = kite_network(), kite_task(0.1)
    rows = []
    with bench.circuit(network) as circuit:
        for rule in RULES:
            natural = rule().natural_nudge(network)
            true = rule(natural, symmetric=True).direction(circuit, task)
            size = np.abs(true).max()
            errors = [np.abs(rule(a * natural).direction(circuit, task) - true).max() / size for a in NUDGES]
            order = float(np.polyfit(np.log(NUDGES), np.log(errors), 1)[0])
            rows.append(
                Row(
                    "b nudge order",
                    f"{rule.name}, one-sided: error ∝ nudge",
                    "order 1",
                    f"{order:.3f}",
                    "1.00 ± 0.05",
                    abs(order - 1) < 0.05,
                    series={"nudge": list(NUDGES), "error": [float(error) for error in errors]},
                )
            )
            both = [
                np.abs(rule(a * natural, symmetric=True).direction(circuit, task) - true).max() / size for a in (10.0, *NUDGES)
            ]
            worst = float(max(both))
            rows.append(
                Row(
                    "b nudge order",
                    f"{rule.name}, symmetric: exact from 0.001 to 10 of the natural nudge",
                    "0",
                    f"{worst:.1e}",
                    "relative error < 1e-9",
                    worst < 1e-9,
                )
            )
    return rows
