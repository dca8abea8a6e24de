"""A bench: the network with the channel that each node, resistor, source and output is wired to."""

from __future__ import annotations

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwlearn.lab.station import Station
from hwlearn.lab.station.settings import EdgeTable
from hwlearn.network import Network
from hwlearn.show.plots.labels import name_dot, name_line
from hwlearn.show.plots.layout import place_nodes
from hwlearn.show.plots.network import edge_ways, paint_network
from hwlearn.show.plots.picture import EDGE, OUTPUT, TITLE, TRAINABLE, Target, plain, short
from hwlearn.show.plots.sheet import Form, Place, drawn

FORM = Form((9.0, 9.5))
BELOW = ((1, -1), (-1, -1), (0, -1.3))
"""Where a channel's name stands first: below its node."""


def draw_wiring(
    network: Network, station: Station, target: Target | None = None, *, ax: Place = None, width: float | None = None
) -> Figure:
    """Draw a station's wiring; meant for networks that fit on a bench.

    Args:
        network: as the experiment file has it. station: that fits it.
        target: PNG, SVG or PDF, by its ending; or a stream.
        ax: axes to draw on; a new figure if not given.
        width: of the figure in mm, for print.

    Raises:
        HwlearnError: the file cannot be written.
    """

    def paint(axes: Axes) -> None:
        _wiring(axes, network, station)

    return drawn({"wiring": paint}, target, ax, width, FORM)


def _wiring(axes: Axes, network: Network, station: Station) -> None:
    settings, at, size = station.settings, place_nodes(network), EDGE * rcParams["font.size"]
    paint_network(axes, network, at)
    ways = edge_ways(network, at)
    for name, node in settings.node.items():
        name_dot(axes, plain(node.read), at[network.node_index[name]], size, BELOW, color=OUTPUT, zorder=6)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85}
    for k, name in enumerate(network.edge_names):
        edge = settings.edge[name]
        text = plain(f"{name}\n{_set_by(edge)}")
        name_line(axes, text, ways[k], size, needed=True, color=TRAINABLE, bbox=box, zorder=5)
    axes.set_title(f"{short(settings.name)}: {short(network.title)}", fontsize=TITLE)
    below = {"ha": "center", "va": "top", "fontsize": size, "transform": axes.transAxes}
    axes.text(0.5, 0.0, "\n".join(_ports(network, station)), **below)


def _set_by(edge: EdgeTable) -> str:
    """What an edge is set by, or what it is."""
    return edge.set or (f"gate {edge.gate.drive}" if edge.gate else f"{edge.fixed_ohm:g} Ω")


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
    return [plain(line) for line in lines]
