"""Facts of an analysis: of a linear network, or of another at its operating points."""

from __future__ import annotations

from hwlearn.analysis.analyze import Analysis
from hwlearn.analysis.operating import OperatingPoint
from hwlearn.analysis.units import Units, units_of
from hwlearn.show.facts.facts import Facts, Pairs, Section, Table, named

RATE = "In the end the loss goes as exp(−2 λ t) in a flow of time t, and as (1 − α λ)² per step of learning rate α."
"""What a rate is."""

LOSS_RATE = (
    "The slowest error that moves at all goes as exp(−λ t) in a flow of time t, and as 1 − α λ per step of learning rate α."
)
"""The same for another loss."""

ACTIVE = "λ of the present error: of the slowest mode that it contains"
STUCK = "; stuck: the part of it that no resistor reduces, to first order"


def analysis_facts(found: Analysis | OperatingPoint) -> Facts:
    """What can be known before a training."""
    if isinstance(found, OperatingPoint):
        return _operating_point(found)
    content = found.as_dict()
    pairs: Pairs = (
        ("targets", _targets(found)),
        ("rank", f"{_rank(found.solution.rank, found.solution.constraints)} (the graph allows {content['rank_bound']})"),
        (
            "coercivity constant",
            f"{content['constant']:.6g} V²/S², the least squared change of outputs per squared change of conductances",
        ),
        ("mass ½Σg²", f"{content['mass']:.6g} S²"),
    )
    if content["dead_edges"]:
        pairs += (("never a current in", named(content["dead_edges"])),)
    caption = "coercive" if content["coercive"] else "not coercive"
    section = Section(pairs=pairs, body=(*_rates(found), *content["advice"]))
    return Facts(found.network.title, caption, (section,), content)


def _targets(found: Analysis) -> str:
    if found.feasibility.reachable:
        return "can be met exactly"
    return f"cannot be met exactly; best reachable error found: {found.feasibility.nearest.rms:.3g} V rms"


def _rank(rank: int, constraints: int) -> str:
    """The rank of ∂outputs/∂conductances, and what it counts."""
    return f"{rank} of {constraints} constraints, which are outputs × independent samples"


def _rates(found: Analysis) -> tuple[Table | str, ...]:
    """A row a rule, and what its columns mean."""
    fastest, limit = "fastest learning rate", "largest stable one"
    if found.rates is not None:
        told = []
        for rule, rate in found.rates.items():
            units = units_of(rule, found.loss)
            told.append((rule, *_in_units(units, rate.slowest, rate.best_step, rate.max_step)))
        return Table.of((f"rule, for {found.loss.name}", "slowest rate λ", fastest, limit), told), LOSS_RATE
    stuck = any(spectrum.stuck > 1e-6 for spectrum in found.start.spectra.values())
    rows = []
    for rule, spectrum in found.solution.spectra.items():
        excited, units = found.start.spectra[rule], units_of(rule)
        slowest, best, most = _in_units(units, spectrum.slowest, spectrum.best_step, spectrum.max_step)
        part = [f"{100 * excited.stuck:.2g} %"] if stuck else []
        rows.append((rule, slowest, f"{excited.observed:.4g} {units.rate}", *part, best, most))
    header = ("rule", "slowest rate λ", "λ of the present error", *(["stuck"] if stuck else []), fastest, limit)
    return Table.of(header, rows), f"{RATE} {ACTIVE}{STUCK if stuck else ''}."


def _in_units(units: Units, slowest: float, best: float, most: float) -> tuple[str, str, str]:
    return f"{slowest:.4g} {units.rate}", f"{best:.4g} {units.step}", f"{most:.4g} {units.step}"


def _operating_point(found: OperatingPoint) -> Facts:
    content, units = found.as_dict(), units_of("ep")
    span = f"{found.slowest:.4g} to {found.fastest:.4g} {units.rate}"
    pairs = [
        ("rank here", _rank(found.rank, found.constraints)),
        ("coercivity constant", f"{found.constant:.6g} V²/S²"),
        ("rates of ep", f"{span}, learning rate at most {found.max_step:.4g} {units.step}"),
    ]
    if found.network.devices:
        pairs.append(("ep's direction off the gradient", f"{found.angle:.2g}°"))
    if found.dead_edges:
        pairs.append(("move no output", named(found.dead_edges)))
    caption = "coercive here" if found.coercive else "not coercive here"
    return Facts(found.network.title, caption, (Section(pairs=tuple(pairs), body=tuple(content["advice"])),), content)
