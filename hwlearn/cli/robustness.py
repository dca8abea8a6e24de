"""`hwlearn robustness`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwlearn.cli.command import File, Json, Set, TrustCode, read_overrides
from hwlearn.cli.figures import ON_SCREEN, Figures
from hwlearn.cli.netlists import AS_GIVEN, Reading
from hwlearn.cli.output import new_table, print_json, print_table, say

if TYPE_CHECKING:
    from hwlearn.analysis.robustness import Robustness


def robustness(
    file: File,
    only: Annotated[str, typer.Option(metavar="NAMES", help="Imperfections, such as noise,offset; all if not given.")] = "",
    sizes: Annotated[int, typer.Option(min=1, max=3, help="How many sizes of each, the largest ones.")] = 3,
    steps: Annotated[int | None, typer.Option(min=20, help="Of each run; six time constants if not given.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="A quarter of the fastest if not given.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the imperfections.")] = 0,
    settings: Set = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="New folder for robustness.json and a picture.")] = None,
    as_json: Json = False,
    netlist: Reading = AS_GIVEN,
    figures: Figures = ON_SCREEN,
    trust_code: TrustCode = False,
) -> None:
    """Say where training would end on imperfect hardware, with and without remedies: noise, offsets, drift, levels, bias …"""
    from hwlearn.analysis.robustness import robustness
    from hwlearn.experiments import load_experiment
    from hwlearn.experiments.files import make_folder, write_json

    figures.refuse_without(out)
    experiment = load_experiment(file, netlist.over(read_overrides(settings)), trust=netlist.trust, trust_code=trust_code)
    network, task, rule = experiment.network, experiment.task, experiment.rule
    if out is not None:
        make_folder(out)
    with experiment.named():
        found = robustness(
            network,
            task,
            rule,
            learning_rate=learning_rate,
            steps=steps,
            only=[name.strip() for name in only.split(",") if name.strip()],
            sizes=sizes,
            seed=seed,
            progress=(lambda name: say(f"{name} …")) if sys.stderr.isatty() else None,
        )
    if out is not None:
        from hwlearn.show.plots import draw_robustness

        write_json(out / "robustness.json", found.as_dict())
        draw_robustness(found, figures.named(out / "robustness.png"), figures.names, width=figures.millimetres)
        say(f"written to {out}")
    for note in found.notes:
        say(f"note: {note}")
    if as_json:
        print_json(found.as_dict())
    else:
        _print_robustness(found)


def _print_robustness(found: Robustness) -> None:
    from hwlearn.analysis.units import units_of

    sides, step = "symmetric" if found.symmetric else "one-sided", units_of(found.rule).step
    print(
        f"{found.rule}, nudge {found.nudge:g} {found.nudge_unit} {sides}, learning rate {found.learning_rate:.4g} {step}, ",
        end="",
    )
    print(f"{found.steps} steps; loss ½‖e‖² [V²] at the end, {found.perfect:.2g} on perfect hardware")
    remedies = list(dict.fromkeys(remedy for case in found.cases for remedy in case.losses))
    table = new_table("imperfection", "size", "predicted", *("as it is" if name == "none" else name for name in remedies))
    for case in found.cases:
        predicted = "" if case.predicted is None else f"{case.predicted:.2g}"
        losses = [f"{case.losses[name]:.2g}" if name in case.losses else "" for name in remedies]
        table.add_row(case.imperfection, f"{case.size:.2g} {case.unit.replace('1', '')}".strip(), predicted, *losses)
    print_table(table)
