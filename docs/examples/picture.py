"""The picture of README and index: two phases on the kite, and the training that they make on two backends."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from hwlearn import Drive, EquilibriumPropagation, ExactCircuit, Inject, NgspiceCircuit, Task, train
from hwlearn.network.builders import kite

BLUE, RED, GREY = "#1f6fb4", "#c0392b", "#9aa4ad"
PLACES = {"A": (0, 1), "D": (0, -1), "T": (-1, 0), "M": (0, 0), "W": (1, 0)}


def picture() -> Figure:
    """Free phase, nudged phase, and losses."""
    network = kite(conductances=[1, 1.5, 1.3, 1, 1, 1.7])
    task = Task(inputs=[[1.0, 0.0]], targets=[[0.6, 0.5, 0.4]])
    rule = EquilibriumPropagation(nudge=1.0, symmetric=True)
    figure, (one, two, three) = plt.subplots(1, 3, figsize=(10, 3.3), layout="constrained", width_ratios=[1, 1, 1.3])
    with ExactCircuit(network) as circuit:
        free = circuit.measure(Drive(task.inputs))
        error = free.output_voltages - task.targets
        nudged = circuit.measure(Drive(task.inputs, outputs=Inject(-error)))
    names = network.nodes
    for axes, title, measured in ((one, "free: drive and measure", free), (two, "nudged: push outputs to targets", nudged)):
        volts = dict(zip(names, measured.node_voltages[0].tolist(), strict=True))
        for edge in network.edges:
            (x0, y0), (x1, y1) = PLACES[edge.tail], PLACES[edge.head]
            axes.plot([x0, x1], [y0, y1], color=GREY, linewidth=2.5, zorder=1)
        for name, (x, y) in PLACES.items():
            color = RED if name in "AD" else BLUE
            axes.scatter([x], [y], s=520, color="white", edgecolor=color, linewidth=2, zorder=2)
            axes.text(x, y, f"{volts[name]:.2f}", ha="center", va="center", fontsize=8, zorder=3)
        if measured is nudged:
            for k, name in enumerate("TMW"):
                (x, y), side = PLACES[name], -1 if error[0, k] < 0 else 1
                if abs(error[0, k]) > 0.01:
                    arrow = {"arrowstyle": "-|>", "color": BLUE, "lw": 2, "shrinkA": 0, "shrinkB": 0}
                    axes.annotate("", (x, y + 0.28 * side), (x, y + 0.75 * side), arrowprops=arrow)
        axes.set(title=title, xlim=(-1.4, 1.4), ylim=(-1.5, 1.4), aspect="equal")
        axes.axis("off")
    for backend, style in ((ExactCircuit, "-"), (NgspiceCircuit, ":")):
        with backend(network) as circuit:
            losses = train(circuit, task, rule, steps=400, learning_rate=5.0).losses
            three.semilogy(losses, style, color=BLUE if style == "-" else RED, linewidth=2.5, label=circuit.name)
    three.set(title="each resistor follows its own contrast", xlabel="step", ylabel="loss ½|o − y|² [V²]")
    three.grid(alpha=0.3)
    three.legend(frameon=False)
    return figure


if __name__ == "__main__":
    picture().savefig(Path(__file__).parents[1] / "static" / "hwlearn.png", dpi=130)
