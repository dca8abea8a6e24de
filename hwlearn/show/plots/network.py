"""A network: line width is conductance; inputs, outputs and fixed sources are coloured."""

from __future__ import annotations

from itertools import cycle
from os import PathLike
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hwlearn.arrays import Array
from hwlearn.network import EdgeDevice, Network
from hwlearn.show.facts.network import counts
from hwlearn.show.plots.layout import place_nodes
from hwlearn.show.plots.picture import FIXED, GROUNDED, INPUT, OUTPUT, PLAIN, SMALL, SOURCE, TRAINABLE, save, short
from hwlearn.text import GROUND

LABELLED_SIZE = 40  # nodes; above it, only ports are labelled
LABELLED_PORTS = 30


def draw_network(network: Network, path: str | PathLike[str]) -> None:
    """Draw a network into a picture file.

    Args:
        network: of any size; up to 300 nodes are laid out by all path lengths, more by those to 30 of them.
        path: PNG, SVG or PDF, by its ending.

    Raises:
        HwlearnError: the file cannot be written.
    """
    figure = Figure(figsize=(7.5, 7.5), layout="constrained")
    axes = figure.add_subplot()
    _, thick = paint_network(axes, network, place_nodes(network))
    axes.set_title(f"{short(network.title)}: {counts(network)}", fontsize=11)
    figure.legend(handles=network_legend(network, thick), loc="outside lower center", ncols=6, frameon=False, fontsize=9)
    save(figure, path)


def paint_network(axes: Axes, network: Network, at: Array, shade: Array | None = None) -> tuple[LineCollection, float]:
    """Paint a network on axes; edges are coloured by `shade` (E,) if given.

    Returns:
        The edges, for a colour bar, and the width of the strongest one.
    """
    count = len(network.nodes)
    axes.set_aspect("equal")
    axes.axis("off")

    strength = network.conductances / network.conductances.max() if len(network.edges) else np.empty(0)
    thick = 5.0 * min(1.0, (60 / max(len(network.edges), 1)) ** 0.35)
    styles = _styles(network)
    order = np.argsort(network.trainable if shade is None else shade, kind="stable")
    lines = LineCollection(
        list(np.stack((at[network.tails], at[network.heads]), axis=1)[order]),
        linewidths=(0.08 * thick + 0.92 * thick * strength)[order],
        linestyles=[styles[type(network.device_at[k])] if k in network.device_at else "-" for k in order.tolist()],
        capstyle="round",
        zorder=1,
    )
    if shade is None:
        lines.set_color([TRAINABLE if network.trainable[k] else FIXED for k in order])
    else:
        lines.set_cmap("viridis_r")
        lines.set_array(shade[order])
    axes.add_collection(lines)

    roles = _roles(network)
    dot = float(np.clip(1500 / count, 1.0, 130.0))
    shown = [(PLAIN, 0.35, 2), (SOURCE, 0.7, 3), (GROUNDED, 1.0, 3), (OUTPUT, 1.0, 4), (INPUT, 1.0, 4)]
    for colour, size, level in shown:
        where = [k for k, node in enumerate(network.nodes) if roles.get(node, PLAIN) == colour]
        area = dot * size if colour == PLAIN or len(where) > LABELLED_PORTS else max(dot, 60.0) * size
        axes.scatter(at[where, 0], at[where, 1], s=area, c=colour, zorder=level, linewidths=0.5, edgecolors="white")

    middle = float(at[:, 0].mean())
    leftward = {node for node, k in network.node_index.items() if at[k, 0] < middle and roles.get(node) == INPUT}
    for node in _labelled(network, roles):
        colour = roles.get(node, TRAINABLE)
        axes.annotate(
            node.replace("$", r"\$"),
            at[network.node_index[node]],
            xytext=(-8 if node in leftward else 8, 8),
            textcoords="offset points",
            ha="right" if node in leftward else "left",
            fontsize=SMALL,
            color=colour,
            fontweight="bold" if node in roles else "normal",
            bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.6},
            zorder=5,
        )
    axes.autoscale_view()
    axes.margins(0.08)
    return lines, thick


def _styles(network: Network) -> dict[type[EdgeDevice], Literal["--", "-.", ":"]]:
    """How the lines of edges are dashed that are no resistors."""
    dashes: tuple[Literal["--", "-.", ":"], ...] = ("--", "-.", ":")
    return dict(zip(dict.fromkeys(map(type, network.devices)), cycle(dashes), strict=False))


def _roles(network: Network) -> dict[str, str]:
    """The colour of each node that is special; inputs win over outputs, outputs over fixed sources."""
    roles = {node: SOURCE for source in network.fixed_sources for node in (source.plus, source.minus)}
    roles |= {node: OUTPUT for port in network.outputs for node in (port.plus, port.minus)}
    roles |= {node: INPUT for source in network.inputs for node in (source.plus, source.minus)}
    return roles | {GROUND: GROUNDED}


def _labelled(network: Network, roles: dict[str, str]) -> list[str]:
    if len(network.nodes) <= LABELLED_SIZE:
        return list(network.nodes)
    ports = [node for node in network.nodes if roles.get(node, PLAIN) in (INPUT, OUTPUT)]
    return ports[:LABELLED_PORTS]


def network_legend(network: Network, thick: float) -> list[Line2D]:
    """What the colours of nodes and the width of the strongest edge mean."""
    roles = _roles(network)
    present = {roles[node] for node in network.nodes if node in roles}
    names = {INPUT: "input", OUTPUT: "output", SOURCE: "fixed source", GROUNDED: "ground"}
    shown = [(colour, name) for colour, name in names.items() if colour in present]
    handles = [Line2D([], [], marker="o", linestyle="", color=colour, label=name) for colour, name in shown]
    if len(network.edges):
        label = f"{network.conductances.max():.3g} S"
        handles.append(Line2D([], [], color=TRAINABLE if network.trainable.any() else FIXED, linewidth=thick, label=label))
    if network.trainable.any() and not network.trainable.all():
        handles.append(Line2D([], [], color=FIXED, linewidth=thick, label="not trained"))
    handles += [Line2D([], [], color=PLAIN, linestyle=style, label=law.word) for law, style in _styles(network).items()]
    return handles
