"""Hostile names in a real browser: they are shown as they are, and do nothing."""

import pytest
from playwright.sync_api import expect

from tests.faults.inputs.hostile_names import NAMES
from worker.intake.names import display_name
from worker.records.jobs import NewImage

SHOWN = [display_name(name) for name in NAMES]


@pytest.fixture
def quiet(page) -> list[str]:
    """What the page's scripts said in dialogs, and the addresses that hostile elements ask for."""
    heard: list[str] = []
    page.on("dialog", lambda dialog: (heard.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: request.url.endswith("/x") and heard.append(request.url))
    return heard


def test_names_are_text_on_every_page(page, site, quiet):
    images = [NewImage(name, None, 1, "unreadable", "The file is <b>empty</b>.") for name in SHOWN]
    site.job("<img src=x onerror=alert(1)>", images)
    page.goto(f"{site.address}/")
    expect(page.get_by_role("link", name="<img src=x onerror=alert(1)>")).to_be_visible()

    page.goto(f"{site.address}/jobs/1")
    links = page.locator(".images .line:not(.head) .file a")
    # Only what is near the screen is in the page.
    page.set_viewport_size({"width": 1440, "height": 600 + 60 * len(SHOWN)})
    expect(links).to_have_count(len(SHOWN))
    assert links.evaluate_all("(links) => links.map((link) => link.textContent)") == SHOWN
    assert (
        page.locator(".images .file > *:not(a, .about, .seen), .concerns *, .reason *").count() == 0
    )

    for name in ("<script>alert(1)</script>.png", '"><img src=x onerror=alert(1)>.png'):
        page.goto(f"{site.address}/images/{1 + NAMES.index(name)}")
        assert page.locator("h1").text_content() == display_name(name)
        assert page.locator("h1 *").count() == 0
    assert quiet == []
