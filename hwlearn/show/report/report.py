"""`write_report`: a run as one HTML file that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import numpy as np

from hwlearn.analysis.analyze import Analysis, analyze
from hwlearn.analysis.convergence import fit_decay
from hwlearn.analysis.operating import OperatingPoint, operating_point
from hwlearn.errors import ExperimentError, HwlearnError
from hwlearn.experiments.files import write_text
from hwlearn.experiments.prediction import predicted_decay
from hwlearn.experiments.runs import Run
from hwlearn.files import read
from hwlearn.show.facts import Section
from hwlearn.show.facts.analysis import analysis_facts
from hwlearn.show.facts.cost import cost_pairs
from hwlearn.show.facts.network import network_facts
from hwlearn.show.facts.training import confusion_tables, run_facts
from hwlearn.show.plots import draw_analysis, draw_operating_point, draw_run
from hwlearn.show.plots.runs import panels_of
from hwlearn.show.report.crossvalidation import crossvalidations
from hwlearn.show.report.page import figure, page

MOVED = {
    "conductances": "Conductances of the trained edges along the run.",
    "codes": "Codes that were written to the devices along the run.",
}
REACHED = {"outputs": "Outputs reached, against the targets.", "residuals": "What is left of the errors."}
GRADED = {
    "scores": "Accuracy, or loss, on training and test samples before the first epoch and after each.",
    "confusion": "What samples of each class were taken for.",
}
"""Panels and what they show."""

LOSSES = {
    "loss": "The loss, and the decay that coercivity predicts where the run stands.",
    "rule-loss": "The loss that the rule observes.",
}
"""½‖o − y‖², and what the rule observes, where that is something else."""


def write_report(run: Run, path: str | PathLike[str] | None = None) -> Path:
    """Write the report of a run, running or not, and return its path: report.html in the run folder if none is given.

    Raises:
        ExperimentError: see `Run.experiment`; the file cannot be written.
    """
    file = run.folder / "report.html" if path is None else Path(path)
    write_text(file, report_html(run))
    return file


def report_html(run: Run) -> str:
    """The report's text: circuit, task and outputs, learning, what coercivity says, cross-validation, environment.

    No scripts and nothing to load: figures are in it. Cross-validation is there for each comparison.json of `hwlearn compare
    --out`, in the run folder or a folder in it.

    Raises:
        ExperimentError: see `Run.experiment`.
    """
    comparisons = crossvalidations(run.folder)  # before anything is drawn: it may be refused
    analysis = _analysis(run)
    told, network = run_facts(run), network_facts(run.network, run.experiment.task)
    return page("report.html").render(
        title=told.title,
        name=run.folder.resolve().name,
        summary=told.sections[0],
        circuit=Section(pairs=network.sections[0].pairs),
        network=figure(lambda to: draw_run(run, to, ["network"])),
        trained=told.sections[1],
        task=network.sections[1],
        measured=run.outputs is not None,
        reached=_figures(run, REACHED),
        graded=_figures(run, GRADED),
        confusions=confusion_tables(run.result or {}),
        learning=Section(pairs=tuple(_learning(run))),
        losses=_figures(run, LOSSES),
        moved=_figures(run, MOVED),
        cost=_cost(run),
        analysis=analysis if isinstance(analysis, str) else analysis_facts(analysis).sections[0],
        linear=run.network.linear,
        spectrum=_spectrum(analysis),
        comparisons=comparisons,
        environment=Section(pairs=tuple(_environment(run))),
        experiment=_text(run.folder / "experiment.toml"),
        overrides=[f"{key} = {value}" for key, value in run.info["overrides"].items()],
    )


def _cost(run: Run) -> Section | None:
    """What it cost: measured on a bench, else what it would cost on one."""
    ledger = (run.result or {}).get("ledger")
    if ledger is None:
        return None
    measured = "wiring" in run.info["fingerprint"]
    how = "measured on the bench" if measured else "model: the power of each phase, on while it settles and is read"
    return Section(pairs=(*cost_pairs(ledger), ("how it is known", how)))


def _figures(run: Run, captions: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pictures and captions of those panels that there are."""
    there = panels_of(run)
    return [(figure(partial(_draw, run, name)), caption) for name, caption in captions.items() if name in there]


def _draw(run: Run, panel: str, to: BinaryIO) -> None:
    draw_run(run, to, [panel])


def _learning(run: Run) -> list[tuple[str, str]]:
    per = "per unit of time" if run.continuous else "per step"
    pairs: list[tuple[str, str]] = []
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
    for name in dict.fromkeys(name for celsius in run.history.celsius for name in celsius):
        warm = [celsius[name] for celsius in run.history.celsius if name in celsius]
        span = f"{min(warm):.2f} to {max(warm):.2f} °C" if max(warm) > min(warm) else f"{warm[0]:.2f} °C"
        pairs.append((f"temperature, {name}", f"{span}, {warm[-1]:.2f} °C at last"))
    clipped = max(run.history.clipped, default=0)
    if clipped:
        pairs.append(("resistors at a bound", f"{clipped} at most, {run.history.clipped[-1]} at last"))
    where = "t" if run.continuous else "step"
    resumes = [f"{event['date']} at {where} {event[where]:.6g}" for event in run.history.events if event["event"] == "resume"]
    return pairs + ([("resumed", "; ".join(resumes))] if resumes else [])


def _analysis(run: Run) -> Analysis | OperatingPoint | str:
    """What `hwlearn analyze` says about the circuit as it truly is now, or why it says nothing."""
    experiment, task = run.experiment, run.experiment.task
    try:
        imperfect = experiment.settings.imperfect is not None
        network = experiment.there(run.network.conductances) if imperfect else run.network
        return analyze(network, task, run.experiment.rule.loss) if network.linear else operating_point(network, task)
    except HwlearnError as error:
        return str(error)


def _spectrum(analysis: Analysis | OperatingPoint | str) -> str | None:
    if isinstance(analysis, str):
        return None
    if isinstance(analysis, Analysis):
        return figure(lambda to: draw_analysis(analysis, to, ["spectrum"]))
    return figure(lambda to: draw_operating_point(analysis, to))


def _environment(run: Run) -> list[tuple[str, str]]:
    pairs = [("hwlearn", run.info["versions"]["hwlearn"]), ("platform", run.info["platform"])]
    pairs += [("commit", run.info["commit"])] if run.info["commit"] else []
    start = run.history.last("start")
    circuit = dict(start["circuit"]) if start else {}
    pairs += [(name, instrument["identity"]) for name, instrument in circuit.pop("instruments", {}).items()]
    pairs += [(f"circuit: {key}", str(value)) for key, value in circuit.items() if not isinstance(value, list)]
    pairs += [(name, version) for name, version in run.info["versions"].items() if name != "hwlearn"]
    return [*pairs, ("experiment file", run.info["experiment"])]


def _text(path: Path) -> str:
    try:
        return read(path).decode("utf-8-sig")
    except OSError as error:
        raise ExperimentError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ExperimentError(f"{path}: not UTF-8; it is not what the run began with") from None
