"""(d) The kite: coercivity grows like δ², fails at δ = 0 on the whole solution manifold; the bridge does not fail."""

from __future__ import annotations

import numpy as np

from hwlearn.analysis.coercivity import coercivity
from hwlearn.analysis.convergence import fit_decay
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.manifold import project
from hwlearn.circuits.base import Circuit
from hwlearn.claims.rows import Bench, Row, kite_network, kite_task
from hwlearn.learning.flow import flow
from hwlearn.learning.rules import EquilibriumPropagation
from hwlearn.learning.task import Task
from hwlearn.learning.train import train
from hwlearn.network import Network
from hwlearn.network.builders import wheatstone

REFERENCE = {0.1: 1.765135e-3, 0.05: 4.27246e-4}  # end of the EP flow from KITE
DISCRETE = 1.763295e-3  # gradient steps with α = 0.5 at δ = 0.1


RULE = EquilibriumPropagation(symmetric=True)


def check(bench: Bench) -> list[Row]:
    """Constants at the end of runs, their growth with δ, and what training does where coercivity fails."""
    network = kite_network()
    with bench.circuit(network) as circuit:
        rows = [
            *_ends_of_flows(bench, network, circuit),
            _end_of_steps(network, circuit),
            _growth(bench, network),
            _ranks(bench, network),
            _decay(network, circuit),
            _missing_direction(bench, network, circuit),
        ]
    return [*rows, _bridge()]


def _ends_of_flows(bench: Bench, network: Network, circuit: Circuit) -> list[Row]:
    rows = []
    for delta in [0.1, 0.05] if bench.quick else [0.1, 0.05, 0.03, 0.02, 0.01]:
        circuit.program(network.conductances)
        task = kite_task(delta)
        loss = RULE.read(circuit, task).loss
        end = flow(circuit, task, RULE, 1e9, rtol=1e-9, stop_loss=1e-16 * loss).conductances
        if delta in REFERENCE:
            found = coercivity(jacobian(network, task, end)).constant
            rows.append(_number(f"EP flow at δ = {delta:g}", REFERENCE[delta], found))
    return rows


def _end_of_steps(network: Network, circuit: Circuit) -> Row:
    circuit.program(network.conductances)
    run = train(circuit, kite_task(0.1), RULE, steps=60_000, learning_rate=0.5, stop_loss=1e-18)
    found = coercivity(jacobian(network, kite_task(0.1), run.conductances)).constant
    return _number("EP steps with α = 0.5 at δ = 0.1", DISCRETE, found)


def _growth(bench: Bench, network: Network) -> Row:
    small = np.geomspace(0.05, 0.002, bench.pick(12, 5))
    exact = [coercivity(project(network, kite_task(delta)).jacobian).constant for delta in small]
    slope = float(np.polyfit(np.log(small), np.log(exact), 1)[0])
    return Row(
        "d kite",
        "c grows like δ² for δ ≤ 0.05",
        "slope 2",
        f"{slope:.3f}",
        "2.00 ± 0.02",
        abs(slope - 2) <= 0.02,
        "",
        {"δ": small.tolist(), "constant": exact},
    )


def _ranks(bench: Bench, network: Network) -> Row:
    random = np.random.default_rng(4)
    ranks = set()
    for _ in range(bench.pick(100, 20)):
        on = project(network, kite_task(0.0), network.conductances * 10 ** random.uniform(-1, 1, 6))
        if on.reached:
            ranks.add(coercivity(on.jacobian).rank)
    what = "δ = 0: rank 2 of 3 all over the solution manifold"
    return Row("d kite", what, "2", str(sorted(ranks)), "only 2", ranks == {2})


def _decay(network: Network, circuit: Circuit) -> Row:
    circuit.program(network.conductances)
    run = train(circuit, kite_task(0.0), RULE, steps=20_000, learning_rate=1.0, stop_loss=1e-20)
    spectrum = coercivity(jacobian(network, kite_task(0.0), run.conductances)).spectra["ep"]
    active = float(spectrum.eigenvalues[spectrum.eigenvalues > 0][-1])
    mode = fit_decay(run.losses, floor=1e-17).mode(1.0)
    return Row(
        "d kite",
        "δ = 0: the missing direction is not excited, the loss decays at the smallest active rate",
        f"{active:.5g}",
        f"{mode:.5g}",
        "1 %",
        abs(mode / active - 1) < 0.01,
        series={"loss": run.losses.tolist()},
    )


def _missing_direction(bench: Bench, network: Network, circuit: Circuit) -> Row:
    off = 0.02
    circuit.program(network.conductances)
    target = Task([[1.0, 0.0]], [[0.5, 0.5 + off, 0.5]])
    left = float(train(circuit, target, RULE, steps=bench.pick(20_000, 3000), learning_rate=1.0).losses[-1]) / off**2
    return Row(
        "d kite",
        "δ = 0 and M asked ε higher, along the missing direction: cannot be learned (v_M lies between v_T and v_W)",
        "loss ≥ ε²/4",
        f"{left:.4f} ε²",
        "0.25 … 0.34 ε²",
        0.2499 <= left <= 0.34,
    )


def _bridge() -> Row:
    bridge = coercivity(project(wheatstone(), Task([[1.0, 0.0]], [[0.5, 0.5]])).jacobian)
    return Row(
        "d bridge",
        "the four-node kite is coercive at the symmetric target",
        "rank 2, c > 0",
        f"rank {bridge.rank}, c = {bridge.constant:.3g}",
        "full rank",
        bridge.coercive and bridge.constant > 1e-3,
    )


def _number(what: str, predicted: float, measured: float) -> Row:
    near = abs(measured / predicted - 1) < 5e-5
    return Row("d kite", f"c, {what}", f"{predicted:.6e}", f"{measured:.6e}", "four digits", near)
