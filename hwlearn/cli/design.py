"""`hwlearn design`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from hwlearn.cli.command import Json, TrustCode
from hwlearn.cli.figures import ON_SCREEN, Figures
from hwlearn.cli.netlists import Trust
from hwlearn.cli.output import print_facts, print_json, say
from hwlearn.cli.progress import exchanges_line
from hwlearn.errors import HwlearnError
from hwlearn.show.facts.facts import Facts


def design(
    file: Annotated[Path | None, typer.Argument(metavar="[DESIGN.toml]", help="Design file; none with --prune.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="New folder for design.cir, design.toml, report.html; or one whose search was cut off."
        ),
    ] = None,
    random: Annotated[int, typer.Option(min=1, help="Random graphs to compare it with.")] = 20,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes that search; the cores if not given.")] = None,
    dask: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers search instead.")] = None,
    pruned: Annotated[Path | None, typer.Option("--prune", metavar="RUN", help="Say which edges of a run can go.")] = None,
    edges: Annotated[int | None, typer.Option(min=1, help="With --prune: not fewer; as few as can be if not given.")] = None,
    as_json: Json = False,
    figures: Figures = ON_SCREEN,
    trust_netlist: Trust = False,
    trust_code: TrustCode = False,
) -> None:
    """Find a circuit that learns a task in few steps, before anything is built; or say which edges of a trained one can go."""
    figures.refuse_without(out)
    if (file is None) == (pruned is None):
        raise HwlearnError("give either a design file, or --prune with a run folder")
    if file is not None:
        if edges is not None:
            raise HwlearnError("--edges is for --prune; a design file has edges of its own: [design] edges")
        facts = _found(file, out, random, (jobs, dask), figures)
    else:
        assert pruned is not None
        facts = _pruned(pruned, out, edges or 1, figures, (trust_netlist, trust_code))
    if as_json:
        print_json(facts.content)
    else:
        print_facts(facts)


def _found(file: Path, out: Path | None, random: int, where: tuple[int | None, str | None], figures: Figures) -> Facts:
    from hwlearn.experiments.designs import load_design, write_design
    from hwlearn.experiments.files import write_text
    from hwlearn.experiments.searches import Kept, search_design
    from hwlearn.show.facts.design import design_facts

    settings, problem = load_design(file)
    with nullcontext() if out is None else Kept.of(out, settings) as kept:
        with exchanges_line() as progress:
            (found, *others), beside = search_design(settings, problem, kept, random, *where, progress)
        if out is not None:
            from hwlearn.show.plots import draw_design
            from hwlearn.show.report import design_html

            write_design(found, out)
            write_text(out / "report.html", design_html(found, beside, others))
            draw_design(found, figures.named(out / "design.png"), figures.names, width=figures.millimetres)
    if out is not None:
        _tell(out)
    return design_facts(found, beside, others)


def _pruned(folder: Path, out: Path | None, edges: int, figures: Figures, trust: tuple[bool, bool]) -> Facts:
    from hwlearn.experiments.files import alone_in_new, make_folder
    from hwlearn.experiments.pruned import prune_run, write_pruned
    from hwlearn.experiments.runs import Run
    from hwlearn.show.facts.pruned import pruning_facts

    run = Run.load(folder, trust=trust[0], trust_code=trust[1])
    if out is None:
        return pruning_facts(prune_run(run, edges))
    from hwlearn.analysis.analyze import analyze
    from hwlearn.show.plots import draw_analysis

    with alone_in_new(out, "design"):
        make_folder(out)
        found = prune_run(run, edges)
        write_pruned(found, run.experiment.settings, out)
        last = found.last
        trained = analyze(last.network.with_conductances(last.conductances), found.task)
        draw_analysis(trained, figures.named(out / "design.png"), figures.names, width=figures.millimetres)
    _tell(out)
    return pruning_facts(found)


def _tell(out: Path) -> None:
    say(f"written to {out}; hwlearn train {out / 'design.toml'} trains it")
