"""The page of `hwlearn watch`: figures and tables that bokeh keeps up to date in the browser."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.layouts import column, row
from bokeh.models import (
    ColumnDataSource,
    DataTable,
    Div,
    HoverTool,
    PrintfTickFormatter,
    ScientificFormatter,
    Slope,
    TableColumn,
)
from bokeh.plotting import figure

from hwlearn.errors import HwlearnError
from hwlearn.show.facts.facts import Pairs
from hwlearn.show.plots.picture import FIXED, INPUT, OUTPUT, PLAIN, SERIES
from hwlearn.show.watch.view import View

EVERY = 1000
"""Milliseconds between two looks."""

MOVED = 30
"""Conductances that are drawn: those that moved most."""

DOTS = 2000
"""Outputs that are drawn."""

STYLE = """
:host { font: 15px/1.45 system-ui, sans-serif; color: #222; }
h1 { font-size: 1.3rem; margin: .4rem 0; overflow-wrap: anywhere; } h2 { font-size: 1rem; margin: .6rem 0 .2rem; }
#state { font-weight: bold; margin: .3rem 0; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(21rem, 1fr)); gap: .1rem 1rem; }
.facts div { overflow-wrap: anywhere; }
.facts span { color: #5a6670; }
 td { padding: .1rem .9rem .1rem 0; vertical-align: top; overflow-wrap: anywhere; }
td:first-child { color: #5a6670; white-space: nowrap; }
"""


class Page:
    """The models of one browser's page, and what they show."""

    def __init__(self, view: View) -> None:
        self._head, self._events = (Div(sizing_mode="stretch_width", stylesheets=[STYLE]) for _ in range(2))
        names = ("loss", "noise", "outputs", "conductances", "devices")
        self._sources = {name: ColumnDataSource() for name in names}
        steps = "time" if view.continuous else "step"
        self._outputs_plot, self._noise_plot, loss = self._outputs(), self._noise(steps), self._loss(view, steps)
        self._prediction = loss.legend[0].items[0]
        self.show(view)
        panels = [loss, self._outputs_plot, self._conductances(steps), self._devices(), self._noise_plot]
        across = row(*panels, sizing_mode="stretch_width", styles={"flex-wrap": "wrap", "gap": "12px"})
        self.root = column(self._head, across, self._events, sizing_mode="stretch_width")

    def show(self, view: View) -> None:
        """Bring the page up to date."""
        self._head.text = _head(view)
        self._events.text = "<h2>What happened, the last thing first</h2>" + _rows(view.events)
        self._outputs_plot.title.text = f"Outputs, {view.outputs_source}"
        self._sources["loss"].data = {"at": view.at, "loss": _positive(view.losses), "predicted": view.predicted}
        self._prediction.visible = bool(np.isfinite(view.predicted).any())
        self._noise_plot.visible = bool((view.noise > 0).any())
        self._sources["noise"].data = {"at": view.at, "noise": view.noise}
        self._sources["outputs"].data = _dots(view)
        self._sources["conductances"].data = _curves(view)
        self._sources["devices"].data = {
            "edge": [device.edge for device in view.devices],
            "g": [device.conductance for device in view.devices],
            "code": ["–" if device.code is None else str(device.code) for device in view.devices],
            "writes": ["–" if device.writes is None else str(device.writes) for device in view.devices],
        }

    def show_error(self, error: HwlearnError) -> None:
        """Say that the run cannot be read; what was drawn stays."""
        self._head.text = f'<p id="state">{escape(str(error))}</p>'

    def _loss(self, view: View, steps: str) -> Any:
        plot = _panel("Loss", steps, f"loss that the rule observes [{view.unit}]", y_axis_type="log")
        plot.line(
            "at", "predicted", source=self._sources["loss"], color=INPUT, line_dash="dashed", legend_label="predicted rate"
        )
        plot.line("at", "loss", source=self._sources["loss"], color=OUTPUT, line_width=2, legend_label="observed")
        plot.legend.location = "top_right"
        plot.legend.background_fill_alpha = 0.6
        return plot

    def _outputs(self) -> Any:
        plot = _panel("Outputs", "target [V]", "output [V]")
        plot.add_layout(Slope(gradient=1, y_intercept=0, line_color=FIXED))
        plot.scatter("target", "output", source=self._sources["outputs"], color="color", size=7)
        plot.add_tools(HoverTool(tooltips=[("output", "@name"), ("target", "@target V"), ("now", "@output V")]))
        return plot

    def _conductances(self, steps: str) -> Any:
        plot = _panel("Conductances", steps, "conductance [S]")
        plot.multi_line("xs", "ys", source=self._sources["conductances"], color="color", line_width=1.5)
        plot.scatter("at", "now", source=self._sources["conductances"], color="color", size=5)
        plot.add_tools(HoverTool(tooltips=[("edge", "@edge")]))
        return plot

    def _devices(self) -> Any:
        columns = [
            TableColumn(field="edge", title="edge"),
            TableColumn(field="g", title="conductance [S]", formatter=ScientificFormatter(precision=4)),
            TableColumn(field="code", title="code"),
            TableColumn(field="writes", title="writes"),
        ]
        table = DataTable(
            source=self._sources["devices"], columns=columns, height=290, sizing_mode="stretch_width", index_position=None
        )
        return column(Div(text="<h2>Devices</h2>", stylesheets=[STYLE]), table, **_WIDE)

    def _noise(self, steps: str) -> Any:
        plot = _panel("Noise of a reading", steps, "standard deviation [V]")
        plot.yaxis.formatter = PrintfTickFormatter(format="%.2e")
        plot.line("at", "noise", source=self._sources["noise"], color=PLAIN, line_width=1.5)
        plot.y_range.start = 0
        return plot


_WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "styles": {"flex": "1 1 420px", "min-width": "300px"}}


def page(look: Callable[[], View]) -> Callable[[Document], None]:
    """What bokeh calls for each browser: makes its page, and keeps that up to date."""

    def made(document: Document) -> None:
        shown = Page(look())
        document.add_root(shown.root)
        document.title = "hwlearn watch"

        def update() -> None:
            try:
                shown.show(look())
            except HwlearnError as error:
                shown.show_error(error)

        document.add_periodic_callback(update, EVERY)

    return made


def _panel(title: str, x: str, y: str, **options: Any) -> Any:
    plot = figure(title=title, height=330, x_axis_label=x, y_axis_label=y, tools="pan,wheel_zoom,reset", **options, **_WIDE)
    plot.toolbar.logo = None
    if "y_axis_type" not in options:
        plot.yaxis.formatter = PrintfTickFormatter(format="%.4g")
    return plot


def _head(view: View) -> str:
    why = f"<p>No outputs and no prediction: {escape(view.no_model)}</p>" if view.no_model else ""
    facts = "".join(f"<div><span>{escape(name)}</span> {escape(value)}</div>" for name, value in view.facts)
    title = f"<h1>{escape(view.title)}: {escape(view.caption)}</h1>"
    return f'{title}<p id="state">{escape(view.state)}</p><div class="facts">{facts}</div>{why}'


def _rows(pairs: Pairs) -> str:
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in pairs)
    return f"<table>{rows}</table>"


def _positive(values: Any) -> Any:
    """What a logarithmic axis can show."""
    return np.where(values > 0, values, np.nan)


def _dots(view: View) -> dict[str, Any]:
    count, ports = view.outputs.shape
    shown = np.unique(np.linspace(0, max(count * ports - 1, 0), min(count * ports, DOTS)).round().astype(int))
    names = np.tile(np.array(view.output_names, dtype=object), count)
    colors = np.tile(np.array([SERIES[k % len(SERIES)] for k in range(ports)], dtype=object), count)
    return {
        "target": view.targets.ravel()[shown] if count else [],
        "output": view.outputs.ravel()[shown],
        "name": names[shown].tolist() if count else [],
        "color": colors[shown].tolist() if count else [],
    }


def _curves(view: View) -> dict[str, Any]:
    if not (len(view.seen_at) and len(view.edges)):
        return {"xs": [], "ys": [], "at": [], "now": [], "edge": [], "color": []}
    moved = np.argsort(-np.ptp(view.conductances, axis=0), kind="stable")[:MOVED]
    return {
        "xs": [view.seen_at] * len(moved),
        "ys": [view.conductances[:, k] for k in moved],
        "at": [view.seen_at[-1]] * len(moved),
        "now": view.conductances[-1, moved],
        "edge": [view.edges[k] for k in moved],
        "color": [SERIES[n % len(SERIES)] for n in range(len(moved))],
    }
