"""What a reader does with a job: resume, retry, delete, also by keyboard and in two windows."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.access import sign_in_page
from tests.support.browser import POLL_MS, row
from tests.support.results import failed, work
from worker.records.jobs import NewImage


@pytest.fixture
def three(site, chest) -> None:
    """A job of three images, which wait."""
    key = site.keep(chest)
    site.job("Three", [NewImage(f"{name}.dcm", key, 1) for name in "abc"])


@pytest.fixture
def hold(page):
    """Keeps the page's changes of the job waiting; gives what lets them go."""
    held = []
    page.route(
        re.compile(r"/api/v1/jobs/1(/[a-z]+)?$"),
        lambda route: route.continue_() if route.request.method == "GET" else held.append(route),
    )

    def let_go() -> None:
        for route in held:
            route.continue_()
        held.clear()

    return let_go


def button(page, name: str):
    return page.locator("#actions").get_by_role("button", name=name)


def test_resuming_a_cancelled_job(page, site, three):
    work(site.store, 1)
    page.goto(f"{site.address}/jobs/1")
    page.on("dialog", lambda dialog: dialog.accept())
    expect(button(page, "Resume")).to_be_hidden()
    button(page, "Cancel job").click()
    expect(page.locator("#state")).to_have_text("Cancelled")
    expect(row(page, "b.dcm")).to_contain_text("Cancelled", timeout=POLL_MS)

    button(page, "Resume").click()
    expect(page.locator("#state")).to_have_text("Waiting")
    expect(button(page, "Resume")).to_be_hidden()
    expect(button(page, "Cancel job")).to_be_visible()
    expect(row(page, "b.dcm")).to_contain_text("Waiting", timeout=POLL_MS)
    # The page polls again, to the end.
    work(site.store, 1)
    expect(page.locator("#finished")).to_contain_text("2 of 3", timeout=POLL_MS)
    work(site.store, 1)
    expect(page.locator("#state")).to_have_text("Complete", timeout=POLL_MS)
    expect(row(page, "c.dcm")).to_contain_text("Done")


def test_retrying_what_failed_by_keyboard(page, site, three):
    work(site.store, 2)
    work(site.store, 1, failed)
    page.goto(f"{site.address}/jobs/1")
    expect(row(page, "c.dcm")).to_contain_text("given up")
    button(page, "Retry failed").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_have_text("Waiting")
    expect(button(page, "Retry failed")).to_be_hidden()
    # The button is gone, and the keyboard is still where the buttons are.
    expect(button(page, "Cancel job")).to_be_focused()
    expect(row(page, "c.dcm")).to_contain_text("Waiting", timeout=POLL_MS)
    work(site.store, 1)
    expect(row(page, "c.dcm")).to_contain_text("Done", timeout=POLL_MS)
    expect(row(page, "c.dcm")).not_to_contain_text("given up")
    expect(page.locator("#state")).to_have_text("Complete")


def test_buttons_rest_while_their_request_runs(page, site, three, hold):
    work(site.store, 3, failed)
    page.goto(f"{site.address}/jobs/1")
    button(page, "Retry failed").click()
    for name in ("Retry failed", "Delete"):
        expect(button(page, name)).to_be_disabled()
    hold()
    expect(page.locator("#state")).to_have_text("Waiting")
    for name in ("Cancel job", "Delete"):
        expect(button(page, name)).to_be_enabled()


def test_deleting_asks_first_and_leads_to_the_list(page, site, three):
    asked = []
    page.goto(f"{site.address}/jobs/1")
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    button(page, "Delete").click()
    expect(button(page, "Delete")).to_be_enabled()
    assert len(site.store.jobs(site.clinic.id).items) == 1

    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    button(page, "Delete").click()
    expect(page).to_have_url(f"{site.address}/")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    assert site.store.jobs(site.clinic.id).items == []
    assert [path for path in site.settings.images_dir.rglob("*") if path.is_file()] == []
    for message in asked:
        assert "its 3 images" in message
        assert "cannot be undone" in message


def test_a_request_that_fails_says_why(page, site, three):
    work(site.store, 3, failed)
    page.goto(f"{site.address}/jobs/1")
    expect(row(page, "a.dcm")).to_be_visible()
    site.stop()
    button(page, "Retry failed").click()
    expect(page.locator("#job-error")).to_contain_text("cannot be reached")
    expect(button(page, "Retry failed")).to_be_enabled()
    site.start()
    button(page, "Retry failed").click()
    expect(page.locator("#state")).to_have_text("Waiting")
    expect(page.locator("#job-error")).to_be_hidden()


def test_rows_that_could_not_be_fetched_follow(page, site, three):
    """The job was told, its images were not: the next poll says that the job is as it was."""
    lost = []
    page.route(
        re.compile(r"/images\?"),
        lambda route: route.continue_() if lost else (lost.append(1), route.abort()),
    )
    page.goto(f"{site.address}/jobs/1")
    expect(row(page, "a.dcm")).to_contain_text("Waiting")
    work(site.store, 3)
    expect(row(page, "a.dcm")).not_to_contain_text("Waiting", timeout=2 * POLL_MS)
    assert lost
    expect(page.locator("#offline")).to_be_hidden()


def test_a_job_that_is_deleted_elsewhere(page, site, three):
    polls = []
    page.goto(f"{site.address}/jobs/1")
    expect(row(page, "a.dcm")).to_be_visible()
    site.store.delete_job(site.clinic.id, 1)
    expect(page.get_by_text("This job was deleted.")).to_be_visible(timeout=POLL_MS)
    # Nothing of it stays on the screen, and nobody asks for it any more.
    for gone in ("#job", ".filters", ".images"):
        expect(page.locator(gone)).to_be_hidden()
    expect(page.locator("#offline")).to_be_hidden()
    page.on("request", lambda request: polls.append(request.url))
    page.wait_for_timeout(2500)
    assert polls == []
    page.get_by_role("link", name="Go to the list of jobs").click()
    expect(page.get_by_text("No jobs yet")).to_be_visible()


def test_a_finished_job_that_is_deleted_elsewhere(page, site, three):
    work(site.store, 3, failed)
    page.goto(f"{site.address}/jobs/1")
    expect(row(page, "a.dcm")).to_be_visible()
    site.store.delete_job(site.clinic.id, 1)
    button(page, "Retry failed").click()
    expect(page.get_by_text("This job was deleted.")).to_be_visible()
    expect(page.locator("#job")).to_be_hidden()


def test_a_finished_job_that_goes_on_elsewhere(page, site, three):
    """A reader who comes back to the window sees what was done in another."""
    work(site.store, 3, failed)
    page.goto(f"{site.address}/jobs/1")
    expect(page.locator("#state")).to_have_text("No results")
    site.store.retry_job(site.clinic.id, 1)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#state")).to_have_text("Waiting", timeout=POLL_MS)
    work(site.store, 3)
    expect(row(page, "a.dcm")).to_contain_text("Done", timeout=POLL_MS)


def test_a_deleted_job_leaves_the_list(page, site, chest):
    key = site.keep(chest)
    for name in ("Stays", "Goes"):
        site.job(name, [NewImage("a.dcm", key, 1)])
    page.goto(site.address)
    expect(page.get_by_role("link", name="Goes")).to_be_visible()
    site.store.delete_job(site.clinic.id, 2)
    expect(page.get_by_role("link", name="Goes")).to_have_count(0, timeout=POLL_MS)
    expect(page.get_by_role("link", name="Stays")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1440])
def test_all_buttons_fit(visit, site, three, width):
    work(site.store, 1, failed)
    site.store.cancel_job(site.clinic.id, 1)
    page = visit(width)
    sign_in_page(page, site.address, wanted="/jobs/1")
    for name in ("Retry failed", "Resume", "Delete"):
        box = button(page, name).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
