"""Pages in headless Chromium: opened from the disk, without a network, and whatever goes wrong in them is an error."""

import os
import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def chromium():
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]  # which Chromium cannot set up for root
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield browser
        browser.close()


@contextmanager
def opener(browser, **options):
    """A function that opens a page at a path, `#...` included."""
    context = browser.new_context(**{"offline": True, "viewport": {"width": 1150, "height": 900}, **options})
    faults, requests = [], []

    def open_page(path, address=""):
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: message.type == "error" and faults.append(message.text))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri() + address)
        settle(page)
        return page

    yield open_page
    context.close()
    assert faults == []
    assert [url for url in requests if not url.startswith("file:")] == []


def settle(page):
    """Wait until what was moved is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def wait_until(page, expression):
    """Wait until an expression is true; Playwright's own `wait_for_function` needs a page that evaluates texts."""
    while not page.evaluate(expression):
        page.wait_for_timeout(50)
