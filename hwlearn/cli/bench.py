"""`hwlearn bench`: look after a lab bench."""

from __future__ import annotations

import math
import sys
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwlearn.cli.bench_new import copy_firmware, new, wire
from hwlearn.cli.bench_watch import watch
from hwlearn.cli.command import File, Json
from hwlearn.cli.output import fill, new_table, print_json, print_table, say, visible
from hwlearn.cli.progress import settings_bar
from hwlearn.errors import StationError

if TYPE_CHECKING:
    from hwlearn.experiments import Experiment
    from hwlearn.inference.noise import Nudging
    from hwlearn.lab.bench.selftest import Finding

bench = typer.Typer(
    help="Look after a lab bench: new, wire, firmware, show, look, check, calibrate, watch, safe, serve.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
bench.command("new")(new)
bench.command("wire")(wire)
bench.command("firmware")(copy_firmware)
bench.command("watch")(watch)

LOOSE = 4.0
"""A chi² per reading that is worth a word."""

UNFIT = 0.02
"""Readings that are off the fit by this part of their size, rms, are explained by no devices: nothing is written."""

StationFile = Annotated[Path, typer.Argument(metavar="STATION.toml", help="Station file.")]
TrustStation = Annotated[bool, typer.Option("--trust-station", help="Let the station file name drivers that are code.")]


@bench.command("check")
def _check(station: StationFile, experiment: File, as_json: Json = False, trust_station: TrustStation = False) -> None:
    """Self-test of channels, sources, nodes, edges and nudge. Left safe.

    Noise, offset and settling of each channel; whether each source arrives, each node is read and each edge acts, at its
    place; whether the nudge stands out of the noise.

    Exit code 1 if a test failed.
    """
    from dataclasses import asdict

    from hwlearn.experiments import load_experiment
    from hwlearn.lab.bench.selftest import self_test_station

    loaded = load_experiment(experiment)
    nudging = None if not loaded.network.linear else _nudging(loaded)
    with settings_bar() as progress:
        findings = self_test_station(loaded.network, station, nudging, progress, trust=trust_station)
    failed = sum(not finding.passed for finding in findings)
    if as_json:
        print_json({"passed": not failed, "findings": [asdict(finding) for finding in findings]})
    else:
        _print_findings(findings)
        print(f"{failed} of {len(findings)} tests failed" if failed else f"{len(findings)} tests, none failed")
    sys.stdout.flush()
    if failed:
        raise typer.Exit(1)


def _print_findings(findings: list[Finding]) -> None:
    """What failed or could not be tested one by one, and of the rest the one of each test that came nearest to failing."""
    table = new_table("test", "of", "measured", "accepted", "", "")

    def add(subject: str, f: Finding, verdict: str) -> None:
        limit = "" if f.limit is None else f"{'≥' if f.at_least else '≤'} {f.limit:.3g}"
        table.add_row(f.test, subject, "" if f.value is None else f"{f.value:.3g}", limit, f.unit, verdict)

    def nearness(f: Finding) -> float:
        value, limit = abs(f.value or 0.0), f.limit or math.inf
        return -value / limit if f.at_least else value / limit

    for _, group in groupby(findings, key=lambda f: f.test):
        tests = list(group)
        plain = [f for f in tests if f.passed and not f.note]
        if plain:
            worst = max(plain, key=nearness)
            add(f"{worst.subject}, nearest of {len(plain)}" if plain[1:] else worst.subject, worst, "ok")
        for f in tests:
            if not f.passed or f.note:
                add(f.subject, f, f.note if f.passed else f"FAILED: {f.note}")
    print_table(table)


def _nudging(experiment: Experiment) -> Nudging:
    """What the rule of an experiment will do first, by the exact model."""
    from hwlearn.circuits.drive import Drive, Open
    from hwlearn.circuits.exact.circuit import ExactCircuit
    from hwlearn.inference.noise import Nudging

    rule, inputs, targets = experiment.rule, experiment.task.inputs, experiment.task.targets
    with ExactCircuit(experiment.network) as model:
        free = model.measure(Drive(inputs, rule.free(targets)))
        nudge = rule.amplitude(experiment.network)
        sides = [model.measure(Drive(inputs, rule.nudged(free, targets, side))) for side in (nudge, -nudge)]
        one, two = sides[0], sides[1] if rule.symmetric else free
        currents = one.output_currents - free.output_currents
        residuals = model.measure(Drive(inputs, Open())).output_voltages - targets
        return Nudging(one.edge_drops(), two.edge_drops(), currents, rule.symmetric, residuals)


@bench.command("calibrate")
def _calibrate(
    station: StationFile,
    experiment: File,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for station.toml, offsets.csv and code tables.")],
    settings: Annotated[int | None, typer.Option(min=1, help="Settings of the codes that are read.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in the folder.")] = False,
    as_json: Json = False,
    trust_station: TrustStation = False,
) -> None:
    """Measure offsets and code tables in place; write a station file. Left safe.

    Run `hwlearn bench check` first: wiring that is wrong would be taken for resistance.
    """
    # In one piece: what is printed follows what was measured, line by line.
    import datetime

    import numpy as np

    from hwlearn.experiments import load_experiment
    from hwlearn.inference.calibration import fit_devices
    from hwlearn.lab.bench.circuit import BenchCircuit
    from hwlearn.lab.bench.device_readings import read_devices
    from hwlearn.lab.station.write import write_calibrated

    if not overwrite and out.exists() and any(out.iterdir()):
        raise StationError(f"{out}: the folder is not empty; name a new one, or --overwrite")
    network = load_experiment(experiment).network
    with BenchCircuit(network, station, verify=False, trust=trust_station) as circuit, settings_bar() as progress:
        readings = read_devices(circuit, settings, progress)
    found = fit_devices(network, circuit.station, readings)
    size = float(np.sqrt(np.square(readings.voltages[..., readings.read]).mean()))
    misfit = math.sqrt(found.chi_square) * readings.noise
    if misfit > UNFIT * size:
        raise StationError(
            f"{station}: nothing was written: the readings are {misfit:.2g} V off what any resistors would make (chi² per "
            f"reading {found.chi_square:.3g}), worst at node {found.worst_node}; the wiring is wrong, or a lead is exchanged: "
            "run `hwlearn bench check`"
        )
    if not found.seen.any():
        raise StationError(
            f"{station}: nothing was written: no reading says anything of {', '.join(network.edge_names)}: no source drives "
            "them, or the noise is too large; run `hwlearn bench check`"
        )
    seen = {name: found.resistances[name] for name, ok in zip(network.edge_names, found.seen, strict=True) if ok}
    worst = float(found.error[found.seen].max(initial=0.0))
    written = write_calibrated(circuit.station, out, seen, readings.offsets, worst, datetime.date.today())
    unseen = [name for name in network.edge_names if name not in seen]
    if as_json:
        print_json(
            {
                "station": str(written.path),
                "edges": {
                    name: {"seen": bool(ok), "factor": float(factor), "error": float(error)}
                    for name, ok, factor, error in zip(network.edge_names, found.seen, found.factor, found.error, strict=True)
                },
                "offsets": readings.offsets,
                "offset_error": readings.offset_error,
                "scale_error": found.scale_error,
                "scale_from_current": readings.injected,
                "chi_square": found.chi_square,
            }
        )
    else:
        edges = new_table("edge", "fitted/nominal", "±")
        rows = zip(network.edge_names, found.factor, found.error, found.seen, strict=True)
        fill(edges, [(name, f"{f:.4f}", f"{100 * e:.2g} %") if ok else (name, "not seen", "") for name, f, e, ok in rows])
        if readings.offsets is not None:
            channels = new_table("channel", "offset [V]", "±")
            fill(channels, [(name, f"{v:.3g}", f"{readings.offset_error:.1g}") for name, v in readings.offsets.items()])
        print(f"written to {written.path}: {_advice(found.chi_square, unseen)}")
    if unseen:
        say(f"note: {', '.join(unseen)}: no reading says anything of {'them' if unseen[1:] else 'it'}; the table is kept")
    if not readings.injected:
        say(f"note: voltages fix no overall scale: it is that of the nominal tables, to {100 * found.scale_error:.2g} %")
    if readings.offsets is None:
        say(f"note: offsets were not measured: {', '.join(circuit.external_supplies)} cannot be switched to zero")
    if found.chi_square > LOOSE:
        say(
            f"note: chi² per reading is {found.chi_square:.3g}, worst at node {found.worst_node}: two numbers do not describe "
            "a device, or the wiring is wrong; run `hwlearn bench check`. The errors count it in"
        )
    written.validate(network)


def _advice(chi_square: float, unseen: list[str]) -> str:
    """What to do with the station that was written."""
    if chi_square > LOOSE:
        return "do not use it before `hwlearn bench check` passes with it, for it fits badly"
    kept = f", with the table of {', '.join(unseen)} as it was, for nothing was measured of {'them' if unseen[1:] else 'it'}"
    return f"give this file as the station from now on{kept if unseen else ''}"


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
