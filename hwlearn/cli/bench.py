"""`hwlearn bench`: look after a lab bench."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from hwlearn.cli.command import File, Json, app
from hwlearn.cli.output import new_table, print_json, print_table, say

bench = typer.Typer(help="Look after a lab bench: check, safe, show, serve.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(bench, name="bench")

StationFile = Annotated[Path, typer.Argument(metavar="STATION.toml", help="Station file.")]


@bench.command("check")
def _check(station: StationFile, experiment: File, as_json: Json = False) -> None:
    """Self-test: noise, offset and settling of each channel, each node and edge, the smallest nudge. Left safe."""
    from dataclasses import asdict

    from hwlearn.bench.check import check_bench
    from hwlearn.bench.circuit import BenchCircuit
    from hwlearn.experiments import load_experiment

    with BenchCircuit(load_experiment(experiment).network, station) as circuit:
        findings = check_bench(circuit)
    failed = [finding for finding in findings if not finding.passed]
    if as_json:
        print_json({"passed": not failed, "findings": [asdict(finding) for finding in findings]})
    else:
        table = new_table("test", "of", "measured", "limit", "", "")
        for f in findings:
            verdict = "ok" if f.passed else f"FAILED: {f.advice}"
            table.add_row(f.test, f.subject, f"{f.value:.4g}", f"{f.limit:.4g}", f.unit, verdict)
        print_table(table)
    sys.stdout.flush()
    if failed:
        raise typer.Exit(1)


@bench.command("safe")
def _safe(station: StationFile) -> None:
    """Make a station safe from its file alone, in its stated order, whatever state it is in."""
    from hwlearn.bench.connection import make_safe
    from hwlearn.station import load_station

    loaded = load_station(station)
    if loaded.settings.defaults.backend == "virtual":
        say(f"{station}: a virtual bench is safe once its process ends")
        return
    make_safe(loaded)
    print(f"{loaded.settings.name}: safe")


@bench.command("show")
def _show(station: StationFile, experiment: File) -> None:
    """Check a station file against a network, without touching an instrument, and print the wiring."""
    from hwlearn.experiments import load_experiment
    from hwlearn.station import load_station

    network, loaded = load_experiment(experiment).network, load_station(station)
    loaded.check(network)
    settings = loaded.settings
    print(f"{settings.name}: {network.title}; rules: {', '.join(loaded.rules(network))}")
    table = new_table("", "", "wired to")
    for name, driven in settings.input.items():
        table.add_row("input", name, driven.drive)
    for name, fixed in settings.source.items():
        table.add_row("source", name, fixed.drive)
    for name, node in settings.node.items():
        table.add_row("node", name, node.read)
    for name, output in settings.output.items():
        table.add_row("output", name, str(output.nudge or "read only"))
    for name, edge in settings.edge.items():
        table.add_row("edge", name, edge.set or f"{edge.fixed_ohm:g} Ω")
    print_table(table)


@bench.command("serve")
def _serve(station: StationFile, experiment: File) -> None:
    """Run the virtual bench of a station for other clients, on this machine only, until Ctrl-C."""
    from hwlearn.bench.signals import ending_signals_raise
    from hwlearn.experiments import load_experiment
    from hwlearn.station import load_station
    from hwlearn.virtual import VirtualBench

    with ending_signals_raise(), VirtualBench(load_experiment(experiment).network, load_station(station)) as virtual:
        for name, resource in virtual.resources.items():
            print(f"{name}  {resource}", flush=True)
        while True:
            time.sleep(1)
