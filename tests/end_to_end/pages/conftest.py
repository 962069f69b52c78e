"""A real browser before a real web server.

Results come from the tests themselves, so that they can look at a job half done; one test goes
through a whole running system instead.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.chromium import running_chromium
from tests.support.site import Site
from web.auth.sessions import COOKIE

# Long enough for a machine that does much else besides; what is there is found at once.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="package")
def browser(chromium) -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def running_site(tmp_path_factory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def site(running_site) -> Site:
    """One web server for all tests; each finds it as after its first start."""
    running_site.begin_anew()
    return running_site


@pytest.fixture
def visit(browser) -> Iterator:
    """Opens a window; fails the test when a page had an error in its script or its policy."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_window(width: int = 1440, height: int = 900, touch: bool = False) -> Page:
        size = {"width": width, "height": height}
        context = browser.new_context(viewport=size, has_touch=touch)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: _note_violation(said.text, errors))
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert errors == []


def _note_violation(text: str, errors: list[str]) -> None:
    if "Content Security Policy" in text or "Content-Security-Policy" in text:
        errors.append(text)


@pytest.fixture
def page(visit, site) -> Page:
    """The first page, signed in. Signing in itself has tests of its own."""
    page = visit()
    page.context.add_cookies([{"name": COOKIE, "value": site.session(), "url": site.address}])
    page.goto(site.address)
    return page
