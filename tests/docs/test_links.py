"""Links of README and docs lead somewhere: to a file and a heading of the repository, or to a well-formed address."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)])
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)")
GENERATED = {ROOT / "docs" / "gallery" / "index"}
"""Made when the site is built."""


def links(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return LINK.findall(re.sub(r"`[^`\n]*`", "", text))


def anchors(page):
    """As GitHub and MyST name headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in links(page):
        found = urlsplit(link)
        if found.scheme:
            assert found.scheme in ("https", "http", "mailto"), link
            assert found.netloc.count(".") >= 1 or found.scheme == "mailto", link
            continue
        target = (page.parent / unquote(found.path)).resolve() if found.path else page
        assert target.exists() or target in GENERATED, f"{link}: there is no {target}"
        assert target.is_relative_to(ROOT), link
        if found.fragment:
            assert found.fragment in anchors(target), f"{link}: {target.name} has no such heading"


def test_links_are_found_at_all():
    assert sum(len(links(page)) for page in PAGES) > 100
    assert "docs/tour.md" in links(ROOT / "README.md")


def test_the_readme_is_a_page():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 200
