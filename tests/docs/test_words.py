"""Words that readers stumbled over do not come back."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STUMBLED = {
    r"\bfor who\b": "for callers who",
    r"\bfor whoever\b": "for callers who",
    r"\bas of\b": "see",
    r"\bof so many\b": "of this many, N standard deviations",
    r"\bso often in all\b": "in total",
    r"\bin vain\b": "say what is not needed",
    r"\bTHEORY\b|\bDESIGN\.md\b|\bNGSPICE\.md\b|\bVISA\.md\b": "a page that is in the repository",
}
TEXTS = [*ROOT.glob("hwlearn/**/*.py"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")]


@pytest.mark.parametrize("words", STUMBLED)
def test_plain_words(words):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in TEXTS
        if "_build" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(words, line)
    ]
    assert not found, f"say {STUMBLED[words]!r} instead:\n" + "\n".join(found)
