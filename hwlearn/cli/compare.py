"""`hwlearn compare`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwlearn.cli.command import File, Json, Set, Trust, TrustCode, name_of, read_overrides
from hwlearn.cli.output import fill, new_table, print_json, print_table, say
from hwlearn.errors import HwlearnError

if TYPE_CHECKING:
    from hwlearn.inference.comparison import Compared, Comparison


def compare(
    file: File,
    backends: Annotated[str, name_of("circuits", "Two or more of {}, with commas; the first is the reference.")],
    station: Annotated[Path | None, typer.Option(metavar="FILE", help="Station file of the bench.")] = None,
    settings: Set = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="New folder for comparison.json and comparison.png.")] = None,
    as_json: Json = False,
    trust_netlist: Trust = False,
    trust_code: TrustCode = False,
) -> None:
    """Drive several backends through the same phases and say where they differ. Exit code 1 if they do."""
    from hwlearn.circuits.backend import BACKENDS
    from hwlearn.circuits.base import Circuit
    from hwlearn.experiments import load_experiment
    from hwlearn.experiments.files import make_folder, write_json
    from hwlearn.inference.comparison import compare_circuits
    from hwlearn.inference.faults import Accuracy
    from hwlearn.lab.station import load_station

    names = [name.strip() for name in backends.split(",")]
    if len(names) < 2 or len(set(names)) < len(names):
        raise HwlearnError(f"--backends {backends}: two or more of {', '.join(BACKENDS)}, each once")
    overrides = read_overrides(settings)
    if station is not None:
        overrides["backend.station"] = str(station.absolute())
    experiment = load_experiment(file, overrides, trust=trust_netlist, trust_code=trust_code)
    experiment.network, experiment.task, experiment.rule  # noqa: B018  # refuse what does not fit before a folder is made
    made = {name: experiment.backend(name) for name in names}
    if made[names[0]].hardware:
        raise HwlearnError(f"--backends {backends}: {names[0]} is hardware and no reference; name a model first")
    if out is not None:
        make_folder(out)
    names.sort(key=lambda name: made[name].hardware)  # its devices say which conductances are compared
    accuracy = None
    if station is not None:
        known = load_station(station).settings.calibration
        accuracy = Accuracy(0.0, known.conductance, known.source, known.current)
    with ExitStack() as stack:
        circuits: dict[str, Circuit] = {
            name: stack.enter_context(experiment.circuit(name, verify=False, imperfect=name != names[0])) for name in names
        }
        with experiment.named():
            found = compare_circuits(experiment.task, experiment.rule, circuits, accuracy)
    if out is not None:
        from hwlearn.show.plots import draw_comparison

        write_json(out / "comparison.json", found.as_dict())
        draw_comparison(found, out / "comparison.png")
        say(f"written to {out}")
    if as_json:
        print_json(found.as_dict())
    else:
        for one in found.compared:
            _print_compared(found, one)
    sys.stdout.flush()
    if not found.agrees:
        raise typer.Exit(1)


def _print_compared(found: Comparison, one: Compared) -> None:
    print(f"{one.name} beside {found.reference}: {'agrees' if one.agrees else 'DIFFERS'}")
    for reason in one.reasons:
        print(f"  {reason}")
    table = new_table("", "")
    table.add_row("largest node residual", f"{abs(one.node_residuals).max():.3g} V (noise {one.node_noise:.2g} V)")
    if len(one.current_residuals):
        table.add_row("largest output current residual", f"{abs(one.current_residuals).max():.3g} A")
    table.add_row(f"cosine of the directions of {found.rule}", f"{one.cosine:.8g}")
    table.add_row("drift, first to last free phase", f"{abs(one.drift).max():.2g} V")
    if one.diagnosis is None:
        table.add_row("where a fault is", "not told: the circuit is not linear")
    else:
        chi_square = " → ".join(f"{x:.3g}" for x in one.diagnosis.chi_square)
        table.add_row("chi² per reading, without and with the faults", chi_square)
        if one.diagnosis.unseen:
            table.add_row("edges that no phase sees", ", ".join(one.diagnosis.unseen))
    print_table(table)
    fit = one.identified
    if fit is None:
        return
    scale = "fixed by the injected currents" if fit.scale_is_seen else "NOT seen: voltages alone never fix it"
    print(f"identified conductances: {fit.unseen.shape[1]} directions unseen; overall scale {scale}")
    rows = zip(found.network.edge_names, fit.nominal, fit.conductances, fit.relative_error, strict=True)
    edges = new_table("edge", "programmed [S]", "identified [S]", "±")
    fill(edges, [(name, f"{was:.5g}", f"{now:.5g}", f"{100 * error:.2g} %") for name, was, now, error in rows])
