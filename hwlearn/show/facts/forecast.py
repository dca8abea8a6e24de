"""Facts of a forecast: where training will end, and what tasks in an order forget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hwlearn.analysis.forecast import Forecast
from hwlearn.arrays import Array
from hwlearn.show.facts.facts import Facts, Section, Table, named


def with_forecast(facts: Facts, found: Forecast) -> Facts:
    """The facts, and where training from the present conductances will end."""
    start, end = found.masses
    away = "on the targets" if found.reached else f"{found.rms:.4g} V rms away from the targets"
    pairs = [
        (f"{found.rule} will end", away if found.settled else f"{away}, and still creep"),
        ("mass ½Σg² of what learns, start and end", f"{start:.6g} and {end:.6g} S²"),
    ]
    if found.at_bounds:
        pairs.append(("will end at a bound", named(found.at_bounds)))
    if found.closest is not None:
        name, factor = found.closest
        room = f"{100 * (factor - 1):.2g} %" if factor < 2 else f"a factor of {factor:.3g}"
        pairs.append(("next to a bound", f"{name}, {room} from it"))
    return _with(facts, Section(pairs=tuple(pairs)), "forecast", found.as_dict())


def with_order(facts: Facts, stages: Sequence[Forecast], errors: Array) -> Facts:
    """The facts, and the error of every sample (a task of its own) after each of them was learned, one after the other."""
    own, end = errors.diagonal().tolist(), errors[-1].tolist()
    rows = [(str(k), f"{now:.3g}", f"{then:.3g}") for k, (now, then) in enumerate(zip(own, end, strict=True))]
    table = Table.of(("sample", "error when it was learned [V rms]", "error after all were learned [V rms]"), rows)
    content = {"rms": errors.tolist(), "stages": [stage.as_dict() for stage in stages]}
    return _with(facts, Section(body=("Samples learned one after the other, each to its end:", table)), "in_order", content)


def _with(facts: Facts, section: Section, key: str, content: object) -> Facts:
    return replace(facts, sections=(*facts.sections, section), content={**facts.content, key: content})
