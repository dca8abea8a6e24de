"""What `hwlearn compare` left in a run folder, for the report."""

from __future__ import annotations

import json
from pathlib import Path

from hwlearn.errors import ExperimentError
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
            found += comparison_facts(json.loads(path.read_text(encoding="utf-8"))).sections
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ExperimentError(f"{path}: not what hwlearn compare writes ({error!r}); delete it or compare again") from None
    return found
