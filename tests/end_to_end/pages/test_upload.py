"""Signing in and uploading, as a reader does it."""

import base64
import re

from playwright.sync_api import Page, expect

from tests.end_to_end.pages.conftest import POLL_MS, row
from tests.end_to_end.site import TOKEN
from tests.web.verdicts import done, rejected, work


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


def test_from_files_to_verdicts(page, site, chest, radiographs):
    """Upload two files, watch them, filter, and look at one."""
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
    expect(page.locator("#state")).to_have_text("Running")

    work(site.store, 1, rejected)
    expect(page.locator("#state")).to_have_text("Complete", timeout=POLL_MS)
    expect(page.get_by_role("button", name="Cancel job")).to_be_hidden()
    expect(row(page, "RG3_J2KI.dcm")).to_contain_text("does not look like a frontal chest X-ray")

    page.get_by_role("button", name="Rejected").click()
    expect(row(page, chest.name)).to_have_count(0)
    expect(row(page, "RG3_J2KI.dcm")).to_be_visible()
    page.get_by_role("button", name="All").click()
    page.get_by_label("Label").select_option("PNEUMONIA")
    expect(row(page, "RG3_J2KI.dcm")).to_have_count(0)
    page.get_by_role("link", name=chest.name).click()
    expect(page).to_have_url(re.compile(r"/images/1$"))
    expect(page.get_by_text("Pneumonia").first).to_be_visible()


def test_dropping_files(page, site, chest):
    page.get_by_label("Urgent").check()
    drop(page, ["a.dcm", "b.dcm", ".hidden"], chest.read_bytes())
    expect(page).to_have_url(re.compile(r"/jobs/1$"))
    expect(page.get_by_text("Urgent")).to_be_visible()
    expect(page.locator(".images .line:not(.head)")).to_have_count(2)


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
    page.locator("#drop").evaluate("(zone) => (zone.dataset.mostImages = '1')")
    page.reload()
    drop(page, [".only-hidden"], b"x")
    expect(page.get_by_role("alert")).to_contain_text("no files")
    site.stop()
    drop(page, ["a.dcm"], b"x")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    site.start()
    page.get_by_role("button", name="Try again").click()
    expect(page).to_have_url(re.compile(r"/jobs/1$"))


def test_through_the_whole_system(visit, stack, radiographs):
    """`cxr up`, two real radiographs: the chest is classified, the leg is refused."""
    page = visit()
    page.goto(stack.sign_in_url)
    page.locator("#files").set_input_files([radiographs["RG1_UNCR"], radiographs["RG3_UNCR"]])
    expect(page.locator("#state")).to_have_text("Complete", timeout=60_000)
    expect(row(page, "RG1_UNCR.dcm")).to_contain_text("Done")
    expect(row(page, "RG3_UNCR.dcm")).to_contain_text("Rejected")
    page.get_by_role("link", name="RG1_UNCR.dcm").click()
    expect(page.locator("#attention")).to_be_visible()
    assert page.locator("#attention").evaluate("(image) => image.decode().then(() => true)")
