"""What is told of a design."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hwlearn.analysis.design.baseline import AtRandom
from hwlearn.analysis.design.goals import OBJECTIVES
from hwlearn.analysis.design.search import Design
from hwlearn.analysis.repair import repairs, told
from hwlearn.analysis.symmetry import symmetries
from hwlearn.analysis.units import units_of
from hwlearn.circuits.exact import ExactCircuit
from hwlearn.circuits.ledger import Ledger, Timing, sourced
from hwlearn.learning.cost import step_cost
from hwlearn.learning.rules import RULES
from hwlearn.show.facts.facts import Facts, Section, Table


def design_facts(found: Design, random: AtRandom, others: Sequence[Design] = ()) -> Facts:
    """The design beside random graphs of as many edges, and the others of its Pareto front."""
    problem, course = found.problem, found.course
    network = problem.network(found.start)
    ledger = _cost(found)
    median, fewest = random.steps
    ports = {"inputs": [drive.plus for drive in network.inputs], "outputs": list(network.output_names)}
    pairs = (
        ("nodes, edges", f"{len(problem.nodes)}, {len(found.ends)}"),
        ("steps, predicted", f"{course.steps} at learning rate {course.learning_rate:.4g} {units_of(problem.rule).step}"),
        ("they take", f"{ledger.energy:.3g} J, {ledger.seconds:.3g} s on a bench"),
        ("trainable edges", f"{found.start.trainable.sum()}"),
        ("λ_max/λ_min", f"{found.condition:.4g}"),
        ("coercivity constant", f"{found.constant:.4g} V²/S²"),
        ("inputs, outputs at", f"{', '.join(ports['inputs'])}; {'; '.join(ports['outputs'])}"),
        ("random graphs", f"{len(random.found)} of {random.tried} can reach the targets"),
        ("their steps", f"{median:g} (median), {fewest:g} (best)"),
    )
    symmetric = symmetries(network, problem.task)
    tried = [repairs(network, problem.task, one) for one in symmetric]
    said = [f"{one}." for one in symmetric] + [f"Repair: {one}." for some in tried for one in some]
    edges = Table.of(
        ("resistor", "tail", "head", "at first [S]", "learns"),
        [
            (edge.name, edge.tail, edge.head, f"{conductance:.4g}", "yes" if learns else "no")
            for edge, conductance, learns in zip(network.edges, network.conductances, network.trainable, strict=True)
        ],
    )
    content = {
        "edges": [[edge.tail, edge.head] for edge in network.edges],
        "conductances": network.conductances.tolist(),
        "trainable": network.trainable.tolist(),
        "ports": ports,
        "constant": found.constant,
        "condition": _finite(found.condition),
        "steps_predicted": course.steps if course.reached else None,
        "learning_rate": course.learning_rate,
        "ledger": ledger.as_dict(),
        "random": {"median": _finite(median), "best": _finite(fewest), "share": random.share, "tried": random.tried},
        "objectives": {name: _finite(OBJECTIVES[name].value(found)) for name in OBJECTIVES},
        "front": [_member(one) for one in (found, *others)],
        "symmetries": told(symmetric, tried),
    }
    front = Table.of(
        ("edges", "steps", "constant [V²/S²]", "floor [V²]", "power [W]"),
        [
            (f"{len(one.ends)}", *(f"{OBJECTIVES[name].value(one):.4g}" for name in ("steps", "constant", "floor", "power")))
            for one in (found, *others)
        ],
    )
    told_too = (front,) if others else ()
    caption = f"{course.steps} steps"
    return Facts("Design", caption, (Section(pairs=pairs, body=tuple(said)), Section(body=(*told_too, edges))), content)


def _cost(found: Design) -> Ledger:
    """Of the predicted steps, symmetric ones, at the power of the start."""
    problem, network = found.problem, found.problem.network(found.start)
    with ExactCircuit(sourced(network)) as circuit:
        rule = RULES.get(problem.rule)(symmetric=True)
        return step_cost(circuit, network, problem.task, rule, Timing()).times(found.course.steps)


def _member(one: Design) -> dict[str, Any]:
    """A design of the front: its edges and the value of each objective."""
    network = one.problem.network(one.start)
    values = {name: _finite(OBJECTIVES[name].value(one)) for name in OBJECTIVES}
    return {**values, "edges": [[edge.tail, edge.head] for edge in network.edges]}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
