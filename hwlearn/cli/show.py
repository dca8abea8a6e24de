"""`hwlearn show`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hwlearn.cli.command import Json, Set, TrustCode, read_overrides
from hwlearn.cli.figures import ON_SCREEN, Figures
from hwlearn.cli.netlists import AS_GIVEN, Reading
from hwlearn.cli.output import print_facts, print_json, say
from hwlearn.errors import HwlearnError


def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Experiment file (.toml), or netlist.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Picture to write or replace: .png, .svg or .pdf.")] = None,
    settings: Set = None,
    as_json: Json = False,
    netlist: Reading = AS_GIVEN,
    figures: Figures = ON_SCREEN,
    trust_code: TrustCode = False,
) -> None:
    """Print and draw the circuit, ports and task of an experiment; of a netlist, what each backend makes of it."""
    from hwlearn.experiments import load_experiment
    from hwlearn.network import Network
    from hwlearn.show.facts.netlist import netlist_facts
    from hwlearn.show.facts.network import network_facts
    from hwlearn.show.plots import draw_network, draw_schematic

    if figures.panels is not None:
        raise HwlearnError("--panels: the picture of a circuit has one panel")
    wide = figures.millimetres
    picture = _not_there(figures.named(Path(f"{file.stem}.png"))) if out is None else figures.chosen(out)
    if file.suffix.lower() == ".toml" or file.is_dir():
        experiment = load_experiment(file, netlist.over(read_overrides(settings)), trust=netlist.trust, trust_code=trust_code)
        if picture is not None:
            draw_network(experiment.network, picture, width=wide)
        facts = network_facts(experiment.network, experiment.task)
    else:
        if settings:
            raise HwlearnError(f"--set {settings[0]}: {file} is a netlist, which has no keys")
        said: Any = {"control": netlist.control, "dialect": netlist.dialect}
        network = Network.from_netlist(file, trust=netlist.trust, **said)
        if picture is not None:
            draw_schematic(network, picture, width=wide)
        facts = netlist_facts(network, file.parent)
    if as_json:
        print_json({**facts.content, "picture": None if picture is None else str(picture)})
        return
    print_facts(facts)
    if picture is not None:
        print(f"drawn in {picture}")


def _not_there(picture: Path) -> Path | None:
    """A picture that nobody named, if it replaces no file, or if who sits at the terminal lets it."""
    if not picture.exists():
        return picture
    if sys.stdin.isatty() and sys.stderr.isatty() and typer.confirm(f"{picture} is there already; replace it?", err=True):
        return picture
    say(f"note: {picture} is there already and is kept; --out FILE names the picture, and replaces what has that name")
    return None
