"""The pages as a reader uses them: a real browser, a real web server, real files.

Verdicts come from the test itself, so that it can look at a job half done; the last test goes
through a whole running system instead.
"""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.end_to_end.site import CHROMIUM_FLAGS, TOKEN, Site
from tests.web.verdicts import done, rejected, work
from worker.views import NewImage

POLL_MS = 15_000  # the page asks at least every 10 s


@pytest.fixture(scope="module")
def browser(chromium) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def site(tmp_path) -> Iterator[Site]:
    (tmp_path / "home").mkdir()
    with Site(tmp_path / "home") as site:
        yield site


@pytest.fixture
def visit(browser) -> Iterator:
    """Opens a window; fails the test when a page had an error in its script or its policy."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_window(width: int = 1440, height: int = 900) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height})
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
    page = visit()
    page.goto(f"{site.address}/sign-in?token={TOKEN}")
    return page


@pytest.fixture
def chest(radiographs) -> Path:
    return radiographs["RG1_J2KI"]


def row(page: Page, filename: str):
    return page.locator(".images .line", has=page.get_by_role("link", name=filename))


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


def test_the_attention_map_and_the_keys(page, site, chest):
    key = site.keep(chest)
    site.job("Walk", [NewImage(f"{name}.dcm", key, 1) for name in "abc"])
    work(site.store, 3)
    page.goto(f"{site.address}/images/1")
    xray, attention = page.locator("#xray"), page.locator("#attention")
    expect(attention).to_have_css("opacity", "0.4")
    assert xray.evaluate("(image) => image.naturalWidth") > 300
    assert xray.bounding_box() == attention.bounding_box()

    page.get_by_label("Opacity").fill("75")
    expect(attention).to_have_css("opacity", "0.75")
    page.get_by_label("Opacity").press("ArrowLeft")
    expect(attention).to_have_css("opacity", "0.7")
    expect(page).to_have_url(re.compile(r"/images/1$"))
    page.get_by_role("heading", name="a.dcm").click()
    page.keyboard.press("a")
    expect(attention).to_have_css("opacity", "0")
    page.keyboard.press("+")
    expect(attention).to_have_css("opacity", "0.8")

    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"/images/2$"))
    expect(page.locator("#attention")).to_have_css("opacity", "0.8")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"/images/3$"))
    expect(page.locator("#opacity-value")).to_have_text("80 %")  # the keys work by then
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"/images/2$"))
    expect(page.locator("#opacity-value")).to_have_text("80 %")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/jobs/1$"))


def test_the_filter_outlasts_a_look_at_one_image(page, site, chest):
    key = site.keep(chest)
    site.job("Two", [NewImage(f"{name}.dcm", key, 1) for name in "ab"])
    work(site.store, 1)
    page.goto(f"{site.address}/jobs/1")
    page.get_by_role("button", name="Done").click()
    expect(row(page, "b.dcm")).to_have_count(0)
    page.get_by_role("link", name="a.dcm").click()
    expect(page.locator("#up")).to_have_attribute("href", re.compile("status=done"))
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/jobs/1\?status=done$"))
    expect(page.get_by_role("button", name="Done")).to_have_attribute("aria-pressed", "true")
    expect(row(page, "a.dcm")).to_be_visible()
    expect(row(page, "b.dcm")).to_have_count(0)


def test_uncertain_verdicts_are_marked(page, site, chest):
    key = site.keep(chest)
    site.job("Two", [NewImage(f"{name}.dcm", key, 1) for name in "ab"])
    work(site.store, 2)
    page.goto(f"{site.address}/jobs/1")
    expect(row(page, "b.dcm").get_by_text("uncertain")).to_be_visible()
    expect(row(page, "a.dcm").get_by_text("uncertain")).to_be_hidden()


def test_an_image_page_waits_for_its_verdict(page, site, chest):
    site.job("One", [NewImage("a.dcm", site.keep(chest), 1)])
    page.goto(f"{site.address}/images/1")
    expect(page.get_by_text("Waiting")).to_be_visible()
    work(site.store, 1)
    expect(page.get_by_text("81.9 %")).to_be_visible(timeout=POLL_MS)


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


@pytest.mark.parametrize("width", [390, 1440])
def test_no_page_scrolls_sideways(visit, site, chest, width):
    name = "a-very-long-name-without-any-space-" * 8 + ".dcm"
    site.job(name, [NewImage(name, site.keep(chest), 1) for _ in range(3)], urgent=True)
    work(site.store, 1)
    work(site.store, 1, rejected)
    page = visit(width)
    page.goto(f"{site.address}/sign-in?token={TOKEN}")
    for path in ("/", "/jobs/1", "/images/1", "/images/2", "/images/3", "/nothing", "/sign-in"):
        page.goto(site.address + path)
        page.wait_for_timeout(300)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{path} is {wide} pixels wide"


@pytest.mark.parametrize("width", [390, 1440])
def test_no_page_jumps_while_it_loads(visit, site, chest, width):
    """The sum of the layout shifts; up to 0.1 counts as good (web.dev/articles/cls)."""
    site.job("Steady", [NewImage(f"{name}.dcm", site.keep(chest), 1) for name in "abc"])
    work(site.store, 1)
    work(site.store, 1, rejected)
    page = visit(width)
    page.add_init_script(
        """window.jumped = 0;
        new PerformanceObserver((list) => {
            for (const shift of list.getEntries()) jumped += shift.value;
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    page.goto(f"{site.address}/sign-in?token={TOKEN}")
    for path in ("/", "/jobs/1", "/images/1", "/images/2", "/images/3"):
        page.goto(site.address + path)
        page.wait_for_timeout(1000)
        assert page.evaluate("jumped") < 0.02, path


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
