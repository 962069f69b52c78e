"""Signing in and uploading, as a reader does it."""

import base64
import re

from playwright.sync_api import Page, expect

from tests.support.access import TOKEN, sign_in_page
from tests.support.browser import POLL_MS, row
from tests.support.results import done, rejected, work
from tests.support.site import Site
from tests.support.waiting import wait_for
from worker.records.jobs import NewImage


def drop(page: Page, names: list[str], content: bytes) -> None:
    """Drop files on the page, as a file manager does."""
    page.evaluate(
        """([names, content]) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            for (const name of names) transfer.items.add(new File([bytes], name));
            const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
            const zone = document.getElementById("drop");
            zone.dispatchEvent(new DragEvent("dragover", options));
            zone.dispatchEvent(new DragEvent("drop", options));
        }""",
        [names, base64.b64encode(content).decode()],
    )


def test_signing_in_with_the_form(visit, site):
    page = visit()
    page.goto(f"{site.address}/")
    page.get_by_label("Access token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not valid")
    page.get_by_label("Access token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Access token")).to_be_visible()


def test_from_files_to_results(page, site, radiographs):
    """Upload two files, watch them, filter, and look at one."""
    chest = radiographs["RG1_J2KI"]
    assert "token" not in page.url
    page.get_by_label("Job name").fill("Monday")
    page.locator("#files").set_input_files([chest, radiographs["RG3_J2KI"]])
    expect(page).to_have_url(re.compile(r"/jobs/1$"))
    expect(page.get_by_role("heading", name="Monday")).to_be_visible()
    expect(row(page, chest.name)).to_contain_text("Waiting")

    work(site.store, 1, done)
    expect(row(page, chest.name)).to_contain_text("Done", timeout=POLL_MS)
    expect(row(page, chest.name)).to_contain_text("81.9 %")
    expect(page.locator("#finished")).to_contain_text("1 of 2 (50 %)")
    expect(page.locator("#state")).to_have_text("Waiting")

    work(site.store, 1, rejected)
    expect(page.locator("#state")).to_have_text("Complete", timeout=POLL_MS)
    expect(page.get_by_role("button", name="Cancel job")).to_be_hidden()
    expect(row(page, "RG3_J2KI.dcm")).to_contain_text("does not look like a frontal chest X-ray")

    page.get_by_role("button", name="Rejected").click()
    expect(row(page, chest.name)).to_have_count(0)
    expect(row(page, "RG3_J2KI.dcm")).to_be_visible()
    page.get_by_role("button", name="All").click()
    page.get_by_label("Result", exact=True).select_option("PNEUMONIA")
    expect(row(page, "RG3_J2KI.dcm")).to_have_count(0)
    page.get_by_role("link", name=chest.name).click()
    expect(page).to_have_url(re.compile(r"/images/1\?.*label=PNEUMONIA"))
    expect(page.get_by_text("Pneumonia").first).to_be_visible()


def test_dropping_files(page, site, chest):
    page.get_by_label("Urgent").check()
    drop(page, ["a.dcm", "b.dcm", ".hidden"], chest.read_bytes())
    expect(page).to_have_url(re.compile(r"/jobs/1$"))
    expect(page.get_by_text("Urgent", exact=True)).to_be_visible()
    expect(page.locator(".images .line:not(.head)")).to_have_count(2)


def test_dropping_files_on_the_page_of_a_job(page, site, chest):
    site.job("First", [NewImage("a.dcm", None, 1, "unreadable", "Empty.")])
    page.goto(f"{site.address}/jobs/1")
    expect(page.locator("#drop")).to_be_hidden()
    drop(page, ["b.dcm"], chest.read_bytes())
    expect(page).to_have_url(re.compile(r"/jobs/2$"))


def test_a_session_that_ends_during_an_upload(page, site, chest):
    """The upload waits for the sign-in, in place, and becomes one job of the name it had."""
    page.get_by_label("Job name").fill("Night shift")
    page.context.clear_cookies()
    drop(page, ["a.dcm"], chest.read_bytes())
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Your session ended")
    dialog.get_by_label("Access token").fill("wrong")
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not valid")
    dialog.get_by_label("Access token").fill(TOKEN)
    dialog.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/jobs/1$"))
    (job,) = site.store.jobs(site.clinic.id).items
    assert (job.name, job.counts.total) == ("Night shift", 1)


def test_a_filter_survives_the_sign_in(page, site):
    site.job("One", [NewImage("a.dcm", None, 1, "unreadable", "Empty.")])
    page.context.clear_cookies()
    page.goto(f"{site.address}/jobs/1?status=rejected")
    page.get_by_label("Access token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/jobs/1\?status=rejected$"))
    expect(row(page, "a.dcm")).to_be_visible()


def test_choosing_a_folder_keeps_the_paths(page, site, chest, tmp_path):
    folder = tmp_path / "night"
    (folder / "ward").mkdir(parents=True)
    (folder / "ward" / "a.dcm").write_bytes(chest.read_bytes())
    (folder / "b.dcm").write_bytes(b"x")
    (folder / ".DS_Store").write_bytes(b"x")
    page.locator("#folder").set_input_files(folder)
    expect(page).to_have_url(re.compile(r"/jobs/1$"))
    names = sorted(image.filename for image in site.store.images(site.clinic.id, 1).items)
    assert names == ["night/b.dcm", "night/ward/a.dcm"]


def test_an_upload_that_is_refused_says_why_and_can_be_tried_again(page, site):
    page.locator("#drop").evaluate("(zone) => (zone.dataset.maxImages = '1')")
    page.reload()
    drop(page, [".only-hidden"], b"x")
    expect(page.get_by_role("alert")).to_contain_text("no files")
    site.stop()
    drop(page, ["a.dcm"], b"x")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    site.start()
    page.get_by_role("button", name="Try again").click()
    expect(page).to_have_url(re.compile(r"/jobs/1$"))


def keys_sent(page: Page) -> list[str]:
    """The Idempotency-Key of each upload from here on."""
    keys: list[str] = []

    def note(request) -> None:
        if request.method == "POST" and request.url.endswith("/api/v1/jobs"):
            keys.append(request.headers["idempotency-key"])

    page.on("request", note)
    return keys


def fail_to_upload(page: Page, site: Site, name: str) -> None:
    """Drop a file while the server is away."""
    site.stop()
    drop(page, [name], b"x")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    site.start()


def test_a_try_again_is_the_same_upload(page, site):
    keys = keys_sent(page)
    page.get_by_label("Job name").fill("Monday")
    page.get_by_label("Urgent").check()
    fail_to_upload(page, site, "a.dcm")
    # What is sent again is what was sent: it cannot be changed in between.
    expect(page.get_by_label("Job name")).to_be_disabled()
    expect(page.get_by_label("Urgent")).to_be_disabled()
    page.get_by_role("button", name="Try again").click()
    expect(page).to_have_url(re.compile(r"/jobs/1$"))
    assert len(set(keys)) == 1
    (job,) = site.store.jobs(site.clinic.id).items
    assert (job.name, job.urgent, job.counts.total) == ("Monday", True, 1)


def test_an_upload_whose_answer_was_lost_becomes_no_second_job(page, site):
    keys = keys_sent(page)
    fail_to_upload(page, site, "a.dcm")
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": keys[0]}
    opened = {"name": "Arrived", "open": True}
    page.request.post(f"{site.address}/api/v1/jobs", data=opened, headers=headers)
    page.get_by_role("button", name="Try again").click()
    expect(page).to_have_url(re.compile(r"/jobs/1$"))
    expect(page.get_by_role("heading", name="Arrived")).to_be_visible()
    assert len(site.store.jobs(site.clinic.id).items) == 1
    assert len(set(keys)) == 1


def test_another_choice_of_files_is_another_upload(page, site):
    keys = keys_sent(page)
    fail_to_upload(page, site, "a.dcm")
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_label("Job name").fill("Tuesday")
    drop(page, ["a.dcm"], b"x")
    expect(page).to_have_url(re.compile(r"/jobs/1$"))
    expect(page.get_by_role("heading", name="Tuesday")).to_be_visible()
    assert len(keys) == len(set(keys)) == 2
    assert all(len(key) > 20 and key.isascii() for key in keys)


PIECES = "**/api/v1/jobs/*/uploads/*"


def hold_pieces(page: Page) -> None:
    """As over a line that carries nothing."""
    page.route(PIECES, lambda route: None if route.request.method == "PATCH" else route.continue_())


def test_an_upload_goes_on_by_itself_after_a_broken_connection(page, site, chest):
    broken: list[str] = []

    def breaking(route) -> None:
        if route.request.method != "PATCH" or broken:
            route.continue_()
        else:
            broken.append(route.request.url)
            route.abort("connectionreset")

    page.route(PIECES, breaking)
    drop(page, ["a.dcm", "b.dcm"], chest.read_bytes())
    expect(page.locator("#sent-text")).to_contain_text("The connection is lost")
    expect(page).to_have_url(re.compile(r"/jobs/1$"))
    (job,) = site.store.jobs(site.clinic.id).items
    assert (job.name, job.counts.total, job.open) == ("a.dcm and 1 more", 2, False)


def test_a_line_that_was_too_slow_for_the_server_is_tried_again(page, site, chest):
    refused: list[str] = []

    def too_slow(route) -> None:
        if route.request.method != "PATCH" or refused:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=408, json={"detail": "The request came too slowly."})

    page.route(PIECES, too_slow)
    drop(page, ["a.dcm"], chest.read_bytes())
    expect(page).to_have_url(re.compile(r"/jobs/1$"))
    assert len(refused) == 1


def test_when_one_part_is_refused_no_other_is_begun(page, site):
    begun: list[str] = []

    def refuse(route) -> None:
        begun.append(route.request.url)
        route.fulfill(status=403, json={"detail": "Not allowed."})

    page.route("**/api/v1/jobs/*/uploads", refuse)
    drop(page, [f"{number:04}.dcm" for number in range(1000)], b"x")  # five parts, two at a time
    expect(page.get_by_role("alert")).to_contain_text("Not allowed")
    page.wait_for_timeout(500)
    assert len(begun) == 2


def test_an_upload_can_be_paused(page, site, chest):
    hold_pieces(page)
    drop(page, ["a.dcm"], chest.read_bytes())
    expect(page.locator("#sending-files li")).to_contain_text("a.dcm")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#sent-text")).to_contain_text("Paused")
    page.unroute(PIECES)
    page.get_by_role("button", name="Resume upload").click()
    expect(page).to_have_url(re.compile(r"/jobs/1$"))


def test_an_upload_that_is_stopped_leaves_no_job(page, site, chest):
    hold_pieces(page)
    drop(page, ["a.dcm"], chest.read_bytes())
    expect(page.locator("#sending-files li")).to_contain_text("a.dcm")
    page.get_by_role("button", name="Stop upload").click()
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    wait_for(lambda: not site.store.jobs(site.clinic.id).items)


def test_an_upload_that_is_stopped_before_its_job_is_opened_leaves_none(page, site):
    held = []
    opening = "**/api/v1/jobs"
    page.route(opening, lambda route: held.append(route))
    with page.expect_request(opening):
        drop(page, ["a.dcm"], b"x")
    page.get_by_role("button", name="Stop upload").click()
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        held[0].continue_()
    wait_for(lambda: not site.store.jobs(site.clinic.id).items)


def test_through_the_whole_system(visit, stack, radiographs):
    """`cxr up`, two real radiographs: the chest is classified, the leg is refused."""
    page = visit()
    sign_in_page(page, stack.url, stack.token)
    page.locator("#files").set_input_files([radiographs["RG1_UNCR"], radiographs["RG3_UNCR"]])
    expect(page.locator("#state")).to_have_text("Complete", timeout=60_000)
    expect(row(page, "RG1_UNCR.dcm")).to_contain_text("Done")
    expect(row(page, "RG3_UNCR.dcm")).to_contain_text("Rejected")
    page.get_by_role("link", name="RG1_UNCR.dcm").click()
    expect(page.locator("#image[data-loaded=true]")).to_be_visible(timeout=30_000)
    page.get_by_label("Attention").check()
    expect(page.locator("#map")).to_be_visible()
