"""(a) EP and AL descend the gradients of their losses; CL is −JᵀR⁻¹e, and differs from a gradient by a cubic term."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Drive, Hold
from hwlearn.claims.rows import Bench, Row, differences, measured_resistance, outputs_at, random_problem
from hwlearn.learning.rules import AdjointCoupledLearning, CoupledLearning, EquilibriumPropagation, FullClamp
from hwlearn.learning.task import Task

TOLERANCE = 1e-6


def check(bench: Bench) -> list[Row]:
    """Directions against differences of measured losses; the cubic term against the size of the error."""
    random = np.random.default_rng(1)
    worst = {"ep": 0.0, "al": 0.0, "cl": 0.0}
    slopes: list[float] = []
    sizes, terms = np.geomspace(3e-4, 3e-2, 7), np.zeros(7)
    for _ in range(bench.pick(20, 4)):
        network, task = random_problem(random)
        g = network.conductances
        with bench.circuit(network) as circuit:
            centre = outputs_at(circuit, g, task)
            direction = random.normal(size=centre.shape)
            task = Task(task.inputs, centre + 0.1 * direction)
            error = centre - task.targets
            drive, held = Drive(task.inputs), Drive(task.inputs, Hold(task.targets))

            def voltage_loss(drive: Drive = drive, task: Task = task) -> float:
                return 0.5 * float(((circuit.measure(drive).output_voltages - task.targets) ** 2).sum())

            def current_loss(held: Drive = held) -> float:
                return 0.5 * float((circuit.measure(held).output_currents ** 2).sum())

            def outputs(drive: Drive = drive) -> Array:
                return circuit.measure(drive).output_voltages[0]

            resistance = measured_resistance(circuit, task)
            expected = {
                "ep": -differences(circuit, g, voltage_loss),
                "al": -differences(circuit, g, current_loss),
                "cl": -np.linalg.solve(resistance, error[0]) @ differences(circuit, g, outputs),
            }
            for rule in (EquilibriumPropagation, AdjointCoupledLearning, CoupledLearning):
                got = rule(symmetric=True).direction(circuit, task)
                off = float(np.abs(got - expected[rule.name]).max() / np.abs(expected[rule.name]).max())
                worst[rule.name] = max(worst[rule.name], off)
            for k, size in enumerate(sizes):
                pushed = Task(task.inputs, centre + size * direction)
                clamp = FullClamp().direction(circuit, pushed)  # −∇L_R
                coupled = CoupledLearning(symmetric=True).direction(circuit, pushed)
                terms[k] = abs(clamp @ (clamp - coupled))  # dL_R/dt + ‖∇L_R‖² along CL
            slopes.append(float(np.polyfit(np.log(sizes), np.log(terms), 1)[0]))
    middle = float(np.median(slopes))
    names = {"ep": "EP is −∇ ½‖e‖²", "al": "AL is −∇ ½‖I‖²", "cl": "CL is −JᵀR⁻¹e"}
    rows = [
        Row("a gradients", names[rule], "0", f"{off:.1e}", f"relative error < {TOLERANCE:g}", off < TOLERANCE)
        for rule, off in worst.items()
    ]
    spread = f"{min(slopes):.3f} … {max(slopes):.3f}"
    rows.append(
        Row(
            "a cubic term",
            "CL: dL_R/dt + ‖∇L_R‖² falls like ‖e‖³",
            "slope 3",
            f"{middle:.3f}",
            "median 3.0 ± 0.1",
            abs(middle - 3) <= 0.1,
            f"slopes {spread} on {len(slopes)} circuits",
            {"|e|": sizes.tolist(), "term": terms.tolist()},
        )
    )
    return rows
