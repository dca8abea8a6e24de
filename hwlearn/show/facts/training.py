"""Facts of a training: from result.json, which is `hwlearn train --json`, and from a journal while there is no result."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from hwlearn.experiments.runs import Run
from hwlearn.network import Network
from hwlearn.show.facts.facts import Facts, Pairs, Section, Table, number


def training_facts(result: Mapping[str, Any], before: Network, after: Network) -> Facts:
    """What a training ended with.

    Args:
        result: `Outcome.as_dict`.
        before, after: the network untrained and trained.
    """
    summary = Section(pairs=_summary(result), details=tuple(("note", note) for note in result["notes"]))
    answers = confusion_tables(result) or [outputs_table(result)]
    body = (*answers, *conductance_tables(before, after))
    caption = _caption(result["rule"], result["backend"])
    return Facts(after.title, caption, (summary, Section(body=body)), result)


def run_facts(run: Run) -> Facts:
    """What a run has done so far, running or not."""
    result = run.result
    began = ("began", run.info["date"])
    if result is not None:
        facts = training_facts(result, run.experiment.network, run.network)
        summary = facts.sections[0]
        told = Section(pairs=(*summary.pairs, *summary.details, began))
        return Facts(facts.title, facts.caption, (told, *facts.sections[1:]), result)
    rule, backend, losses = run.settings["rule.name"], run.settings["backend.name"], run.history.losses
    pairs = [("rule", rule), ("backend", backend)]
    if losses:
        pairs += [
            ("steps", f"{len(losses) - 1} ({run.state})"),
            ("loss that the rule observes", f"{losses[0]:.4g} → {losses[-1]:.4g} {run.loss_unit}"),
        ]
    if run.history.scores:
        last = run.history.scores[-1]
        parts = [f"{value:.4g}" for value in (last.accuracy, last.test_accuracy) if math.isfinite(value)]
        pairs += [("accuracy", ", in the test ".join(parts))] if parts else []
    body = tuple(conductance_tables(run.experiment.network, run.network))
    return Facts(run.network.title, _caption(rule, backend), (Section(pairs=(*pairs, began)), Section(body=body)))


def run_caption(run: Run) -> str:
    """What trained it, from run.json alone."""
    return _caption(run.settings["rule.name"], run.settings["backend.name"])


def _caption(rule: str, backend: str) -> str:
    return f"{rule} on {backend}"


def _summary(result: Mapping[str, Any]) -> Pairs:
    unit = "" if result["nudge_unit"] == "1" else f" {result['nudge_unit']}"
    sides = ", both sides" if result["symmetric"] else ""
    remedies = ", ".join(f"{name} {value:g}" for name, value in result["remedies"].items())
    kept = result.get("kept_step")
    losses = " → ".join(number(result[name], 4) for name in ("loss_initial", "loss_final"))
    own = result["rule_loss_unit"] if result["rule_loss"] is not None else "V²"
    return (
        ("rule", f"{result['rule']}, nudge {result['nudge']:.4g}{unit}{sides}"),
        *([("remedies", remedies)] if remedies else []),
        ("backend", result["backend"]),
        ("steps", f"{result['steps']} (stopped because: {result['stopped_because']})"),
        *([("kept", f"step {kept}, the best that was confirmed")] if kept not in (None, result["steps"]) else []),
        ("loss ½|o−y|²", f"{losses} V²"),
        *([("loss that the rule observes", f"{number(result['rule_loss'], 4)} {own}")] if own != "V²" else []),
        *_graded(result),
        ("seconds", f"{result['seconds']:.3g}"),
    )


def _graded(result: Mapping[str, Any]) -> Pairs:
    """Loss of the last epoch, and accuracy in the end, on training and test samples."""

    def both(one: float | None, two: float | None, unit: str = "") -> str:
        return f"{number(one, 4)}{unit}" + ("" if two is None else f", {number(two, 4)}{unit} in the test")

    pairs: list[tuple[str, str]] = []
    if scores := result.get("scores"):
        pairs.append(("loss", both(scores["losses"][-1], scores["test_losses"][-1], f" {scores['unit']}")))
    if result.get("accuracy") is not None:
        pairs.append(("accuracy", both(result["accuracy"], result.get("test_accuracy"))))
    return tuple(pairs)


def confusion_tables(result: Mapping[str, Any]) -> list[Table]:
    """What samples of each class were taken for; none without classes."""
    tables = []
    for key, what in (("confusion", "training"), ("test_confusion", "test")):
        if (counts := result.get(key)) is not None:
            names = [str(label) for label in result["classes"]]
            rows = ((name, *map(str, row)) for name, row in zip(names, counts, strict=True))
            tables.append(Table.of((f"{what} samples of", *(f"as {name}" for name in names)), rows))
    return tables


def outputs_table(result: Mapping[str, Any]) -> Table:
    """Outputs reached beside the targets."""
    rows = [
        (name, str(sample), number(reached), f"{target:.6g}", number(None if reached is None else reached - target))
        for sample, (outputs, targets) in enumerate(zip(result["outputs"], result["targets"], strict=True))
        for name, reached, target in zip(result["output_names"], outputs, targets, strict=True)
    ]
    return Table.of(("output [V]", "sample", "reached", "target", "error"), rows, details=[4])


def conductance_tables(before: Network, after: Network) -> Iterable[Table]:
    """What was trained, before and after: conductances, and what edges are set by where that is something else."""
    rows = zip(after.edges, before.conductances.tolist(), after.conductances.tolist(), after.trainable.tolist(), strict=True)
    yield Table.of(
        ("conductance [S]", "from", "to", "before", "after", ""),
        [(e.name, e.tail, e.head, f"{was:.6g}", f"{now:.6g}", "" if trained else "fixed") for e, was, now, trained in rows],
        details=[1, 2, 5],
    )
    for what, settings in after.settings.items():
        started = before.settings[what]
        values = [(name, f"{started[name]:.6g}", f"{now:.6g}") for name, now in settings.items()]
        yield Table.of((what.column, "before", "after"), values)
