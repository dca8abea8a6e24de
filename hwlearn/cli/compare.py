"""`hwlearn compare`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from hwlearn.cli.command import File, Json, Set, TrustCode, name_of, read_overrides
from hwlearn.cli.figures import ON_SCREEN, Figures
from hwlearn.cli.netlists import AS_GIVEN, Reading
from hwlearn.cli.output import print_facts, print_json, say
from hwlearn.errors import HwlearnError


def compare(
    file: File,
    backends: Annotated[
        str | None,
        name_of(
            "circuits",
            "Two or more of {}, with commas; the first is the reference. Default: exact,ngspice, with a station exact,bench.",
        ),
    ] = None,
    station: Annotated[Path | None, typer.Option(metavar="FILE", help="Station file of the bench.")] = None,
    settings: Set = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="New folder for comparison.json and a picture.")] = None,
    as_json: Json = False,
    netlist: Reading = AS_GIVEN,
    figures: Figures = ON_SCREEN,
    trust_code: TrustCode = False,
) -> None:
    """Drive several backends through the same phases and say where they differ. Exit code 1 if they do."""
    from hwlearn.circuits.base import Circuit
    from hwlearn.experiments import load_experiment
    from hwlearn.experiments.files import make_folder, write_json
    from hwlearn.inference.comparison import compare_circuits
    from hwlearn.inference.faults import Accuracy
    from hwlearn.lab.station import load_station
    from hwlearn.show.facts.comparison import comparison_facts

    figures.refuse_without(out)
    names = _names(backends, station)
    overrides = read_overrides(settings)
    if station is not None:
        overrides["backend.station"] = str(station.absolute())
    experiment = load_experiment(file, netlist.over(overrides), trust=netlist.trust, trust_code=trust_code)
    experiment.network, experiment.task, experiment.rule  # noqa: B018  # refuse what does not fit before a folder is made
    made = {name: experiment.backend(name) for name in names}
    if out is not None:
        make_folder(out)
    names.sort(key=lambda name: made[name].hardware)  # its devices say which conductances are compared
    accuracy = None
    if station is not None:
        known = load_station(station, trust_code).settings.calibration
        accuracy = Accuracy(0.0, known.conductance, known.source, known.current)
    with ExitStack() as stack:
        circuits: dict[str, Circuit] = {
            name: stack.enter_context(experiment.circuit(name, verify=False, imperfect=name != names[0])) for name in names
        }
        with experiment.named():
            found = compare_circuits(experiment.task, experiment.rule, circuits, accuracy)
    facts = comparison_facts(found.as_dict())
    if out is not None:
        from hwlearn.show.plots import draw_comparison

        write_json(out / "comparison.json", facts.content)
        draw_comparison(found, figures.named(out / "comparison.png"), figures.names, width=figures.millimetres)
        say(f"written to {out}")
    if as_json:
        print_json(facts.content)
    else:
        print_facts(facts)
    sys.stdout.flush()
    if not found.agrees:
        raise typer.Exit(1)


def _names(backends: str | None, station: Path | None) -> list[str]:
    """The backends to compare, the reference first."""
    from hwlearn.circuits.backend import BACKENDS

    if backends is None:
        backends = "exact,ngspice" if station is None else "exact,bench"
    names = [name.strip() for name in backends.split(",")]
    unknown = [name for name in names if name not in BACKENDS and ":" not in name]
    if unknown or len(names) < 2 or len(set(names)) < len(names):
        raise HwlearnError(f"--backends {backends}: two or more of {', '.join(BACKENDS)}, each once")
    if names[0] in BACKENDS and BACKENDS.get(names[0]).hardware:
        raise HwlearnError(f"--backends {backends}: {names[0]} is hardware and no reference; name a model first")
    return names
