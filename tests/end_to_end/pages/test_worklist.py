"""The list of jobs: found, filtered, and changed many at a time."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.access import TOKEN
from tests.support.browser import POLL_MS
from tests.support.results import failed, work
from tests.support.rows import worker_record
from worker.records.jobs import NewImage
from worker.records.reviews import NewReview, Verdict


@pytest.fixture
def jobs(page, site, chest) -> Page:
    """A job with two failures, one that waits, one with results."""
    key = site.keep(chest)
    site.job("Monday", [NewImage(f"{name}.dcm", key, 1) for name in "ab"])
    work(site.store, 2, failed)
    site.job("Tuesday", [NewImage(f"{name}.dcm", key, 1) for name in "abcd"])
    work(site.store, 4)
    site.job("Tuesday night", [NewImage("a.dcm", key, 1)])
    page.goto(site.address)
    expect(page.get_by_role("link", name="Monday")).to_be_visible()
    return page


def line(page: Page, name: str):
    return page.locator(".jobs .line", has=page.get_by_role("link", name=name, exact=True))


def test_results_of_each_job_are_counted(jobs, site):
    expect(line(jobs, "Tuesday").locator(".results")).to_contain_text("2 Normal")
    expect(line(jobs, "Tuesday").locator(".results")).to_contain_text("1 uncertain")
    expect(line(jobs, "Monday").locator(".results")).to_have_text("2 failed")
    expect(line(jobs, "Tuesday").locator(".read")).to_have_count(0)
    reader = site.store.principal_of_token(TOKEN).name
    site.store.review(site.clinic.id, 3, reader, NewReview(Verdict.AGREE))
    read = line(jobs, "Tuesday").get_by_role("link", name="1 of 4 read")
    expect(read).to_have_attribute("href", "/jobs/2?review=unread", timeout=POLL_MS)
    line(jobs, "Tuesday").get_by_role("link", name="2 Normal").click()
    expect(jobs).to_have_url(re.compile(r"/jobs/2\?label=NORMAL$"))
    expect(jobs.locator("#found")).to_have_text("2 images")


def test_finding_jobs(jobs, site):
    jobs.get_by_label("Search").fill("tues")
    expect(jobs.locator("#jobs .line")).to_have_count(2)
    jobs.get_by_label("Status").select_option("running")
    expect(jobs.locator("#jobs .line")).to_have_count(1)
    jobs.reload()
    expect(jobs.locator("#jobs .line")).to_have_count(1)
    site.stop()
    jobs.get_by_label("Status").select_option("")
    expect(jobs.locator("#jobs .line")).to_have_count(0)
    expect(jobs.get_by_text("The jobs could not be loaded")).to_be_visible()
    site.start()
    expect(jobs.locator("#jobs .line")).to_have_count(2, timeout=POLL_MS)


def test_a_job_without_a_worker_is_not_called_running(jobs, site):
    waiting = line(jobs, "Tuesday night")
    expect(waiting.locator(".state")).to_have_text("Waiting")
    expect(waiting).to_contain_text("No worker is running.")
    site.store.register_worker(worker_record("this"))
    expect(waiting.locator(".state")).to_have_text("Running", timeout=POLL_MS)
    expect(waiting).not_to_contain_text("No worker is running.")


def test_changing_many_jobs(jobs, site):
    jobs.on("dialog", lambda dialog: dialog.accept())
    jobs.get_by_label("Select Monday").check()
    jobs.get_by_label("Select Tuesday night").check()
    many = jobs.get_by_role("group", name="Selected jobs")
    expect(many).to_contain_text("2 jobs selected")
    assert "jobs=1,3" in many.get_by_role("link", name="CSV").get_attribute("href")
    many.get_by_role("button", name="Retry failed").click()
    expect(line(jobs, "Monday")).to_contain_text("Waiting")
    many.get_by_role("button", name="Cancel").click()
    expect(line(jobs, "Monday")).to_contain_text("Cancelled", timeout=POLL_MS)
    expect(line(jobs, "Tuesday night")).to_contain_text("Cancelled")
    many.get_by_role("button", name="Delete").click()
    expect(jobs.locator("#jobs .line")).to_have_count(1, timeout=POLL_MS)
    assert [job.name for job in site.store.jobs(site.clinic.id).items] == ["Tuesday"]
    expect(many).to_be_hidden()


def test_jobs_are_walked_selected_and_searched_by_keys(jobs):
    for key in ("j", "j", "x"):
        jobs.keyboard.press(key)
    expect(jobs.get_by_role("link", name="Tuesday", exact=True)).to_be_focused()
    many = jobs.get_by_role("group", name="Selected jobs")
    expect(many).to_contain_text("1 job selected")
    many.get_by_role("button", name="Clear selection").focus()
    jobs.keyboard.press("Enter")
    expect(many).to_be_hidden()
    expect(jobs.get_by_label("Search")).to_be_focused()  # what had the focus is gone
    jobs.keyboard.press("x")
    expect(jobs.locator("#jobs .line")).to_have_count(0)  # a letter of the search
    jobs.keyboard.press("Backspace")
    jobs.get_by_label("Select Monday").focus()
    jobs.keyboard.press("x")
    expect(many).to_be_visible()
    jobs.keyboard.press("Escape")
    expect(many).to_be_hidden()
    jobs.keyboard.press("/")
    expect(jobs.get_by_label("Search")).to_be_focused()


@pytest.fixture
def older(page, site, chest) -> Page:
    """Sixty jobs, of which the first ten are on a second page."""
    key = site.keep(chest)
    for number in range(1, 61):
        site.job(f"Job {number:02}", [NewImage("a.dcm", key, 1)])
    page.goto(site.address)
    expect(page.locator("#jobs .line")).to_have_count(50)
    return page


def test_older_jobs_that_are_changed_or_deleted_are_shown_so(older, site):
    older.on("dialog", lambda dialog: dialog.accept())
    older.get_by_role("button", name="Show older jobs").click()
    expect(older.locator("#jobs .line")).to_have_count(60)
    work(site.store, 1)
    expect(line(older, "Job 01").locator(".state")).to_have_text("Complete", timeout=POLL_MS)
    many = older.get_by_role("group", name="Selected jobs")
    older.get_by_label("Select Job 03").check()
    many.get_by_role("button", name="Cancel").click()
    expect(line(older, "Job 03").locator(".state")).to_have_text("Cancelled", timeout=POLL_MS)
    many.get_by_role("button", name="Delete").click()
    expect(line(older, "Job 03")).to_have_count(0, timeout=POLL_MS)
    expect(many).to_be_hidden()


def test_older_jobs_that_come_late_are_not_shown_under_another_filter(older):
    held = []
    older.route("**/api/v1/jobs?*cursor=*", lambda route: held.append(route))
    older.get_by_role("button", name="Show older jobs").click()
    older.get_by_label("Search").fill("Job 6")
    expect(older.locator("#jobs .line")).to_have_count(1)
    with older.expect_response("**/api/v1/jobs?*cursor=*"):
        held[0].continue_()
    older.wait_for_timeout(200)
    expect(older.locator("#jobs .line")).to_have_count(1)
    older.unroute("**/api/v1/jobs?*cursor=*")


def test_times_are_local_with_utc_in_the_title(jobs):
    time = line(jobs, "Monday").locator("time")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", time.get_attribute("title"))
    jobs.goto(jobs.url + "jobs/2")
    assert jobs.locator("#created").get_attribute("title").endswith("UTC")
