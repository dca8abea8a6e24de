"""A circuit of a search as plain numbers, and back: `written` and `restored`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.solved import Solved


def written(circuit: Solved) -> dict[str, Any]:
    """Edges, conductances [S] before training, which are trainable, and where the ports are, for JSON."""
    return {
        "edges": circuit.ends.tolist(),
        "conductances": circuit.conductances.tolist(),
        "trainable": circuit.trainable.tolist(),
        "held": circuit.plan.held.tolist(),
        "ports": circuit.plan.ports.T.tolist(),
    }


def restored(problem: Problem, content: dict[str, Any]) -> Solved:
    """The circuit that was `written`."""
    ends = np.array(content["edges"], dtype=np.intp)
    ports = np.array(content["ports"], dtype=float).T
    plan = replace(problem.plan, held=np.array(content["held"], dtype=np.intp), ports=ports)
    conductances, trainable = np.array(content["conductances"], dtype=float), np.array(content["trainable"], dtype=bool)
    return Solved.of(plan, ends[:, 0], ends[:, 1], conductances, trainable)
