"""`hwlearn design`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwlearn.cli.command import Json
from hwlearn.cli.figures import ON_SCREEN, Figures
from hwlearn.cli.output import print_facts, print_json, say
from hwlearn.cli.progress import exchanges_line


def design(
    file: Annotated[Path, typer.Argument(metavar="DESIGN.toml", help="Design file.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="New folder for design.cir, design.toml, report.html and a picture.")
    ] = None,
    random: Annotated[int, typer.Option(min=1, help="Random graphs to compare it with.")] = 20,
    as_json: Json = False,
    figures: Figures = ON_SCREEN,
) -> None:
    """Find a circuit that learns a task in few steps: which nodes its resistors join, before anything is built."""
    from hwlearn.analysis.design.baseline import at_random
    from hwlearn.analysis.design.pareto import front
    from hwlearn.experiments.designs import load_design, write_design
    from hwlearn.experiments.files import make_folder, write_text
    from hwlearn.show.facts.design import design_facts

    figures.refuse_without(out)
    settings, problem = load_design(file)
    if out is not None:
        make_folder(out)
    with exchanges_line() as progress:
        table = settings.design
        found, *others = front(problem, table.objectives, table.seed, table.restarts, progress)
        beside = at_random(problem, random, table.seed)
    if out is not None:
        from hwlearn.show.plots import draw_design
        from hwlearn.show.report import design_html

        write_design(found, out)
        write_text(out / "report.html", design_html(found, beside, others))
        draw_design(found, figures.named(out / "design.png"), figures.names, width=figures.millimetres)
        say(f"written to {out}; hwlearn train {out / 'design.toml'} trains it")
    facts = design_facts(found, beside, others)
    if as_json:
        print_json(facts.content)
    else:
        print_facts(facts)
