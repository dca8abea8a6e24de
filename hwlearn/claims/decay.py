"""(c) Near a solution the loss decays exponentially, at the rate of the slowest active eigenvalue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwlearn.analysis.coercivity import Spectrum, coercivity
from hwlearn.analysis.convergence import RateComparison, compare
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.manifold import project
from hwlearn.claims.rows import RULES, Bench, Row, random_problem
from hwlearn.learning.flow import flow
from hwlearn.learning.rule import Rule
from hwlearn.learning.task import Task
from hwlearn.learning.train import train
from hwlearn.network import Network

WITHIN = 0.01
SHARE = 0.95
DEPTH = 1e-23  # part of the first loss at which a run ends
FLOW_DEPTH = 1e-17  # … below which the integrator's error shows
SPREAD = 300.0  # largest λ_max/λ_min of the circuits drawn, so that a run takes thousands of steps and not millions


@dataclass(frozen=True)
class Case:
    """One run, and what was predicted for it."""

    name: str
    predicted: float
    measured: float
    explained: str

    @property
    def ratio(self) -> float:
        """Fitted over predicted rate."""
        return self.measured / self.predicted


def check(bench: Bench) -> list[Row]:
    """Random circuits × EP, CL, AL × discrete and continuous time."""
    cases = [case for number in range(bench.pick(30, 4)) for case in _cases(bench, number)]
    rows = []
    for time in ("discrete", "continuous"):
        for rule in RULES:
            chosen = [case for case in cases if case.name.startswith(f"{rule.name} {time}")]
            rows.append(_row(f"{rule.name}, {time} time", chosen, 0.0))
    rows.append(_row("all", cases, SHARE))
    return rows


def _row(what: str, cases: list[Case], least: float) -> Row:
    good = [abs(case.ratio - 1) <= WITHIN for case in cases]
    outliers = [case for case, ok in zip(cases, good, strict=True) if not ok]
    share = sum(good) / len(cases)
    note = "; ".join(f"{case.name}: {case.ratio:.3f}, {case.explained}" for case in outliers)
    return Row(
        "c decay",
        f"{what}: fitted rate over predicted",
        "1",
        f"{np.median([case.ratio for case in cases]):.4f} (median); {100 * share:.0f} % within 1 %",
        f"{100 * least:.0f} % of the cases within 1 %, outliers explained" if least else "within 1 %, outliers explained",
        share >= least and all(case.explained != "unexplained" for case in outliers),
        note,
        {"predicted": [case.predicted for case in cases], "measured": [case.measured for case in cases]},
    )


def _cases(bench: Bench, number: int) -> list[Case]:
    random = np.random.default_rng(1000 + number)
    network, task, spectra = _problem(random)
    cases = []
    with bench.circuit(network) as circuit:
        for kind in RULES:
            rule = kind(symmetric=True)
            circuit.program(network.conductances)
            rate = 0.5 * spectra[rule.name].best_step
            steps = int(40 / (rate * spectra[rule.name].slowest)) + 200
            run = train(circuit, task, rule, steps=steps, learning_rate=rate, stop_loss=_stop(rule, circuit.network, task))
            end = compare(
                network,
                task,
                rule.name,
                run.conductances,
                run.losses,
                learning_rate=rate,
                floor=10 * DEPTH,
            )
            cases.append(_case(f"{rule.name} discrete {number}", end))

            circuit.program(network.conductances)
            span = 28 / spectra[rule.name].slowest
            times = np.linspace(0, span, 800)
            result = flow(circuit, task, rule, span, rtol=1e-12, atol=1e-14, t_eval=times)
            end = compare(network, task, rule.name, result.conductances, result.losses, times=result.at, floor=FLOW_DEPTH)
            cases.append(_case(f"{rule.name} continuous {number}", end))
    return cases


def _case(name: str, found: RateComparison) -> Case:
    predicted, measured, values = found.predicted, found.measured, found.spectrum.eigenvalues
    explained = "unexplained"
    if any(abs(measured / value - 1) <= WITHIN for value in values[:-1].tolist()):
        explained = "the slowest mode was not excited"
    elif len(values) > 1 and values[-2] < 1.5 * values[-1]:
        explained = f"two close eigenvalues, {values[-1]:.3g} and {values[-2]:.3g}"
    return Case(name, predicted, measured, explained)


def _stop(rule: Rule, network: Network, task: Task) -> float:
    from hwlearn.circuits.exact.circuit import ExactCircuit

    with ExactCircuit(network) as circuit:
        return DEPTH * rule.read(circuit, task).loss


def _problem(random: np.random.Generator) -> tuple[Network, Task, dict[str, Spectrum]]:
    """A circuit near a solution, with rates that are not too far apart for any rule."""
    while True:
        network, task = random_problem(random)
        near = network.conductances * 10 ** random.uniform(-0.2, 0.2, len(network.edges))
        task = Task(task.inputs, jacobian(network, task, near).outputs)
        found = project(network, task)
        spectra = coercivity(found.jacobian).spectra
        if found.reached and all(s.slowest > 0 and s.eigenvalues[0] < SPREAD * s.slowest for s in spectra.values()):
            return network, task, spectra
