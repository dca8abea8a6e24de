"""`hwlearn show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwlearn.cli.command import File, Json, Set, Trust, app, read_overrides
from hwlearn.cli.output import fill, new_table, print_json, print_table, visible

if TYPE_CHECKING:
    from hwlearn.experiments import Experiment
    from hwlearn.network import Network, Source

SHOWN_SOURCES = 12
"""Fixed sources, and other elements, that are listed."""

SHOWN_PORTS = 8
"""Columns of the task's table for inputs, and for outputs."""


@app.command("show")
def _show(
    file: File,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Picture: .png, .svg or .pdf.")] = None,
    settings: Set = None,
    as_json: Json = False,
    trust_netlist: Trust = False,
) -> None:
    """Print the circuit, ports and task of an experiment file, and draw the circuit."""
    from hwlearn.experiments import load_experiment
    from hwlearn.show.plots import draw_network

    experiment = load_experiment(file, read_overrides(settings), trust=trust_netlist)
    network, task = experiment.network, experiment.task
    picture = Path(f"{file.stem}.png") if out is None else out
    draw_network(network, picture)
    if as_json:
        samples = {"task": {"inputs": task.inputs.tolist(), "targets": task.targets.tolist()}}
        print_json({**_described(network), **samples, "picture": str(picture)})
        return
    _print_network(network)
    _print_task(experiment)
    print(f"drawn in {picture}")


def _print_network(network: Network) -> None:
    about = _described(network)
    print(visible(network.title))
    table = new_table("", "")
    table.add_row("nodes", str(len(network.nodes)))
    table.add_row("edges" if network.transistors else "resistors", network.counted())
    if len(network.edges):
        table.add_row("conductances", f"{network.conductances.min():.4g} … {network.conductances.max():.4g} S")
    for source in about["inputs"]:
        table.add_row("input", f"{source['name']}: {source['kind']} from {source['plus']} to {source['minus']}")
    for port in about["outputs"]:
        table.add_row("output", port)
    for source in about["fixed_sources"][:SHOWN_SOURCES]:
        text = f"{source['name']}: {source['value']:.6g} {source['unit']} from {source['plus']} to {source['minus']}"
        table.add_row("fixed source", text)
    if len(about["fixed_sources"]) > SHOWN_SOURCES:
        table.add_row("fixed source", f"… {len(about['fixed_sources']) - SHOWN_SOURCES} more")
    for element in network.elements[:SHOWN_SOURCES]:
        table.add_row("other element", element.card)
    if len(network.elements) > SHOWN_SOURCES:
        table.add_row("other element", f"… {len(network.elements) - SHOWN_SOURCES} more")
    print_table(table)
    edges = new_table("edge" if network.transistors else "resistor", "tail", "head", "conductance [S]", "")
    fill(
        edges,
        [
            (edge.name, edge.tail, edge.head, f"{g:.6g}", "" if trained else "fixed")
            for edge, g, trained in zip(network.edges, network.conductances.tolist(), network.trainable.tolist(), strict=True)
        ],
    )
    if network.transistors:
        gates = new_table("transistor", "gate [V]", "threshold [V]", "transconductance [S/V]", "bulk")
        volts = network.gate_voltages
        fill(
            gates,
            [
                (t.edge, f"{volts[t.edge]:.6g}", f"{t.threshold:.6g}", f"{t.transconductance:.6g}", t.bulk)
                for t in network.transistors
            ],
        )


def _print_task(experiment: Experiment) -> None:
    network, task = experiment.network, experiment.task
    given = [f"{source.name} [{source.unit}]" for source in network.inputs]
    wanted = [f"→ {name} [V]" for name in network.output_names]
    table = new_table("sample", *given[:SHOWN_PORTS], *wanted[:SHOWN_PORTS])
    rows = zip(task.inputs[:, :SHOWN_PORTS].tolist(), task.targets[:, :SHOWN_PORTS].tolist(), strict=True)
    fill(table, [(str(k), *(f"{value:.6g}" for value in (*u, *y))) for k, (u, y) in enumerate(rows)])


def _described(network: Network) -> dict[str, Any]:
    """Ports, edges and fixed sources for JSON."""

    def listed(sources: tuple[Source, ...]) -> list[dict[str, Any]]:
        names = ("name", "kind", "plus", "minus", "value", "unit")
        return [{name: getattr(source, name) for name in names} for source in sources]

    return {
        "title": network.title,
        "nodes": list(network.nodes),
        "inputs": listed(network.inputs),
        "outputs": list(network.output_names),
        "fixed_sources": listed(network.fixed_sources),
        "transistors": [
            {**transistor._asdict(), "gate_voltage": network.gate_voltages[transistor.edge]}
            for transistor in network.transistors
        ],
        "other_elements": [element.card for element in network.elements],
        "edges": [
            {"name": edge.name, "tail": edge.tail, "head": edge.head, "conductance": g, "trainable": trained}
            for edge, g, trained in zip(network.edges, network.conductances.tolist(), network.trainable.tolist(), strict=True)
        ],
    }
