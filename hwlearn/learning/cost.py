"""`step_cost`: what a step of learning would cost on a bench, from its phases."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive
from hwlearn.circuits.ledger import Ledger, Timing, source_power, source_values
from hwlearn.learning.rule import Rule
from hwlearn.learning.task import Task
from hwlearn.network import Network


def phase_powers(circuit: Circuit, network: Network, task: Task, rule: Rule) -> list[Array]:
    """(S,) W of the sources in each phase of a step: free, then nudged to one side or to both.

    Args:
        circuit: of `sourced(network)`, at the conductances in question.
    """
    inputs, targets = source_values(network, task.inputs), task.targets
    free = circuit.measure(Drive(inputs, rule.free(targets)))
    powers, nudge = [source_power(circuit.network, free)], rule.amplitude(network)
    if rule.settled(free, targets):
        return powers * (3 if rule.symmetric else 2)
    for side in (nudge, -nudge) if rule.symmetric else (nudge,):
        nudged = circuit.measure(Drive(inputs, rule.nudged(free, targets, side)))
        powers.append(source_power(circuit.network, nudged))
    return powers


def step_cost(
    circuit: Circuit, network: Network, task: Task, rule: Rule, timing: Timing, samples: int | None = None
) -> Ledger:
    """Energy and time of a step on a bench with these times. The sources of a phase are on while it settles and is read.

    Args:
        circuit: of `sourced(network)`, at the conductances in question.
        samples: how many a step drives, such as those of a minibatch; each has the mean power of those of `task`. All
            samples of `task` if not given.
    """
    count = len(task) if samples is None else samples
    powers = phase_powers(circuit, network, task, rule)
    phases = count * len(powers)
    names = [name for name, trains in zip(network.edge_names, network.trainable.tolist(), strict=True) if trains]
    return Ledger(
        energy=float(np.sum([power.mean() for power in powers])) * count * (timing.settle + timing.reading),
        settling=phases * timing.settle,
        reading=phases * timing.reading,
        programming=timing.programming,
        readings=phases * timing.readings,
        phases=phases,
        writes=dict.fromkeys(names, 1),
        worn={name: 1 / timing.endurance[name] for name in names if name in timing.endurance},
    )
