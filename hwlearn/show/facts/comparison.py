"""Facts of a comparison, from the content of comparison.json, which is `hwlearn compare --json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwlearn.show.facts.facts import Facts, Section, Table, named

LOOSE = 4.0
"""A chi² per reading above which a fit is not believed."""


def comparison_facts(content: Mapping[str, Any]) -> Facts:
    """Each circuit beside the reference.

    Args:
        content: `Comparison.as_dict`.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is something else.
    """
    sections = tuple(_section(content, one) for one in content["backends"])
    return Facts("", "; ".join(section.heading for section in sections), sections, content)


def verdict(content: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    """Whether a circuit agrees with the reference, in a line."""
    says = "DIFFERS"
    if one["agrees"]:
        unseen = one["unseen_edges"]
        says = f"agrees, as far as it is seen: nothing is known of {named(unseen, len(unseen))}" if unseen else "agrees"
    return f"{one['name']} beside {content['reference']}: {says}"


def _section(content: Mapping[str, Any], one: Mapping[str, Any]) -> Section:
    residuals, currents = one["node_residuals"], one["current_residuals"]
    node = max(residuals, key=lambda name: abs(residuals[name]))
    cosine = "none" if one["cosine"] is None else f"{one['cosine']:.8g}"
    first = one.get("look_first")
    pairs = [("look first at", first)] if first else []
    pairs += [("largest node residual", f"{abs(residuals[node]):.3g} V (noise {one['node_noise']:.2g} V)")]
    if currents:
        pairs.append(("largest output current residual", f"{max(map(abs, currents.values())):.3g} A"))
    pairs += [
        (f"cosine of the directions of {content['rule']}", cosine),
        ("drift, first to last free phase", f"{max(map(abs, one['drift'].values())):.2g} V"),
    ]
    if one["chi_square"] is None:
        pairs.append(("where a fault is", "not told: the circuit is not linear"))
    else:
        pairs.append(("chi² per reading, without and with the faults", " → ".join(f"{x:.3g}" for x in one["chi_square"])))
    if one["unseen_edges"]:
        pairs.append(("edges that no phase sees", named(one["unseen_edges"], len(one["unseen_edges"]))))
    details = (("measured by", one["provenance"]), ("node of the largest residual", f"{node}, {residuals[node]:.3g} V"))
    return Section(verdict(content, one), one["agrees"], tuple(one["reasons"]), tuple(pairs), details, _identified(one))


def doubt(chi_square: float) -> str:
    """What is to be said of a fit whose chi² per reading is far from 1."""
    return f", NOT to be believed (chi² per reading {chi_square:.3g})" if chi_square > LOOSE else ""


def _identified(one: Mapping[str, Any]) -> tuple[Table | str, ...]:
    fit = one["identified"]
    if fit is None:
        return ()
    scale = "fixed by the injected currents" if fit["scale_is_seen"] else "NOT seen: voltages alone never fix it"
    trust = doubt(fit["chi_square"])
    said = f"identified conductances{trust}: {fit['unseen_directions']} directions unseen; overall scale {scale}"
    rows = []
    for name, now in fit["conductances"].items():
        error = fit["relative_error"][name]
        rows.append(
            (name, f"{fit['programmed'][name]:.5g}", f"{now:.5g}", "inf %" if error is None else f"{100 * error:.2g} %")
        )
    return said, Table.of(("edge", "programmed [S]", "identified [S]", "±"), rows)
