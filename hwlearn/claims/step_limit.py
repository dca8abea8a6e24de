"""(h) A learning rate of 1.9/λ_max converges, one of 2.1/λ_max diverges."""

from __future__ import annotations

import warnings

import numpy as np

from hwlearn.analysis.coercivity import coercivity
from hwlearn.analysis.manifold import project
from hwlearn.claims.rows import RULES, Bench, Row, kite_network, kite_task
from hwlearn.errors import HwlearnWarning
from hwlearn.learning.train import train

STEPS = 100


def check(bench: Bench) -> list[Row]:
    """Runs from a point very near a solution of the kite."""
    network, task = kite_network(), kite_task(0.1)
    found = project(network, task)
    start = found.conductances * (1 + 1e-6 * np.random.default_rng(3).normal(size=len(network.edges)))
    spectra, rows = coercivity(found.jacobian).spectra, []
    with bench.circuit(network) as circuit:
        for rule in RULES:
            for factor, grows in ((1.9, False), (2.1, True)):
                circuit.program(start)
                rate = factor / float(spectra[rule.name].eigenvalues[0])
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", HwlearnWarning)  # that the loss grows is the claim
                    losses = train(circuit, task, rule(symmetric=True), steps=STEPS, learning_rate=rate).losses
                change = losses[-1] / losses[0]
                expected = (1 - factor) ** (2 * STEPS)
                rows.append(
                    Row(
                        "h step limit",
                        f"{rule.name}: α = {factor:g}/λ_max {'diverges' if grows else 'converges'}",
                        f"> 1 (fastest mode × {expected:.0e})" if grows else "< 1",
                        f"loss × {change:.1e} in {STEPS} steps",
                        "above or below 1",
                        bool(change > 1) == grows,
                    )
                )
    return rows
