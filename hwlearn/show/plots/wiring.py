"""A bench: the network with the channel that each node, resistor, source and output is wired to."""

from __future__ import annotations

from os import PathLike

from matplotlib.figure import Figure

from hwlearn.lab.station import Station
from hwlearn.network import Network
from hwlearn.show.plots.layout import place_nodes
from hwlearn.show.plots.network import paint_network
from hwlearn.show.plots.picture import OUTPUT, TRAINABLE, save, short


def draw_wiring(network: Network, station: Station, path: str | PathLike[str]) -> None:
    """Draw a station's wiring into a PNG, SVG or PDF file; meant for networks that fit on a bench.

    Raises:
        HwlearnError: the file cannot be written.
    """
    settings, at = station.settings, place_nodes(network)
    figure = Figure(figsize=(9, 9.5), layout="constrained")
    axes = figure.add_subplot()
    paint_network(axes, network, at)
    for name, node in settings.node.items():
        axes.annotate(
            node.read,
            at[network.node_index[name]],
            xytext=(8, -11),
            textcoords="offset points",
            fontsize=7,
            color=OUTPUT,
            zorder=6,
        )
    for k, name in enumerate(network.edge_names):
        edge = settings.edge[name]
        middle = at[[network.tails[k], network.heads[k]]].mean(0)
        text = edge.set or (f"gate {edge.gate.drive}" if edge.gate else f"{edge.fixed_ohm:g} Ω")
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85}
        axes.annotate(f"{name}\n{text}", middle, ha="center", va="center", fontsize=6.5, color=TRAINABLE, bbox=box, zorder=4)
    axes.set_title(f"{short(settings.name)}: {short(network.title)}", fontsize=11)
    figure.supxlabel("\n".join(_ports(network, station)), fontsize=8)
    save(figure, path)


def _ports(network: Network, station: Station) -> list[str]:
    """What sources and outputs are wired to, a line each."""
    settings = station.settings
    drives = {name: table.drive for name, table in settings.input.items()}
    drives.update({name: table.drive for name, table in settings.source.items()})
    lines = [f"{s.name} ({s.plus} to {s.minus}): {drives[s.name]}" for s in network.sources]
    for name, output in settings.output.items():
        nudge = output.nudge
        how = nudge if isinstance(nudge, str) else f"{nudge.drive} through {nudge.series_ohm:g} Ω, read by {nudge.read}"
        lines.append(f"output {name}: {how}")
    return [line.replace("$", r"\$") for line in lines]
