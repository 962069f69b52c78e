"""An upload whose page was closed goes on once the same files are chosen again."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.site import Site
from tests.support.waiting import wait_for
from worker.records.jobs import JobRecord

PIECES = "**/api/v1/jobs/*/uploads/*"
ANOTHER_JOB = re.compile(r"/jobs/([2-9]|\d\d)$")
FIRST_PACK = 200  # files, in packs.js
FIRST_BYTES = 10_000  # fewer than it has


@pytest.fixture
def files(tmp_path) -> list[Path]:
    """Two packs: one more than fits into the first."""
    paths = [tmp_path / f"scan-{number:03}.dcm" for number in range(FIRST_PACK + 1)]
    for path in paths:
        path.write_bytes(b"no picture")
    return paths


@pytest.fixture
def broken_off(page, site, files) -> Page:
    """The page was reloaded when the first pack had arrived and the second was on its way."""
    second: list[str] = []  # its address

    def note_second(answer) -> None:
        if int(answer.request.headers.get("upload-length", FIRST_BYTES)) < FIRST_BYTES:
            second.append(answer.headers["location"])

    def hold_second(route) -> None:
        if route.request.method != "PATCH" or route.request.url not in second:
            route.continue_()

    page.on("response", note_second)
    page.on("dialog", lambda dialog: dialog.accept())  # "Leave this page?"
    page.route(PIECES, hold_second)
    page.get_by_label("Job name").fill("Night shift")
    page.locator("#files").set_input_files(files)
    expect(page.locator("#sending-files li")).to_have_count(1)
    expect(page.locator("#sending-files li")).to_contain_text(files[-1].name)
    wait_for(lambda: site.store.job(site.clinic.id, 1).counts.total == FIRST_PACK)
    page.reload()
    page.unroute(PIECES)  # not before: it would let go what is held
    return page


def pieces_sent(page: Page) -> list[str]:
    """The address of each piece from here on."""
    sent: list[str] = []
    page.on("request", lambda one: one.method == "PATCH" and sent.append(one.url))
    return sent


def newest(site: Site) -> JobRecord:
    return site.store.jobs(site.clinic.id).items[0]


def kept(page: Page) -> str:
    return page.evaluate("localStorage.getItem('unfinished-uploads') ?? ''")


def test_the_same_files_go_on_after_a_reload(broken_off, site, files):
    page = broken_off
    notice = page.get_by_role("list", name="Unfinished uploads")
    expect(notice).to_contain_text("201 files")
    expect(notice).to_contain_text("“Night shift”")
    assert "scan-" not in kept(page)
    assert "Night" not in kept(page)
    sent = pieces_sent(page)
    page.locator("#files").set_input_files(files)
    expect(page).to_have_url(re.compile(r"/jobs/1$"))
    assert len(sent) == 1, "what had arrived is not sent again"
    (job,) = site.store.jobs(site.clinic.id).items
    assert (job.name, job.counts.total, job.open) == ("Night shift", FIRST_PACK + 1, False)
    assert kept(page) == ""


def test_other_files_are_another_upload(broken_off, site, files):
    page = broken_off
    page.locator("#files").set_input_files(files[:1])
    expect(page).to_have_url(ANOTHER_JOB)
    assert newest(site).counts.total == 1
    page.goto(site.address)
    expect(page.get_by_role("list", name="Unfinished uploads")).to_contain_text("201 files")


def test_what_is_missing_of_a_closed_job_becomes_another(broken_off, site, files):
    page = broken_off
    site.store.close_job(site.clinic.id, 1)
    page.reload()
    expect(page.get_by_role("list", name="Unfinished uploads")).to_contain_text("closed meanwhile")
    page.locator("#files").set_input_files(files)
    expect(page).to_have_url(ANOTHER_JOB)
    rest = newest(site)
    assert (rest.name, rest.counts.total, rest.open) == ("Night shift", 1, False)


def test_an_unfinished_upload_is_discarded(broken_off, site):
    page = broken_off
    notice = page.get_by_role("list", name="Unfinished uploads")
    notice.get_by_role("button", name="Discard").click()
    expect(notice).to_be_hidden()
    wait_for(lambda: not site.store.jobs(site.clinic.id).items)
    assert kept(page) == ""
