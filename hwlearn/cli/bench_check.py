"""`hwlearn bench check`: is this bench good enough to learn?"""

from __future__ import annotations

import math
import sys
from itertools import groupby
from typing import TYPE_CHECKING

import typer

from hwlearn.cli.command import File, Json
from hwlearn.cli.output import new_table, print_json, print_table
from hwlearn.cli.progress import settings_bar
from hwlearn.cli.stations import StationFile, TrustStation

if TYPE_CHECKING:
    from hwlearn.experiments import Experiment
    from hwlearn.inference.noise import Nudging
    from hwlearn.lab.bench.selftest import Finding


def check(station: StationFile, experiment: File, as_json: Json = False, trust_station: TrustStation = False) -> None:
    """Self-test of channels, sources, nodes, edges and nudge. Left safe.

    Noise, offset and settling of each channel; whether each source arrives, each node is read and each edge acts, at its
    place; whether the nudge stands out of the noise.

    Exit code 1 if a test failed.
    """
    from dataclasses import asdict

    from hwlearn.experiments import load_experiment
    from hwlearn.lab.bench.selftest import self_test_station

    loaded = load_experiment(experiment)
    nudging = None if not loaded.network.linear else _nudging(loaded)
    with settings_bar() as progress:
        findings = self_test_station(loaded.network, station, nudging, progress, trust=trust_station)
    failed = sum(not finding.passed for finding in findings)
    if as_json:
        print_json({"passed": not failed, "findings": [asdict(finding) for finding in findings]})
    else:
        _print_findings(findings)
        print(f"{failed} of {len(findings)} tests failed" if failed else f"{len(findings)} tests, none failed")
    sys.stdout.flush()
    if failed:
        raise typer.Exit(1)


def _print_findings(findings: list[Finding]) -> None:
    """What failed or could not be tested one by one, and of the rest the one of each test that came nearest to failing."""
    table = new_table("test", "of", "measured", "accepted", "", "")

    def add(subject: str, finding: Finding, verdict: str) -> None:
        limit = "" if finding.limit is None else f"{'≥' if finding.at_least else '≤'} {finding.limit:.3g}"
        value = "" if finding.value is None else f"{finding.value:.3g}"
        table.add_row(finding.test, subject, value, limit, finding.unit, verdict)

    def nearness(finding: Finding) -> float:
        value, limit = abs(finding.value or 0.0), finding.limit or math.inf
        return -value / limit if finding.at_least else value / limit

    for _, group in groupby(findings, key=lambda finding: finding.test):
        tests = list(group)
        plain = [finding for finding in tests if finding.passed and not finding.note]
        if plain:
            worst = max(plain, key=nearness)
            add(f"{worst.subject}, nearest of {len(plain)}" if plain[1:] else worst.subject, worst, "ok")
        for finding in tests:
            if not finding.passed or finding.note:
                add(finding.subject, finding, finding.note if finding.passed else f"FAILED: {finding.note}")
    print_table(table)


def _nudging(experiment: Experiment) -> Nudging:
    """What the rule of an experiment will do first, by the exact model."""
    from hwlearn.circuits.drive import Drive, Open
    from hwlearn.circuits.exact.circuit import ExactCircuit
    from hwlearn.inference.noise import Nudging

    rule, inputs, targets = experiment.rule, experiment.task.inputs, experiment.task.targets
    with ExactCircuit(experiment.network) as model:
        free = model.measure(Drive(inputs, rule.free(targets)))
        nudge = rule.amplitude(experiment.network)
        sides = [model.measure(Drive(inputs, rule.nudged(free, targets, side))) for side in (nudge, -nudge)]
        one, two = sides[0], sides[1] if rule.symmetric else free
        currents = one.output_currents - free.output_currents
        residuals = model.measure(Drive(inputs, Open())).output_voltages - targets
        return Nudging(one.edge_drops(), two.edge_drops(), currents, rule.symmetric, residuals)
