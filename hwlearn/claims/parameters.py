"""(g) The conductances converge to the solution manifold, their distance at the same rate as the error."""

from __future__ import annotations

import numpy as np

from hwlearn.analysis.coercivity import coercivity
from hwlearn.analysis.convergence import fit_decay
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.manifold import project
from hwlearn.claims.rows import KITE, RULES, Bench, Row, kite_network, kite_task
from hwlearn.learning.flow import flow


def check(bench: Bench) -> list[Row]:
    """‖g(t) − g(∞)‖ along flows on the kite."""
    network, task, rows = kite_network(), kite_task(0.1), []
    with bench.circuit(network) as circuit:
        for rule in RULES:
            circuit.program(KITE)
            slow = coercivity(project(network, task).jacobian).spectra[rule.name].slowest
            times = np.r_[np.linspace(0, 12 / slow, 400), 40 / slow]  # the last point stands for t = ∞
            result = flow(circuit, task, rule(symmetric=True), times[-1], rtol=1e-11, atol=1e-14, t_eval=times)
            end = coercivity(jacobian(network, task, result.conductances)).spectra[rule.name].slowest
            far = np.linalg.norm(result.trajectory.conductances - result.conductances, axis=1)
            times, far = times[:-1], far[:-1]
            late = times > 5 / slow
            rate = fit_decay(far[late] ** 2, times[late]).mode()
            rows.append(
                Row(
                    "g parameters",
                    f"{rule.name}: rate of ‖g − g∞‖",
                    f"{end:.5g}",
                    f"{rate:.5g}",
                    "2 %",
                    abs(rate / end - 1) < 0.02,
                    series={"t": times.tolist(), "distance": far.tolist()},
                )
            )
    return rows
