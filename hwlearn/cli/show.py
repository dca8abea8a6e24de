"""`hwlearn show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwlearn.cli.command import File, Json, Set, Trust, TrustCode, read_overrides
from hwlearn.cli.output import print_facts, print_json


def show(
    file: File,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Picture: .png, .svg or .pdf.")] = None,
    settings: Set = None,
    as_json: Json = False,
    trust_netlist: Trust = False,
    trust_code: TrustCode = False,
) -> None:
    """Print the circuit, ports and task of an experiment file, and draw the circuit."""
    from hwlearn.experiments import load_experiment
    from hwlearn.show.facts.network import network_facts
    from hwlearn.show.plots import draw_network

    experiment = load_experiment(file, read_overrides(settings), trust=trust_netlist, trust_code=trust_code)
    network, task = experiment.network, experiment.task
    picture = Path(f"{file.stem}.png") if out is None else out
    draw_network(network, picture)
    facts = network_facts(network, task)
    if as_json:
        print_json({**facts.content, "picture": str(picture)})
        return
    print_facts(facts)
    print(f"drawn in {picture}")
