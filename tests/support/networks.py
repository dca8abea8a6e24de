"""Random networks and tasks for property-based tests."""

from __future__ import annotations

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from hwlearn import (
    AdjointCoupledLearning,
    CoupledLearning,
    Drive,
    DualCoupledLearning,
    EquilibriumPropagation,
    ExactCircuit,
    FullClamp,
    Network,
    Rule,
    Source,
    Task,
)
from hwlearn.errors import NetworkError

GROUND = "0"

RULES = [
    FullClamp(),
    *(
        kind(symmetric=symmetric)
        for kind in (EquilibriumPropagation, CoupledLearning, AdjointCoupledLearning, DualCoupledLearning)
        for symmetric in (False, True)
    ),
]


@st.composite
def networks(draw: st.DrawFn, holdable: bool = True, fixed_edges: bool = False, sources: bool = True) -> Network:
    """A connected network of 4 to 9 nodes with voltage and current inputs, fixed sources, differential ports.

    Conductances span two decades around 1 mS. With `holdable`, all outputs can be held at once.
    """
    count = draw(st.integers(4, 9))
    nodes = [f"n{k}" for k in range(count)]
    ends = [(nodes[draw(st.integers(0, k - 1))], nodes[k]) for k in range(1, count)]
    pairs = st.tuples(st.sampled_from(nodes), st.sampled_from([*nodes, GROUND])).filter(lambda pair: pair[0] != pair[1])
    ends += draw(st.lists(pairs, min_size=1, max_size=2 * count))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    conductances = 10 ** random.uniform(-4, -2, len(ends))

    port = st.tuples(st.sampled_from(nodes), st.sampled_from([GROUND, GROUND, *nodes])).filter(lambda pair: pair[0] != pair[1])
    inputs = [Source("Va", "voltage", "n0")]
    fixed = []
    for k, (plus, minus) in enumerate(draw(st.lists(port, max_size=3)) if sources else []):
        kind = draw(st.sampled_from(["voltage", "current"]))
        value = random.uniform(-1, 1) * (1.0 if kind == "voltage" else 1e-4)
        source = Source(f"{'V' if kind == 'voltage' else 'I'}{k}", kind, plus, minus, value)
        (inputs if draw(st.booleans()) else fixed).append(source)
    if not sources:
        inputs.append(Source("Vb", "voltage", "n1"))
    outputs = draw(st.lists(port, min_size=1, max_size=3, unique_by=frozenset))
    trainable = random.uniform(size=len(ends)) > 0.3 if fixed_edges else None
    try:
        network = Network.from_edges(
            ends,
            conductances,
            inputs=inputs,
            fixed_sources=fixed,
            outputs=[plus if minus == GROUND else f"{plus},{minus}" for plus, minus in outputs],
            trainable=trainable,
        )
        if holdable:
            network.check_holdable()
    except NetworkError:
        assume(False)
        raise
    return network


@st.composite
def tasks(draw: st.DrawFn, network: Network, samples: int | None = None) -> Task:
    """Inputs of order 1 V (0.1 mA), targets of order 1 V."""
    count = draw(st.integers(1, 5)) if samples is None else samples
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = np.array([1.0 if source.kind == "voltage" else 1e-4 for source in network.inputs])
    return Task(
        random.uniform(-1, 1, (count, len(network.inputs))) * scale, random.uniform(-1, 1, (count, len(network.outputs)))
    )


@st.composite
def problems(draw: st.DrawFn, **options: bool) -> tuple[Network, Task]:
    """A network and a task that fits it."""
    network = draw(networks(**options))
    return network, draw(tasks(network))


def rounding(rule: Rule, network: Network, task: Task) -> float:
    """What rounding alone may leave in a direction: 1e-14 of the squared drops that the contrast subtracts, over the nudge."""
    volts = max(np.abs(ExactCircuit(network).measure(Drive(task.inputs)).node_voltages).max(), np.abs(task.targets).max())
    return float(1e-14 * volts**2 / abs(rule.amplitude(network)))
