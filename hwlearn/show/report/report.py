"""`write_report`: a run as one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jinja2 import Environment, StrictUndefined

from hwlearn.analysis.analyze import Analysis, analyze
from hwlearn.analysis.convergence import fit_decay
from hwlearn.analysis.operating import OperatingPoint, operating_point
from hwlearn.errors import ExperimentError, HwlearnError
from hwlearn.experiments.files import write_text
from hwlearn.experiments.prediction import predicted_decay
from hwlearn.experiments.runs import Run
from hwlearn.files import read
from hwlearn.learning.rules import RULES
from hwlearn.show.plots import draw_analysis, draw_operating_point, draw_run
from hwlearn.show.report.crossvalidation import crossvalidations

LISTED = 50
"""Rows of a table before it is elided."""

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """A table; the rows after the first `LISTED` are counted in `more`."""

    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    more: int = 0

    @classmethod
    def of(cls, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
        """A table that is elided if it is long."""
        return cls(header, rows[:LISTED], max(len(rows) - LISTED, 0))


def write_report(run: Run, path: str | PathLike[str] | None = None) -> Path:
    """Write the report of a run, running or not, and return its path: report.html in the run folder if none is given.

    Raises:
        ExperimentError: as of `Run.experiment`; the file cannot be written.
    """
    file = run.folder / "report.html" if path is None else Path(path)
    write_text(file, report_html(run))
    return file


def report_html(run: Run) -> str:
    """The report's text: circuit, task and outputs, learning, what coercivity says, cross-validation, environment.

    No scripts and nothing to load: figures are in it. Cross-validation is there for each comparison.json of `hwlearn compare
    --out`, in the run folder or a folder in it.

    Raises:
        ExperimentError: as of `Run.experiment`.
    """
    analysis = _analysis(run)
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
        files("hwlearn.show.report").joinpath("report.html").read_text(encoding="utf-8")
    )
    return template.render(
        title=run.info["title"],
        name=run.folder.resolve().name,
        summary=_summary(run),
        circuit=_circuit(run),
        network=_figure(lambda to: draw_run(run, to, ["network"])),
        conductances=_conductances(run),
        gates=_gates(run),
        outputs=_outputs(run),
        reached=None if run.outputs is None else _figure(lambda to: draw_run(run, to, ["outputs"])),
        residuals=None if run.outputs is None else _figure(lambda to: draw_run(run, to, ["residuals"])),
        learning=_learning(run),
        loss=_figure(lambda to: draw_run(run, to, ["loss"])),
        analysis=analysis,
        linear=run.network.linear,
        spectrum=_spectrum(analysis),
        rates=_rates(analysis) if isinstance(analysis, Analysis) else None,
        comparisons=crossvalidations(run.folder),
        environment=_environment(run),
        experiment=_text(run.folder / "experiment.toml"),
        overrides=[f"{key} = {value}" for key, value in run.info["overrides"].items()],
    )


def _summary(run: Run) -> Pairs:
    settings, result, losses = run.settings, run.result, run.history.losses
    unit = RULES.get(settings["rule.name"]).loss_unit
    pairs = [("rule", settings["rule.name"]), ("backend", settings["backend.name"])]
    if result is not None:
        nudge = "" if result["nudge_unit"] == "1" else f" {result['nudge_unit']}"
        sides = ", both sides" if result["symmetric"] else ""
        pairs[0] = ("rule", f"{result['rule']}, nudge {result['nudge']:.4g}{nudge}{sides}")
        pairs += [
            ("steps", f"{result['steps']} (stopped because: {run.state})"),
            ("loss ½|o−y|²", f"{_number(result['loss_initial'])} → {_number(result['loss_final'])} V²"),
            ("seconds", f"{result['seconds']:.3g}"),
        ]
        pairs += [("note", note) for note in result["notes"]]
    elif losses:
        pairs += [
            ("steps", f"{len(losses) - 1} ({run.state})"),
            ("loss that the rule observes", f"{losses[0]:.4g} → {losses[-1]:.4g} {unit}"),
        ]
    return [*pairs, ("began", run.info["date"])]


def _circuit(run: Run) -> Pairs:
    network = run.network
    pairs = [
        ("nodes", str(len(network.nodes))),
        ("edges" if network.transistors else "resistors", network.counted()),
        ("inputs", ", ".join(f"{s.name} ({s.kind}, {s.plus} to {s.minus})" for s in network.inputs) or "none"),
        ("outputs", ", ".join(network.output_names)),
    ]
    if network.fixed_sources:
        shown = [f"{s.name} {s.value:.6g} {s.unit} ({s.plus} to {s.minus})" for s in network.fixed_sources[:LISTED]]
        pairs.append(("fixed sources", ", ".join(shown)))
    if network.elements:
        pairs.append(("other elements", "; ".join(element.card for element in network.elements[:LISTED])))
    return pairs


def _conductances(run: Run) -> Table:
    network, before = run.network, run.experiment.network.conductances
    rows = zip(network.edges, before.tolist(), network.conductances.tolist(), network.trainable.tolist(), strict=True)
    return Table.of(
        ("edge" if network.transistors else "resistor", "from", "to", "before [S]", "now [S]"),
        [(e.name, e.tail, e.head, f"{was:.6g}", f"{now:.6g}" if moves else "fixed") for e, was, now, moves in rows],
    )


def _gates(run: Run) -> Table:
    before, now = run.experiment.network.gate_voltages, run.network.gate_voltages
    return Table.of(
        ("gate of", "before [V]", "now [V]"), [(name, f"{before[name]:.6g}", f"{value:.6g}") for name, value in now.items()]
    )


def _outputs(run: Run) -> Table:
    task, names = run.experiment.task, run.network.output_names
    measured = np.full(task.targets.shape, np.nan) if run.outputs is None else run.outputs
    rows = [
        (str(sample), name, f"{target:.6g}", _number(reached), _number(reached - target))
        for sample, (targets, outputs) in enumerate(zip(task.targets.tolist(), measured.tolist(), strict=True))
        for name, target, reached in zip(names, targets, outputs, strict=True)
    ]
    return Table.of(("sample", "output", "target [V]", "reached [V]", "error [V]"), rows)


def _learning(run: Run) -> Pairs:
    per = "per unit of time" if run.continuous else "per step"
    pairs: Pairs = []
    try:
        rate = predicted_decay(run.experiment, run.network.conductances)
        pairs.append(("decay of the loss that coercivity predicts", f"{rate:.4g} {per}"))
    except HwlearnError as error:
        pairs.append(("prediction", str(error)))
    try:
        fit = fit_decay(run.history.losses, run.history.at)
        window = f"from {run.history.at[fit.start]:.6g} to {run.history.at[fit.stop - 1]:.6g}"
        if not fit.steady:
            window += ", where it is not steady"
        pairs.append(("decay of the loss that was observed", f"{fit.rate:.4g} {per} {window}"))
    except HwlearnError as error:
        pairs.append(("observed", str(error)))
    noise = np.array(run.history.noise)
    if np.isfinite(noise).any() and np.nanmax(noise) > 0:
        pairs.append(("noise of a reading", f"{np.sqrt(np.nanmean(noise**2)):.3g} V"))
    clipped = max(run.history.clipped, default=0)
    if clipped:
        pairs.append(("resistors at a bound", f"{clipped} at most, {run.history.clipped[-1]} at last"))
    where = "t" if run.continuous else "step"
    resumes = [f"{event['date']} at {where} {event[where]:.6g}" for event in run.history.events if event["event"] == "resume"]
    return pairs + ([("resumed", "; ".join(resumes))] if resumes else [])


def _analysis(run: Run) -> Analysis | OperatingPoint | str:
    """What `hwlearn analyze` says about the circuit as it is now, or why it says nothing."""
    network, task = run.network, run.experiment.task
    try:
        return analyze(network, task) if network.linear else operating_point(network, task)
    except HwlearnError as error:
        return str(error)


def _spectrum(analysis: Analysis | OperatingPoint | str) -> str | None:
    if isinstance(analysis, str):
        return None
    if isinstance(analysis, Analysis):
        return _figure(lambda to: draw_analysis(analysis, to, ["spectrum"]))
    return _figure(lambda to: draw_operating_point(analysis, to))


def _rates(analysis: Analysis) -> Table:
    rows = [
        (name, f"{found.slowest:.4g}", f"{found.best_step:.4g}", f"{found.max_step:.4g}")
        for name, found in analysis.solution.spectra.items()
    ]
    return Table.of(("rule", "slowest rate", "fastest learning rate", "limit"), rows)


def _environment(run: Run) -> Pairs:
    pairs = [("hwlearn", run.info["versions"]["hwlearn"]), ("platform", run.info["platform"])]
    pairs += [("commit", run.info["commit"])] if run.info["commit"] else []
    start = run.history.last("start")
    circuit = dict(start["circuit"]) if start else {}
    pairs += [(name, instrument["identity"]) for name, instrument in circuit.pop("instruments", {}).items()]
    pairs += [(f"circuit: {key}", str(value)) for key, value in circuit.items() if not isinstance(value, list)]
    pairs += [(name, version) for name, version in run.info["versions"].items() if name != "hwlearn"]
    return [*pairs, ("experiment file", run.info["experiment"])]


def _figure(draw: Callable[[BinaryIO], None]) -> str:
    """A picture as the address of an `img`."""
    picture = io.BytesIO()
    draw(picture)
    return f"data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"


def _text(path: Path) -> str:
    try:
        return read(path).decode("utf-8-sig")
    except OSError as error:
        raise ExperimentError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ExperimentError(f"{path}: not UTF-8; it is not what the run began with") from None


def _number(value: Any) -> str:
    return "not measured" if value is None or np.isnan(value) else f"{value:.6g}"
