"""What is told of the edges that can go."""

from __future__ import annotations

import math
from typing import Any

from hwlearn.analysis.design.pruned import MOST, OFF, Pruned, Pruning, dynamics
from hwlearn.show.facts.facts import Facts, Section, Table


def pruning_facts(found: Pruning) -> Facts:
    """The sequence of circuits, each with one edge less than the one above it."""
    rule, rates = found.rule.name, dynamics(found.rule)
    header = ("edges", "without", "steps", "λ_max/λ_min", "constant [V²/S²]", "floor [V²]", "rms before [V]", "rms after [V]")
    stages = Table.of(header, [_row(stage) for stage in found.stages])
    last = found.last
    pairs = (
        ("edges", f"{found.stages[0].edges} → {last.edges}"),
        ("ended because", found.why),
        ("learned at", f"{found.loss:.3g} {found.rule.loss_unit}"),
    )
    said = [
        f"Steps are those of {rule} from the trained conductances, on the exact model at its own learning rate. Errors are "
        "told right after the edges went, and after these steps. The floor is the mean loss of trained conductances that are "
        f"off by up to {100 * OFF:g} % each."
    ]
    if rates != rule:
        said.append(f"λ_max/λ_min is that of {rates}, as which {rule} learns near a solution.")
    content = {
        "rule": rule,
        "loss": found.loss,
        "ended_because": found.why,
        "gone": list(last.gone),
        "stages": [_member(stage) for stage in found.stages],
    }
    caption = f"{last.edges} edges"
    return Facts("Pruning", caption, (Section(pairs=pairs), Section(body=(stages, *said))), content)


def _row(stage: Pruned) -> tuple[str, ...]:
    steps = f"more than {MOST}" if stage.steps is None else f"{stage.steps}"
    numbers = (stage.condition, stage.constant, stage.floor, stage.before, stage.after)
    return f"{stage.edges}", stage.gone[-1] if stage.gone else "", steps, *(f"{number:.4g}" for number in numbers)


def _member(stage: Pruned) -> dict[str, Any]:
    return {
        "edges": stage.edges,
        "without": stage.gone[-1] if stage.gone else None,
        "steps": stage.steps,
        "condition": stage.condition if math.isfinite(stage.condition) else None,
        "constant": stage.constant,
        "floor": stage.floor,
        "rms_before": stage.before,
        "rms_after": stage.after,
        "conductances": dict(zip(stage.network.edge_names, stage.conductances.tolist(), strict=True)),
    }
