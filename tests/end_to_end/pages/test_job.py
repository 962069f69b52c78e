"""The page of a job while it runs: polling, filters, many rows."""

from playwright.sync_api import expect

from tests.support.browser import POLL_MS, row
from tests.support.results import work
from worker.records import NewImage


def test_a_server_that_goes_away_and_comes_back(page, site, chest):
    site.job("Patience", [NewImage(f"{name}.dcm", site.keep(chest), 1) for name in "ab"])
    page.goto(f"{site.address}/jobs/1")
    expect(row(page, "a.dcm")).to_be_visible()
    site.stop()
    expect(page.get_by_text("The server cannot be reached")).to_be_visible(timeout=POLL_MS)
    expect(row(page, "a.dcm")).to_be_visible()
    work(site.store, 2)
    site.start()
    expect(page.locator("#state")).to_have_text("Complete", timeout=POLL_MS)
    expect(page.get_by_text("The server cannot be reached")).to_be_hidden()


def test_cancelling(page, site, chest):
    site.job("Wrong", [NewImage("a.dcm", site.keep(chest), 1)])
    page.goto(f"{site.address}/jobs/1")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel job").click()
    expect(page.locator("#state")).to_have_text("Cancelled", timeout=POLL_MS)
    expect(row(page, "a.dcm")).to_contain_text("Cancelled")


def test_rows_change_in_place(page, site, chest):
    """The same elements stay: no flicker, the scroll and the focus are kept."""
    key = site.keep(chest)
    site.job("Steady", [NewImage(f"{number:02}.dcm", key, 1) for number in range(60)])
    page.goto(f"{site.address}/jobs/1")
    link = page.get_by_role("link", name="30.dcm")
    link.focus()
    before = page.evaluate("scrollY")
    assert before > 0
    page.evaluate("document.activeElement.closest('.line').isOldRow = true")
    work(site.store, 60)
    expect(row(page, "30.dcm")).to_contain_text("Done", timeout=POLL_MS)
    assert page.evaluate("document.activeElement.closest('.line').isOldRow") is True
    assert abs(page.evaluate("scrollY") - before) < 200


def test_ten_thousand_rows_stay_quick(page, site):
    """One can scroll to the end, and only what is near the screen is in the page."""
    names = [f"{number:05}.dcm" for number in range(10_000)]
    site.job("Large", [NewImage(name, None, 1, "unreadable", "Empty.") for name in names])
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.setBlockedURLs", {"urls": ["*preview.png*"]})
    page.goto(f"{site.address}/jobs/1")
    expect(page.get_by_role("link", name="00000.dcm")).to_be_visible()
    for _ in range(200):
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(30)
        if page.locator("#more").is_hidden():
            break
    expect(page.get_by_role("link", name="09999.dcm")).to_be_visible()
    assert page.locator(".images .line").count() < 1500
    page.evaluate("scrollTo(0, 0)")
    expect(page.get_by_role("link", name="00000.dcm")).to_be_visible()
