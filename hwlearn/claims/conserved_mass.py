"""(f) EP and CL conserve ½ Σ g² while every edge learns; AL loses it at twice its loss."""

from __future__ import annotations

import numpy as np
from scipy.integrate import simpson

from hwlearn.analysis.convergence import mass
from hwlearn.claims.rows import KITE, Bench, Row, kite_network, kite_task
from hwlearn.learning.flow import flow
from hwlearn.learning.rules import AdjointCoupledLearning, CoupledLearning, EquilibriumPropagation
from hwlearn.network.builders import kite

SPAN = 20.0


def check(bench: Bench) -> list[Row]:
    """Flows on the kite, and on a kite with one fixed edge."""
    task, times, rows = kite_task(0.1), np.linspace(0, SPAN, 401), []
    with bench.circuit(kite_network()) as circuit:
        for rule in (EquilibriumPropagation, CoupledLearning):
            circuit.program(KITE)
            result = flow(circuit, task, rule(symmetric=True), SPAN, rtol=1e-10, t_eval=times)
            change = float(np.ptp(mass(result.trajectory.conductances)) / mass(KITE))
            rows.append(
                Row("f mass", f"{rule.name} conserves ½Σg²", "0", f"{change:.1e}", "relative change < 1e-7", change < 1e-7)
            )
        circuit.program(KITE)
        result = flow(circuit, task, AdjointCoupledLearning(symmetric=True), SPAN, rtol=1e-11, t_eval=times)
        lost = float(mass(KITE) - mass(result.conductances))
        predicted = 2 * float(simpson(result.losses, x=times))
        passed = abs(lost / predicted - 1) < 1e-3
        rows.append(Row("f mass", "al: d/dt ½Σg² = −2 loss", f"{predicted:.6f}", f"{lost:.6f}", "0.1 %", passed))
    with bench.circuit(kite(KITE, trainable=["R1", "R2", "R3", "R4", "R5"])) as circuit:
        result = flow(circuit, task, EquilibriumPropagation(symmetric=True), SPAN, rtol=1e-10)
        values = mass(result.trajectory.conductances[:, :5])
        change = float(np.ptp(values) / values[0])
        rows.append(Row("f mass", "one fixed edge breaks it", "> 0", f"{change:.1e}", "> 1e-5", change > 1e-5))
    return rows
