"""What `hwlearn compare` left in a run folder, for the report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_core import from_json

from hwlearn.errors import ExperimentError
from hwlearn.experiments.runs.records import Record, why
from hwlearn.files import read
from hwlearn.show.facts import Section
from hwlearn.show.facts.comparison import comparison_facts


def crossvalidations(folder: Path) -> list[Section]:
    """From each comparison.json in a folder or in one of its folders: each backend beside its reference.

    Raises:
        ExperimentError: a file is not what `hwlearn compare --out` writes.
    """
    found: list[Section] = []
    for path in sorted([*folder.glob("comparison.json"), *folder.glob("*/comparison.json")]):
        try:
            content = _Comparison.model_validate(from_json(read(path)))
        except ValidationError as error:
            raise ExperimentError(
                f"{path}: not what hwlearn compare writes ({why(error)}); delete it or compare again"
            ) from None
        except (OSError, ValueError) as error:
            raise ExperimentError(f"{path}: cannot be read ({error}); delete it or compare again") from None
        found += comparison_facts(content.model_dump()).sections
    return found


class _Fit(Record):
    programmed: dict[str, float]
    conductances: dict[str, float]
    relative_error: dict[str, float | None]
    scale_is_seen: bool
    unseen_directions: int
    chi_square: float


class _Backend(Record):
    name: str
    provenance: str
    agrees: bool
    reasons: list[str]
    node_residuals: Annotated[dict[str, float], Field(min_length=1)]
    node_noise: float
    current_residuals: dict[str, float]
    drift: Annotated[dict[str, float], Field(min_length=1)]
    cosine: float | None
    chi_square: list[float] | None
    unseen_edges: list[str] | None
    identified: _Fit | None


class _Comparison(Record):
    reference: str
    rule: str
    backends: list[_Backend]
