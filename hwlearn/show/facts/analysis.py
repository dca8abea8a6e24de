"""Facts of an analysis: of a linear network, or of another at its operating points."""

from __future__ import annotations

from hwlearn.analysis.analyze import Analysis
from hwlearn.analysis.operating import OperatingPoint
from hwlearn.show.facts.facts import Facts, Section, Table, named


def analysis_facts(found: Analysis | OperatingPoint) -> Facts:
    """What can be known before a training."""
    if isinstance(found, OperatingPoint):
        return _operating_point(found)
    content = found.as_dict()
    reachable = "yes" if content["reachable"] else f"no; nearest {content['nearest_rms']:.4g} V rms away"
    pairs = [
        ("reachable", reachable),
        ("rank", f"{content['rank']} of {content['constraints']} constraints (the graph allows {content['rank_bound']})"),
        ("coercivity constant", f"{content['constant']:.6g} V²/S²"),
        ("mass ½Σg²", f"{content['mass']:.6g} S²"),
    ]
    if content["dead_edges"]:
        pairs.append(("never a current in", named(content["dead_edges"])))
    caption = "coercive" if content["coercive"] else "not coercive"
    section = Section(pairs=tuple(pairs), body=(_rates(found), *content["advice"]))
    return Facts(found.network.title, caption, (section,), content)


def _rates(found: Analysis) -> Table:
    if found.rates is not None:
        told = []
        for rule, rate in found.rates.items():
            told.append((rule, *(f"{value:.4g}" for value in (rate.slowest, rate.best_step, rate.max_step))))
        return Table.of((f"rule, for {found.loss.name}", "slowest rate", "fastest learning rate", "limit"), told)
    rows = []
    for rule, spectrum in found.solution.spectra.items():
        excited = found.start.spectra[rule]
        active = f"{excited.observed:.4g}" + (f", {100 * excited.stuck:.2g} % stuck" if excited.stuck > 1e-6 else "")
        rows.append((rule, f"{spectrum.slowest:.4g}", active, f"{spectrum.best_step:.4g}", f"{spectrum.max_step:.4g}"))
    return Table.of(("rule", "slowest rate", "active now", "fastest learning rate", "limit"), rows)


def _operating_point(found: OperatingPoint) -> Facts:
    content = found.as_dict()
    pairs = [
        ("rank here", f"{found.rank} of {found.constraints} constraints"),
        ("coercivity constant", f"{found.constant:.6g} V²/S²"),
        ("rates of ep", f"{found.slowest:.4g} to {found.fastest:.4g}, learning rate at most {found.max_step:.4g}"),
    ]
    if found.network.devices:
        pairs.append(("ep's direction off the gradient", f"{found.angle:.2g}°"))
    if found.dead_edges:
        pairs.append(("move no output", named(found.dead_edges)))
    caption = "coercive here" if found.coercive else "not coercive here"
    return Facts(found.network.title, caption, (Section(pairs=tuple(pairs), body=tuple(content["advice"])),), content)
