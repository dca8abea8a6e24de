"""Looks at the built site in Chromium: python docs/look.py docs/_build/html

Each page in light narrow, wide and between, and in dark: nothing sticks out of the window, no picture is missing,
no script fails, and no text has the colour of its ground.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

WIDTHS = {"light": (360, 1000, 1360, 1920), "dark": (1360,)}
SEEN = """() => ({
    over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    missing: [...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src),
    faint: getComputedStyle(document.body).color === getComputedStyle(document.body).backgroundColor,
})"""


def wrong(page: Page, file: Path, widths: tuple[int, ...]) -> list[str]:
    """What is wrong with a page, at each width."""
    said: list[str] = []
    page.goto(file.as_uri())
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        seen = page.evaluate(SEEN)
        if seen["over"] > 0:
            said.append(f"{seen['over']} px stick out at {width}")
        if seen["missing"]:
            said.append(f"no picture {seen['missing']}")
        if seen["faint"]:
            said.append("text has the colour of its ground")
    return said


def main(folder: Path) -> int:
    """How many pages are wrong; each is told."""
    chromium = os.environ.get("HWLEARN_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not installed: apt-get install chromium")
    files = [file for file in sorted(folder.rglob("*.html")) if "_static" not in file.parts]
    bad = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme, widths in WIDTHS.items():
            page, failed = browser.new_page(color_scheme=scheme), list[str]()
            page.on("pageerror", lambda error, failed=failed: failed.append(str(error)))
            for file in files:
                for text in dict.fromkeys([*wrong(page, file, widths), *failed]):
                    bad += 1
                    print(f"{file.relative_to(folder)} ({scheme}): {text}")
                failed.clear()
        browser.close()
    print(f"{len(files)} pages looked at: {bad} wrong")
    return bad


if __name__ == "__main__":
    sys.exit(min(main(Path(sys.argv[1]).resolve()), 1))
