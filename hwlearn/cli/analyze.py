"""`hwlearn analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwlearn.cli.command import File, Json, Set, Trust, app, read_overrides
from hwlearn.cli.output import new_table, print_json, print_table, say, visible

if TYPE_CHECKING:
    from hwlearn.analysis.analyze import Analysis
    from hwlearn.analysis.operating import OperatingPoint


@app.command("analyze")
def _analyze(
    file: File,
    settings: Set = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="New folder for analysis.json and analysis.png.")] = None,
    as_json: Json = False,
    trust_netlist: Trust = False,
) -> None:
    """Say whether a circuit can learn its task, how fast each rule will be, and what stands in the way.

    Of a circuit that is not linear, only what holds near its present conductances.
    """
    from hwlearn.analysis.analyze import analyze
    from hwlearn.analysis.operating import OperatingPoint, operating_point
    from hwlearn.experiments import load_experiment
    from hwlearn.experiments.files import make_folder, write_json

    experiment = load_experiment(file, read_overrides(settings), trust=trust_netlist)
    network, task = experiment.network, experiment.task
    if out is not None:
        make_folder(out)
    with experiment.named():
        found = analyze(network, task) if network.linear else operating_point(network, task)
    if out is not None:
        from hwlearn.show.plots import draw_analysis, draw_operating_point

        write_json(out / "analysis.json", found.as_dict())
        if isinstance(found, OperatingPoint):
            draw_operating_point(found, out / "analysis.png")
        else:
            draw_analysis(found, out / "analysis.png")
        say(f"written to {out}")
    if as_json:
        print_json(found.as_dict())
    elif isinstance(found, OperatingPoint):
        _print_operating_point(found)
    else:
        _print_analysis(found)


def _print_analysis(found: Analysis) -> None:
    about = found.as_dict()
    print(visible(found.network.title))
    table = new_table("", "")
    table.add_row("reachable", "yes" if about["reachable"] else f"no; nearest {about['nearest_rms']:.4g} V rms away")
    table.add_row("rank", f"{about['rank']} of {about['constraints']} constraints (the graph allows {about['rank_bound']})")
    table.add_row("coercivity constant", f"{about['constant']:.6g} V²/S²")
    table.add_row("mass ½Σg²", f"{about['mass']:.6g} S²")
    if about["dead_edges"]:
        names = ", ".join(about["dead_edges"][:12]) + (" …" if len(about["dead_edges"]) > 12 else "")
        table.add_row("never a current in", names)
    print_table(table)
    rates = new_table("rule", "slowest rate", "active now", "fastest learning rate", "limit")
    for rule, spectrum in found.solution.spectra.items():
        excited = found.start.spectra[rule]
        active = f"{excited.observed:.4g}" + (f", {100 * excited.stuck:.2g} % stuck" if excited.stuck > 1e-6 else "")
        rates.add_row(rule, f"{spectrum.slowest:.4g}", active, f"{spectrum.best_step:.4g}", f"{spectrum.max_step:.4g}")
    print_table(rates)
    for line in found.advice():
        print(line)


def _print_operating_point(found: OperatingPoint) -> None:
    print(visible(found.network.title))
    table = new_table("", "")
    table.add_row("rank here", f"{found.rank} of {found.constraints} constraints")
    table.add_row("coercivity constant", f"{found.constant:.6g} V²/S²")
    table.add_row("rates of ep", f"{found.slowest:.4g} to {found.fastest:.4g}, learning rate at most {found.max_step:.4g}")
    if found.network.transistors:
        table.add_row("ep's direction off the gradient", f"{found.angle:.2g}°")
    if found.dead_edges:
        table.add_row("move no output", ", ".join(found.dead_edges[:12]) + (" …" if len(found.dead_edges) > 12 else ""))
    print_table(table)
    for line in found.advice():
        print(line)
