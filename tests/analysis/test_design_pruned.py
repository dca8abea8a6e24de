"""Edges that go from a trained circuit: downdates beside the circuit solved anew, the sequence beside trying every edge."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn import ExactCircuit, Network, Task, train
from hwlearn.analysis.coercivity import coercivity
from hwlearn.analysis.design.cut import Cut
from hwlearn.analysis.design.pruned import COERCIVE, prune, without
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.manifold import project
from hwlearn.circuits.drive import Drive
from hwlearn.errors import ModelError
from hwlearn.learning.rules import RULES
from hwlearn.network.ports import Source

PAIRS = ["ah", "aj", "hj", "hk", "jk", "kb", "jb", "hp", "pk", "pq", "qj", "qb", "pb", "ka"]


def network_of(seed: int, *, fixed: int = 0) -> Network:
    """A source between two nodes, a current input, a fixed source, parallel edges, some of them fixed."""
    random = np.random.default_rng(seed)
    edges = [tuple(pair) for pair in PAIRS] + [("a", "h"), ("b", "0")]
    trainable = np.ones(len(edges), dtype=bool)
    trainable[random.permutation(len(edges))[:fixed]] = False
    return Network.from_edges(
        edges,
        10 ** random.uniform(-4, -2, len(edges)),
        inputs=["a,b", "I(k)"],
        outputs=["p", "q,h"],
        fixed_sources=[Source("V9", "voltage", "j", "0", 0.3)],
        bounds=(1e-6, 1.0),
        trainable=trainable,
    )


def task_of(seed: int, samples: int = 3) -> Task:
    random = np.random.default_rng(seed)
    return Task(random.normal(size=(samples, 2)) * [1.0, 1e-3], random.normal(size=(samples, 2)))


def agree(one, two) -> None:
    np.testing.assert_allclose(one, two, rtol=1e-8, atol=1e-9 * np.abs(two).max())


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), rule=st.sampled_from(["ep", "cl", "al"]))
def test_a_downdate_is_the_circuit_solved_anew(seed: int, rule: str) -> None:
    network, task = network_of(seed, fixed=3), task_of(seed)
    here = Cut.of(network, task)
    errors, rates = here.errors_without, here.rates_without(rule)
    for k in (int(here.edges[0]), int(np.random.default_rng(seed).choice(here.edges))):
        less = without(network, k)
        if less is None:
            continue
        at = int(np.flatnonzero(here.edges == k)[0])
        gone, anew = here.without(k), jacobian(less, task)
        agree(gone.error, anew.outputs - anew.targets)
        agree(errors[at], anew.outputs - anew.targets)
        agree(gone.resistance, anew.resistance)
        expected = coercivity(anew).spectra[rule].eigenvalues[::-1]
        for found in (rates[at], gone.rates(rule)):
            np.testing.assert_allclose(found[-len(expected) :], expected, rtol=1e-6, atol=1e-8 * expected[-1])
        agree(gone.transfer, Cut.of(less, task).transfer)


def solved(network: Network, task: Task) -> np.ndarray:
    with ExactCircuit(network) as circuit:
        return circuit.measure(Drive(task.inputs)).output_voltages


def trained() -> tuple[Network, Task]:
    """On its targets: those of other conductances, at which no output is at a bound."""
    network = Network.from_edges(
        [tuple(pair) for pair in PAIRS], 1e-3, inputs=["a", "b"], outputs=["p", "q"], bounds=(1e-5, 1e-1)
    )
    task = Task([[1.0, 0.0]], [[0.45, 0.35]])
    return network.with_conductances(project(network, task).conductances), task


@pytest.mark.parametrize("name", ["ep", "cl", "al", "clamp"])
def test_each_stage_is_what_training_makes_of_it(name: str) -> None:
    network, task = trained()
    rule = RULES.get(name)() if name == "clamp" else RULES.get(name)(symmetric=True)
    found = prune(network, task, rule)
    assert len(found.stages) > 5
    assert [stage.edges for stage in found.stages] == list(range(len(PAIRS), found.last.edges - 1, -1))
    for stage in found.stages:
        kept = [k for k, edge in enumerate(network.edge_names) if edge not in stage.gone]
        np.testing.assert_array_equal(stage.network.conductances, network.conductances[kept])
        before = solved(stage.network, task) - task.targets
        assert stage.before == pytest.approx(np.sqrt(np.mean(before**2)), rel=1e-6, abs=1e-10)
        with ExactCircuit(stage.network) as circuit:
            result = train(circuit, task, rule, steps=5_000, stop_loss=found.loss)
        assert result.stopped_because == "loss"
        assert result.steps == stage.steps
        after = solved(stage.network.with_conductances(result.conductances), task) - task.targets
        assert stage.after == pytest.approx(np.sqrt(np.mean(after**2)), rel=1e-6, abs=1e-12)
        assert stage.after < 1e-4 * max(stage.before, 1e-2)
        there = coercivity(jacobian(stage.network.with_conductances(result.conductances), task))
        assert stage.constant == pytest.approx(there.constant, rel=1e-6)
        assert stage.floor > 0


def test_the_floor_is_the_loss_of_parts_that_are_off() -> None:
    network, task = trained()
    task = Task([[1.0, 0.0], [0.0, 0.7], [2.0, 0.0]], [[0.45, 0.35], [0.2, 0.3], [0.9, 0.7]])
    network = network.with_conductances(project(network, Task([[1.0, 0.0]], [[0.45, 0.35]])).conductances)
    fixed = replace(network, trainable=np.arange(len(PAIRS)) > 2)
    part, random, losses = 1e-3, np.random.default_rng(0), []
    at = solved(fixed, task)
    for _ in range(1500):
        off = np.where(fixed.trainable, part * random.uniform(-1, 1, len(PAIRS)), 0.0)
        moved = solved(fixed.with_conductances(fixed.conductances * (1 + off)), task) - at
        losses.append(0.5 * np.mean(np.sum(moved**2, axis=1)))
    assert Cut.of(fixed, task).floor(part) == pytest.approx(np.mean(losses), rel=0.1)


def test_it_ends_where_no_edge_can_go() -> None:
    network, task = trained()
    found = prune(network, task, RULES.get("ep")(symmetric=True))
    last = found.last
    for k in range(last.edges):
        less = without(last.network.with_conductances(last.conductances), k)
        if less is None:
            continue
        there, on = coercivity(jacobian(less, task)), project(less, task)
        assert not on.reached or there.constant <= 10 * COERCIVE * there.singular_values[0] ** 2


def test_what_is_useless_goes_first_and_costs_nothing() -> None:
    network, task = trained()
    pairs = [*(edge[:2] for edge in network.edges), ("k", "dead"), ("dead", "end")]
    names = [*network.edge_names, "Rdead", "Rend"]
    longer = Network.from_edges(
        pairs, [*network.conductances, 1e-3, 1e-3], inputs=["a", "b"], outputs=["p", "q"], names=names, bounds=(1e-5, 1e-1)
    )
    stages = prune(longer, task, RULES.get("ep")(symmetric=True)).stages
    assert [stage.gone[-1] for stage in stages[1:3]] == ["Rend", "Rdead"]
    assert [stage.steps for stage in stages[:3]] == [0, 0, 0]
    assert {"dead", "end"} & set(stages[2].network.nodes) == set()


def test_edges_are_kept_that_were_asked_for_and_fixed_ones() -> None:
    network, task = trained()
    assert prune(network, task, RULES.get("ep")(symmetric=True), edges=12).last.edges == 12
    mask = np.arange(len(PAIRS)) < 8
    half = Network.from_edges(
        [edge[:2] for edge in network.edges],
        network.conductances,
        inputs=["a", "b"],
        outputs=["p", "q"],
        bounds=(1e-5, 1e-1),
        trainable=mask,
    )
    last = prune(half, task, RULES.get("ep")(symmetric=True)).last
    assert set(half.edge_names[8:]) <= set(last.network.edge_names)
    assert last.edges < len(PAIRS)


def test_a_circuit_that_misses_its_targets_is_not_pruned() -> None:
    network, task = trained()
    with pytest.raises(ModelError, match="even with all edges the circuit cannot meet its targets"):
        prune(network, Task(task.inputs, task.targets + 1.0), RULES.get("ep")(symmetric=True))


def test_outputs_that_depend_on_each_other_are_told() -> None:
    network, task = trained()
    double = network.with_ports(outputs=["p", "q", "p,q"])
    targets = np.column_stack((task.targets, task.targets[:, 0] - task.targets[:, 1]))
    with pytest.raises(ModelError, match="coercivity constant is 0"):
        prune(double, Task(task.inputs, targets), RULES.get("ep")())
