"""Draws docs/measured-bias.png and prints the table of docs/measured-bias.md: `python -m measured_bias` in docs/examples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from measured_bias import GatePair, Lines, Measured, fit_dynamics, fit_late, fit_lines

DOCS = Path(__file__).parents[2]
DATA = DOCS.parent / "tests" / "data" / "dillavou2025"


def main() -> None:
    """Fit, print, draw."""
    measured = Measured.load(DATA)
    lines = Lines.of(measured)
    pair = fit_late(fit_dynamics(fit_lines(GatePair(), lines), measured), measured)
    at_data = pair.cycles(measured.periods)
    print(f"gain {pair.gain:.4f}, threshold {pair.threshold:.3f} V, rate {pair.rate:.0f} V/s/V², ", end="")
    print(f"bias ({pair.bias[0]:.2f}, {pair.bias[1]:.2f}) V/s, late {1e3 * pair.late:.2f} ms")
    for task in (0, 1):
        found, given, spread = pair.solution_line(task), lines.values[task], lines.uncertainty[task]
        print(f"line {task}: slope {found[0]:.3f} (measured {given[0]:.3f} ± {spread[0]:.3f}), ", end="")
        print(f"intercept {found[1]:.3f} V (measured {given[1]:.3f} ± {spread[1]:.3f} V)")
    short = measured.periods <= 0.0126
    for name, spans in (("model", at_data.spans), ("measured", measured.spans)):
        print(f"exponent of DG2, {name}: {np.polyfit(np.log(measured.periods[short]), np.log(spans[short]), 1)[0]:.3f}")
    print("| period [s] | DG2 [V²] | model/measured | MSE [V²] | model/measured |\n|---|---|---|---|---|")
    for row in zip(measured.periods, measured.spans, at_data.spans, measured.errors, at_data.errors, strict=True):
        period, span, span_model, error, error_model = map(float, row)
        print(f"| {period:g} | {span:.3g} | {span_model / span:.2f} | {error:.3g} | {error_model / error:.2f} |")
    draw(measured, pair, lines).savefig(DOCS / "measured-bias.png", dpi=90)


def draw(measured: Measured, pair: GatePair, lines: Lines) -> Figure:
    """Points over curves, residuals below; the plane of the gates beside."""
    figure = Figure(figsize=(15, 6.4), layout="constrained")
    grid = figure.add_gridspec(2, 3, height_ratios=[3, 1])
    periods = np.geomspace(5e-4, 2.5, 60)
    curves = pair.cycles(periods)
    plain = replace(pair, late=0.0).cycles(periods[:25])
    at_data = pair.cycles(measured.periods)
    for column, name, points, curve, same in (
        (0, "DG2", measured.spans, curves.spans, at_data.spans),
        (1, "MSE", measured.errors, curves.errors, at_data.errors),
    ):
        upper = figure.add_subplot(grid[0, column])
        upper.loglog(periods, curve, color="#1f6fb4", label="model")
        if column == 0:
            upper.loglog(periods[:25], plain.spans, "--", color="#1f6fb4", linewidth=0.8, label="model, late = 0")
        upper.loglog(measured.periods, points, "o", color="#c0392b", markersize=4, label="measured")
        upper.set_ylabel(f"{name} [V²]")
        upper.legend(frameon=False)
        lower = figure.add_subplot(grid[1, column], sharex=upper)
        lower.axhspan(0.5, 2.0, color="#9aa4ad", alpha=0.3, linewidth=0)
        lower.semilogy(measured.periods, same / points, "o", color="#1f6fb4", markersize=4)
        lower.axhline(1.0, color="#222222", linewidth=0.8)
        lower.set_yticks([0.5, 1.0, 2.0], ["½", "1", "2"])
        lower.minorticks_off()
        lower.set_ylabel("model/measured")
        lower.set_xlabel("period [s]")
    plane = figure.add_subplot(grid[:, 2])
    axis = np.linspace(2.2, 5.1, 2)
    for task, colour in ((0, "#2e8b57"), (1, "#7d3c98")):
        slope, intercept = pair.solution_line(task)
        plane.plot(axis, slope * axis + intercept, color=colour, label=f"task {task} solved, model")
        plane.plot(axis, lines.values[task, 0] * axis + lines.values[task, 1], ":", color=colour, label="measured line")
    plane.plot(measured.drift[:, 1], measured.drift[:, 2], ".", color="#7d3c98", label="measured drift under task 1")
    plane.plot(*measured.cycle.T, "o", color="#c0392b", markersize=3, label="measured cycle, 0.08 s")
    cycle = pair.cycles([measured.CYCLE_PERIOD])
    half = (measured.CYCLE_PERIOD + pair.late) / 2
    one = pair.path(cycle.after_zero[0], 1, half)
    plane.plot(*np.vstack([one, pair.path(one[-1], 0, half)]).T, color="#1f6fb4", label="model")
    plane.set_xlim(2.2, 5.1)
    plane.set_ylim(2.5, 4.2)
    plane.set_xlabel("G− [V]")
    plane.set_ylabel("G+ [V]")
    plane.legend(frameon=False, fontsize=8)
    return figure


if __name__ == "__main__":
    main()
