"""A browser for the tests: Debian's Chromium, driven by playwright."""

import os
import shutil
from contextlib import contextmanager

import pytest
from processes import PATIENCE

CHROMIUM = os.environ.get("HWLEARN_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
"""The program; .ci/run names it, so that a missing one fails there and is not skipped."""


@contextmanager
def browser_page(**options):
    """A page of a new browser window."""
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=1000 * PATIENCE)
        try:
            page = browser.new_page(**options)
            page.set_default_timeout(1000 * PATIENCE)
            yield page
        finally:
            browser.close()
