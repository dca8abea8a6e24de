"""`hwlearn analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwlearn.cli.command import File, Json, Set, TrustCode, read_overrides
from hwlearn.cli.figures import ON_SCREEN, Figures
from hwlearn.cli.netlists import AS_GIVEN, Reading
from hwlearn.cli.output import print_facts, print_json, say

FOLLOWED = 200
"""Edges up to which the end of training is always forecast."""


def analyze(
    file: File,
    settings: Set = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="New folder for analysis.json and a picture.")] = None,
    as_json: Json = False,
    netlist: Reading = AS_GIVEN,
    figures: Figures = ON_SCREEN,
    trust_code: TrustCode = False,
    end: Annotated[
        bool | None,
        typer.Option("--forecast/--no-forecast", help=f"Where training will end; up to {FOLLOWED} edges if not given."),
    ] = None,
    ordered: Annotated[bool, typer.Option("--in-order", help="What is forgotten if samples are learned one by one.")] = False,
) -> None:
    """Say whether a circuit can learn its task, how fast each rule will be, where it will end, and what stands in the way.

    With `[imperfect]` in the file, of the circuit that is truly there: without its dead edges, with its real conductances.
    Of a circuit that is not linear, only what holds near its present conductances.
    """
    import numpy as np

    from hwlearn.analysis.analyze import analyze
    from hwlearn.analysis.forecast import forecast, in_order
    from hwlearn.analysis.operating import OperatingPoint, operating_point
    from hwlearn.experiments import load_experiment
    from hwlearn.experiments.files import make_folder, write_json
    from hwlearn.show.facts.analysis import analysis_facts
    from hwlearn.show.facts.cost import with_cost
    from hwlearn.show.facts.forecast import with_forecast, with_order

    figures.refuse_without(out)
    experiment = load_experiment(file, netlist.over(read_overrides(settings)), trust=netlist.trust, trust_code=trust_code)
    network, task = experiment.there() if experiment.settings.imperfect is not None else experiment.network, experiment.task
    if out is not None:
        make_folder(out)
    with experiment.named():
        found = analyze(network, task, experiment.rule.loss) if network.linear else operating_point(network, task)
    facts = with_cost(analysis_facts(found), experiment, network)
    followed = len(network.edges) <= FOLLOWED and not experiment.rule.loss.jumps
    if network.linear and (followed if end is None else end):
        with experiment.named():
            facts = with_forecast(facts, forecast(network, task, experiment.rule))
    if ordered:
        with experiment.named():
            samples = [task.batch(np.array([k])) for k in range(len(task))]
            facts = with_order(facts, *in_order(network, samples, experiment.rule))
    if out is not None:
        from hwlearn.show.plots import draw_analysis, draw_operating_point

        write_json(out / "analysis.json", facts.content)
        picture = figures.named(out / "analysis.png")
        if isinstance(found, OperatingPoint):
            draw_operating_point(found, picture, figures.names, width=figures.millimetres)
        else:
            draw_analysis(found, picture, figures.names, width=figures.millimetres)
        say(f"written to {out}")
    if as_json:
        print_json(facts.content)
    else:
        print_facts(facts)
