"""What `hwlearn compare` left in a run folder, for the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_core import from_json

from hwlearn.errors import ExperimentError
from hwlearn.experiments.runs.records import Record, why
from hwlearn.files import read


@dataclass(frozen=True)
class CrossValidation:
    """One backend beside the reference.

    Attributes:
        backend, reference: their names. agrees, reasons: the verdict. facts: name and value, with units.
    """

    backend: str
    reference: str
    agrees: bool
    reasons: tuple[str, ...]
    facts: list[tuple[str, str]]


def crossvalidations(folder: Path) -> list[CrossValidation]:
    """From each comparison.json in a folder or in one of its folders.

    Raises:
        ExperimentError: a file is not what `hwlearn compare --out` writes.
    """
    found: list[CrossValidation] = []
    for path in sorted([*folder.glob("comparison.json"), *folder.glob("*/comparison.json")]):
        try:
            found += _read(path)
        except ValidationError as error:
            raise ExperimentError(
                f"{path}: not what hwlearn compare writes ({why(error)}); delete it or compare again"
            ) from None
        except (OSError, ValueError) as error:
            raise ExperimentError(f"{path}: cannot be read ({error}); delete it or compare again") from None
    return found


class _Backend(Record):
    name: str
    provenance: str
    agrees: bool
    reasons: list[str]
    node_residuals: Annotated[dict[str, float], Field(min_length=1)]
    node_noise: float
    cosine: float | None
    unseen_edges: list[str]


class _Comparison(Record):
    reference: str
    rule: str
    backends: list[_Backend]


def _read(path: Path) -> list[CrossValidation]:
    content = _Comparison.model_validate(from_json(read(path)))
    found = []
    for one in content.backends:
        node, worst = max(one.node_residuals.items(), key=lambda item: abs(item[1]))
        facts = [
            ("measured by", one.provenance),
            ("largest node residual", f"{worst:.3g} V at {node} (noise {one.node_noise:.2g} V)"),
            (f"cosine of the directions of {content.rule}", "none" if one.cosine is None else f"{one.cosine:.8g}"),
        ]
        if one.unseen_edges:
            facts.append(("edges that no phase sees", ", ".join(one.unseen_edges)))
        found.append(CrossValidation(one.name, content.reference, one.agrees, tuple(one.reasons), facts))
    return found
