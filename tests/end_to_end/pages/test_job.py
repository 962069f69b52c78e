"""The page of a job while it runs: polling, filters, many rows."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.support.browser import POLL_MS, row
from tests.support.results import work
from web.auth.sessions import COOKIE
from worker.access import PrincipalKind, Scope
from worker.records.jobs import NewImage
from worker.store import DEFAULT_CLINIC


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


def test_a_page_that_came_with_its_rows_shows_them_without_an_error(page, site, chest):
    site.job("Quick", [NewImage("a.dcm", site.keep(chest), 1)])
    page.add_init_script(
        """addEventListener("DOMContentLoaded", () => {
            const notice = document.getElementById("offline");
            const note = () => (window.wasOffline ||= !notice.hidden);
            new MutationObserver(note).observe(notice, { attributes: true });
        })"""
    )
    page.goto(f"{site.address}/jobs/1")
    expect(row(page, "a.dcm")).to_be_visible()
    assert page.evaluate("Boolean(window.wasOffline)") is False


def test_cancelling(page, site, chest):
    site.job("Wrong", [NewImage("a.dcm", site.keep(chest), 1)])
    page.goto(f"{site.address}/jobs/1")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel job").click()
    expect(page.locator("#state")).to_have_text("Cancelled", timeout=POLL_MS)
    expect(row(page, "a.dcm")).to_contain_text("Cancelled")


def test_how_many_are_to_be_read_grows_with_the_results(page, site, chest):
    site.job("Night", [NewImage(f"{name}.dcm", site.keep(chest), 1) for name in "abc"])
    page.goto(f"{site.address}/jobs/1")
    expect(page.locator("#read-count")).to_have_text("0 of 0")
    expect(page.get_by_label("blind")).to_be_visible()  # best chosen before there are results
    work(site.store, 3)
    expect(page.locator("#read-count")).to_have_text("0 of 3", timeout=POLL_MS)


def test_a_job_without_a_result_has_nothing_to_read(page, site):
    site.job("Wrong folder", [NewImage("a.txt", None, 1, "unreadable", "Empty.")])
    page.goto(f"{site.address}/jobs/1")
    expect(page.locator("#state")).to_have_text("No results")
    expect(page.locator("#reading")).to_be_hidden()


def test_the_last_moment_is_told_in_words_that_fit(page, site, chest):
    site.job("Nearly", [NewImage(f"{name}.dcm", site.keep(chest), 1) for name in "ab"])

    def nearly(route):
        answer = route.fetch()
        ends = {"seconds_left": 0.4, "waiting_for": None}
        if answer.status == 200:
            route.fulfill(response=answer, json=answer.json() | ends)
        else:
            route.fulfill(response=answer)

    page.route("**/api/v1/jobs/1", nearly)
    page.goto(f"{site.address}/jobs/1")
    work(site.store, 1)
    expect(page.locator("#left")).to_have_text("under 1 s", timeout=POLL_MS)


def test_rows_change_in_place(page, site, chest):
    """The same elements stay: no flicker, the scroll and the focus are kept."""
    key = site.keep(chest)
    site.job("Steady", [NewImage(f"{number:02}.dcm", key, 1) for number in range(60)])
    page.goto(f"{site.address}/jobs/1?sort=file")
    link = page.get_by_role("link", name="10.dcm")
    link.focus()
    page.evaluate("scrollTo(0, 200)")
    before = page.evaluate("scrollY")
    assert before > 0
    page.evaluate("document.activeElement.closest('.line').isOldRow = true")
    work(site.store, 60)
    expect(row(page, "10.dcm")).to_contain_text("Done", timeout=POLL_MS)
    assert page.evaluate("document.activeElement.closest('.line').isOldRow") is True
    assert abs(page.evaluate("scrollY") - before) < 200


@pytest.fixture
def large(page, site) -> Page:
    """The page of a job of twenty thousand refused images."""
    names = [f"{number:05}.dcm" for number in range(20_000)]
    site.job("Large", [NewImage(name, None, 1, "unreadable", "Empty.") for name in names])
    page.goto(f"{site.address}/jobs/1?sort=file")
    expect(page.get_by_role("link", name="00000.dcm")).to_be_visible()
    return page


def test_twenty_thousand_rows_stay_quick(large):
    """The scroll bar is true, one can jump anywhere, and only what is near is in the page."""
    large.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(large.get_by_role("link", name="19999.dcm")).to_be_visible()
    large.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
    expect(large.get_by_role("link", name="10000.dcm")).to_be_visible()
    assert large.locator(".images .line").count() < 120
    large.evaluate("scrollTo(0, 0)")
    expect(large.get_by_role("link", name="00000.dcm")).to_be_visible()


# The test before counts the rows that are in the page; this one looks for what they leave behind.
@pytest.mark.soak
def test_scrolling_through_all_rows_takes_no_more_memory(large):
    devtools = large.context.new_cdp_session(large)

    def heap_mb() -> float:
        devtools.send("HeapProfiler.collectGarbage")
        return devtools.send("Runtime.getHeapUsage")["usedSize"] / 1e6

    def scroll(steps: int) -> None:
        for step in range(steps + 1):
            large.evaluate(
                "(share) => scrollTo(0, document.body.scrollHeight * share)", step / steps
            )
            large.wait_for_timeout(15)

    scroll(20)
    before = heap_mb()
    scroll(300)
    assert heap_mb() < before + 3


def test_a_filter_never_shows_the_rows_of_another(page, site, chest):
    """Without the server the rows of the old filter go, and those of the new one come with it."""
    key = site.keep(chest)
    site.job("Four", [NewImage(f"{name}.dcm", key, 1) for name in "abcd"])
    work(site.store, 4)
    page.goto(f"{site.address}/jobs/1")
    expect(page.locator("#rows .line")).to_have_count(4)
    site.stop()
    page.get_by_label("Result", exact=True).select_option("COVID19")
    expect(page.locator("#rows .line")).to_have_count(0)
    expect(page.get_by_text("These images could not be loaded")).to_be_visible()
    site.start()
    expect(page.locator("#rows .line")).to_have_count(1, timeout=POLL_MS)
    expect(page.locator("#rows .label")).to_have_text("COVID-19")
    expect(page.get_by_text("These images could not be loaded")).to_be_hidden()


def test_what_was_cancelled_is_not_called_finished(page, site, chest):
    key = site.keep(chest)
    site.job("Most is cancelled", [NewImage(f"{number}.dcm", key, 1) for number in range(20)])
    work(site.store, 2)
    site.store.cancel_job(site.clinic.id, 1)
    page.goto(f"{site.address}/jobs/1")
    expect(page.locator("#finished")).to_have_text("2 of 20 (10 %)")
    expect(page.locator("#cancelled-count")).to_have_text("18")
    page.goto(site.address)
    expect(page.locator(".jobs .percent")).to_have_text("10 %")
    expect(page.locator(".jobs .results")).to_contain_text("18 cancelled")


def test_a_job_in_which_everything_was_rejected_is_not_green(page, site):
    site.job("Legs", [NewImage("leg.dcm", None, 1, "unreadable", "Empty.")])
    page.goto(site.address)
    expect(page.locator(".jobs .state")).to_have_text("No results")
    page.goto(f"{site.address}/jobs/1")
    expect(page.locator("#state")).to_have_text("No results")
    expect(page.locator("#state")).to_have_class("state none")


def test_time_and_speed_are_of_the_same_work(page, site, chest):
    """After a pause both count from when the work went on."""
    key = site.keep(chest)
    site.job("Paused", [NewImage(f"{name}.dcm", key, 1) for name in "ab"])
    work(site.store, 1)
    site.store.cancel_job(site.clinic.id, 1)
    with site.store.database.writing() as session:
        session.execute(text("UPDATE jobs SET created_at = '2026-01-01 00:00:00'"))
    site.store.resume_job(site.clinic.id, 1)
    work(site.store, 1)
    page.goto(f"{site.address}/jobs/1")
    expect(page.locator("#left-name")).to_have_text("Took")
    expect(page.locator("#left")).to_have_text("under 1 s")


def test_the_chart_follows_the_filter(page, site, chest):
    key = site.keep(chest)
    site.job("Four", [NewImage(f"{name}.dcm", key, 1) for name in "abcd"])
    work(site.store, 4)
    page.goto(f"{site.address}/jobs/1")
    shares = page.get_by_role("list", name="Results")
    expect(shares).to_contain_text("Normal 2 50 %")
    page.get_by_label("Result", exact=True).select_option("COVID19")
    expect(shares).to_contain_text("COVID-19 1 100 %")


def test_renaming(page, site):
    site.job("Mnoday", [NewImage("a.dcm", None, 1, "unreadable", "Empty.")])
    page.goto(f"{site.address}/jobs/1")
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("New name of the job").fill("Monday")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Monday")).to_be_visible()
    assert site.store.job(site.clinic.id, 1).name == "Monday"


def test_who_only_uploads_sees_how_far_a_job_is(page, site, chest):
    site.job("Night", [NewImage(f"{name}.dcm", site.keep(chest), 1) for name in "ab"])
    token = site.store.create_token(DEFAULT_CLINIC, [Scope.UPLOAD])[0]
    session = site.store.open_session(PrincipalKind.TOKEN, token.id, "", "")
    page.context.add_cookies([{"name": COOKIE, "value": session, "url": site.address}])
    page.goto(f"{site.address}/jobs/1")
    expect(page.locator("#finished")).to_contain_text("0 of 2")
    page.evaluate("window.isSamePage = true")
    work(site.store, 2)
    expect(page.locator("#finished")).to_contain_text("2 of 2", timeout=POLL_MS)
    # A page that loads itself anew takes whoever listens back to its start.
    assert page.evaluate("window.isSamePage")
