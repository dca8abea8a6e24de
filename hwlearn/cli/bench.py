"""`hwlearn bench`: look after a lab bench. Its longer subcommands are files of their own, `bench_….py`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from hwlearn.cli.bench_calibrate import calibrate
from hwlearn.cli.bench_check import check
from hwlearn.cli.bench_new import copy_firmware, new, wire
from hwlearn.cli.bench_watch import watch
from hwlearn.cli.command import File, Json
from hwlearn.cli.output import new_table, print_json, print_table, say, visible
from hwlearn.cli.stations import StationFile, TrustStation

bench = typer.Typer(
    help="Look after a lab bench: new, wire, firmware, show, look, check, calibrate, watch, safe, serve.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
bench.command("new")(new)
bench.command("wire")(wire)
bench.command("firmware")(copy_firmware)
bench.command("watch")(watch)
bench.command("check")(check)
bench.command("calibrate")(calibrate)


@bench.command("look")
def _look(station: StationFile, as_json: Json = False, trust_station: TrustStation = False) -> None:
    """Ask each instrument what it was left with: outputs on, modes, terminals, old errors. Changes nothing.

    Old errors are told once: asking takes them from the queue.

    Exit code 1 if an instrument does not answer or cannot be used as it is.
    """
    from hwlearn.lab.bench.connection import look_at
    from hwlearn.lab.instruments.found import Unusable
    from hwlearn.lab.station import load_station

    loaded = load_station(station, trust_station)
    if loaded.settings.defaults.backend == "virtual":
        say(f"{station}: a virtual bench begins anew with each command: nobody has left anything")
        return
    seen = dict(look_at(loaded))
    refused = [
        name for name, found in seen.items() if not isinstance(found, list) or any(isinstance(f, Unusable) for f in found)
    ]
    if as_json:
        print_json(
            {
                name: [{"kind": type(f).__name__.lower(), "channel": f.channel, "what": f.what} for f in found]
                if isinstance(found, list)
                else {"error": str(found)}
                for name, found in seen.items()
            }
        )
    else:
        table = new_table("instrument", "")
        for name, found in seen.items():
            told = [str(one) for one in found] if isinstance(found, list) else [f"FAILED: {found}"]
            for one in told or ["nothing to tell"]:
                table.add_row(name, one)
        print_table(table)
    sys.stdout.flush()
    if refused:
        raise typer.Exit(1)


@bench.command("safe")
def _safe(station: StationFile, trust_station: TrustStation = False) -> None:
    """Make a station safe from its file alone, whatever state it is in."""
    from hwlearn.lab.bench.connection import make_safe
    from hwlearn.lab.station import load_station

    loaded = load_station(station, trust_station)
    if loaded.settings.defaults.backend == "virtual":
        say(f"{station}: a virtual bench is safe once its process ends")
        return
    make_safe(loaded)
    print(f"{loaded.settings.name}: safe")


@bench.command("show")
def _show(
    station: StationFile,
    experiment: File,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Picture of it: .png, .svg or .pdf.")] = None,
    trust_station: TrustStation = False,
) -> None:
    """Check the station file and print the wiring; touch no instrument."""
    from hwlearn.experiments import load_experiment
    from hwlearn.lab.bench.rules import runnable_rules
    from hwlearn.lab.station import load_station

    network, loaded = load_experiment(experiment).network, load_station(station, trust_station)
    loaded.validate(network)
    settings = loaded.settings
    print(visible(f"{settings.name}: {network.title}; rules: {', '.join(runnable_rules(loaded, network))}"))
    table = new_table("", "", "wired to")
    for name, driven in settings.input.items():
        table.add_row("input", name, driven.drive)
    for name, fixed in settings.source.items():
        table.add_row("source", name, fixed.drive)
    for name, node in settings.node.items():
        gain = settings.channel[node.read].gain if node.read in settings.channel else 1.0
        against = "" if node.against is None else f" against {node.against}"
        table.add_row("node", name, node.read + against + ("" if gain == 1 else f", gain {gain:g}"))
    for name, output in settings.output.items():
        table.add_row("output", name, str(output.nudge or "read only"))
    for name, edge in settings.edge.items():
        if edge.gate is not None:
            table.add_row("edge", name, f"{edge.gate.drive} at its gate")
        else:
            table.add_row("edge", name, f"{edge.set} ({edge.table})" if edge.set else f"{edge.fixed_ohm:g} Ω")
    print_table(table)
    if out is not None:
        from hwlearn.show.plots import draw_wiring

        draw_wiring(network, loaded, out)
        print(f"drawn in {out}")


@bench.command("serve")
def _serve(station: StationFile, experiment: File, trust_station: TrustStation = False) -> None:
    """Run the virtual bench for other clients on this machine."""
    from hwlearn.experiments import load_experiment
    from hwlearn.lab.instruments.signals import ending_signals_raise
    from hwlearn.lab.station.load import as_built, load_station
    from hwlearn.lab.virtual import VirtualBench

    network, built = load_experiment(experiment).network, as_built(load_station(station, trust_station))
    with ending_signals_raise(), VirtualBench(network, built) as virtual:
        for name, resource in virtual.resources.items():
            print(f"{name}  {resource}", flush=True)
        while True:
            time.sleep(1)
