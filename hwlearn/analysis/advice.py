"""`advice`: what an analysis means and what to do about it, in few lines however many samples and outputs there are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hwlearn.analysis.coercivity import Spectrum, in_short
from hwlearn.analysis.repair import Repair
from hwlearn.analysis.symmetry import Symmetry

if TYPE_CHECKING:
    from hwlearn.analysis.analyze import Analysis
    from hwlearn.analysis.loss_rates import LossRates

SLOW = 1e-4
"""A slowest rate below this part of the fastest is called slow."""


def advice(found: Analysis) -> list[str]:
    """At most eight lines; whatever they leave out is in `Analysis.as_dict`."""
    solution, task, network = found.solution, found.task, found.network
    said = list(_out_of_reach(found))
    ports = max(len(network.outputs), 1)
    if len(task) * len(network.outputs) > solution.constraints:
        said.append(
            f"The {len(task)} samples are combinations of {solution.constraints // ports} independent ones: only "
            f"{solution.constraints} constraints can be met separately, and the targets must agree with that."
        )
    bound = found.shape.rank_bound(solution.constraints // ports)
    if bound < solution.constraints:
        said.append(
            f"The graph allows rank {bound} of {solution.constraints}: {int(found.shape.useful.sum())} trainable edges can "
            "move an output. Free fixed edges or add edges between inputs and outputs."
        )
    rank = f"rank {solution.rank} of {solution.constraints}"
    if solution.coercive:
        meaning = " Every small error can be learned away." if found.feasibility.reachable else ""
        said.append(f"Coercive: {rank}, constant {solution.constant:.4g} V²/S².{meaning}")
    else:
        said.append(
            f"Not coercive: {rank}. No resistor changes {in_short(solution.directions, network.output_names)}. Move the "
            "target off the symmetry, add an edge that carries current there, or free a fixed edge."
        )
    for symmetry, tried in list(zip(found.symmetries, found.repairs, strict=True))[:1]:
        said += _about(symmetry, tried, len(found.symmetries) - 1)
    if found.rates is not None:
        return said + _about_loss(found, found.rates)
    return said + _about_squared_error(solution.spectra, exact=found.feasibility.reachable)


def _out_of_reach(found: Analysis) -> list[str]:
    if found.feasibility.reachable:
        return []
    first, *more = found.feasibility.reasons
    others = f" (and {len(more)} more reasons)" if more else ""
    worst, where = found.worst
    return [
        "The targets cannot be met exactly: the best outputs that were found miss them by "
        f"{found.feasibility.nearest.rms:.3g} V rms, at most by {worst:.3g} V ({where}). Why: {first}{others}."
    ]


def _about(symmetry: Symmetry, tried: tuple[Repair, ...], others: int) -> list[str]:
    """A symmetry, and what was tried against it."""
    text = symmetry.brief
    more = f" {others} more symmetries are told by --json." if others else ""
    helps = [str(repair) for repair in tried if repair.constant]
    fails = [repair.what for repair in tried if not repair.constant]
    said = [f"{text[0].upper()}{text[1:]}.{more}"]
    parts = [f"What helps: {'; '.join(helps)}."] if helps else []
    parts += [f"What does not: {'; '.join(fails)}."] if fails else []
    return said + ([" ".join(parts)] if parts else [])


def _about_squared_error(spectra: dict[str, Spectrum], *, exact: bool) -> list[str]:
    """How many steps each rule needs, if the loss can become zero, and which one to take."""
    told, ratios = [], {}
    for name, spectrum in spectra.items():
        if not spectrum.eigenvalues.size or spectrum.slowest <= 0:
            continue
        contrast = ratios[name] = spectrum.slowest / float(spectrum.eigenvalues[0])
        ratio = (1 - contrast) / (1 + contrast)
        per = math.inf if ratio >= 1 else math.log(10) / (-2 * math.log(ratio)) if ratio > 0 else 1.0
        told.append(f"{name} {per:,.0f}" + (" (slow)" if contrast < SLOW else ""))
    said = []
    if told and exact:
        best = f" Best conditioned: {max(ratios, key=lambda name: ratios[name])}." if len(ratios) > 1 else ""
        said.append(f"At the fastest learning rate, steps for each factor of ten in the loss: {', '.join(told)}.{best}")
    never = [name for name, spectrum in spectra.items() if spectrum.eigenvalues.size and spectrum.slowest <= 0]
    if never:
        said.append(f"{', '.join(never)}: some errors never decay.")
    return said


def _about_loss(found: Analysis, rates: dict[str, LossRates]) -> list[str]:
    """What rates of a loss with another Hessian than 1 mean."""
    nothing = [name for name, rate in rates.items() if not len(rate.eigenvalues)]
    said = [f"Rates are for the loss {found.loss.name}, at the present conductances."]
    if nothing:
        why = "nothing moves; no sample counts, or no edge moves an output"
        said = [f"{', '.join(nothing)}, for the loss {found.loss.name}: {why}."]
    said.append("Rank, constant and targets above are those of the outputs; this loss may not need its targets.")
    if found.loss.jumps:
        said.append(f"{found.loss.name} jumps, and has no Hessian there: its rates hold up to the next jump.")
    return said
