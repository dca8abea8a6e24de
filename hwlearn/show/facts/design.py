"""What is told of a design."""

from __future__ import annotations

import math

from hwlearn.analysis.design.baseline import AtRandom
from hwlearn.analysis.design.search import Design
from hwlearn.analysis.repair import repairs, told
from hwlearn.analysis.symmetry import symmetries
from hwlearn.show.facts.facts import Facts, Section, Table


def design_facts(found: Design, random: AtRandom) -> Facts:
    """The design beside random graphs of as many edges."""
    problem, course = found.problem, found.course
    network = problem.network(found.ends)
    median, fewest = random.steps
    pairs = (
        ("nodes, edges", f"{len(problem.nodes)}, {len(found.ends)}"),
        ("steps, predicted", f"{course.steps} at learning rate {course.learning_rate:.4g}"),
        ("λ_max/λ_min", f"{found.condition:.4g}"),
        ("coercivity constant", f"{found.constant:.4g} V²/S²"),
        ("random graphs", f"{len(random.found)} of {random.tried} can reach the targets"),
        ("their steps", f"{median:g} (median), {fewest:g} (best)"),
    )
    symmetric = symmetries(network, problem.task)
    tried = [repairs(network, problem.task, one) for one in symmetric]
    said = [f"{one}." for one in symmetric] + [f"Repair: {one}." for some in tried for one in some]
    edges = Table.of(("resistor", "tail", "head"), [(edge.name, edge.tail, edge.head) for edge in network.edges])
    content = {
        "edges": [[edge.tail, edge.head] for edge in network.edges],
        "conductances": network.conductances.tolist(),
        "constant": found.constant,
        "condition": _finite(found.condition),
        "steps_predicted": course.steps if course.reached else None,
        "learning_rate": course.learning_rate,
        "random": {"median": _finite(median), "best": _finite(fewest), "share": random.share, "tried": random.tried},
        "symmetries": told(symmetric, tried),
    }
    caption = f"{course.steps} steps"
    return Facts("Design", caption, (Section(pairs=pairs, body=tuple(said)), Section(body=(edges,))), content)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
