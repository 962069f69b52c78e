"""The page of one image: its result, its keys, the way to the next one and back."""

import re

from playwright.sync_api import Request, expect

from tests.support.browser import POLL_MS, loaded, row
from tests.support.results import work
from worker.records.jobs import NewImage


def test_the_filter_outlasts_a_look_at_one_image(page, site, chest):
    key = site.keep(chest)
    site.job("Two", [NewImage(f"{name}.dcm", key, 1) for name in "ab"])
    work(site.store, 1)
    page.goto(f"{site.address}/jobs/1")
    page.get_by_role("button", name="Done").click()
    expect(row(page, "b.dcm")).to_have_count(0)
    page.get_by_role("link", name="a.dcm").click()
    expect(page.locator("#up")).to_have_attribute("href", re.compile("status=done"))
    expect(page.locator("#toolbar")).to_be_visible()  # the keys are heard by then
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/jobs/1\?sort=suspicion&status=done#image-1$"))
    expect(page.get_by_role("button", name="Done")).to_have_attribute("aria-pressed", "true")
    expect(row(page, "a.dcm")).to_be_visible()
    expect(row(page, "b.dcm")).to_have_count(0)


def test_uncertain_results_are_marked(page, site, chest):
    key = site.keep(chest)
    site.job("Two", [NewImage(f"{name}.dcm", key, 1) for name in "ab"])
    work(site.store, 2)
    page.goto(f"{site.address}/jobs/1")
    expect(row(page, "b.dcm").get_by_text("uncertain")).to_be_visible()
    expect(row(page, "a.dcm").get_by_text("uncertain")).to_be_hidden()


def test_an_image_page_waits_for_its_result(page, site, chest):
    site.job("One", [NewImage("a.dcm", site.keep(chest), 1)])
    page.goto(f"{site.address}/images/1")
    expect(page.get_by_text("Waiting")).to_be_visible()
    work(site.store, 1)
    expect(page.get_by_text("81.9 %")).to_be_visible(timeout=POLL_MS)


def test_keys_go_through_a_job(page, site, chest):
    key = site.keep(chest)
    site.job("Walk", [NewImage(f"{name}.dcm", key, 1) for name in "abc"])
    work(site.store, 3)
    page.goto(f"{site.address}/images/1")
    expect(page.locator("#toolbar")).to_be_visible()
    for key, path in (("ArrowRight", "2"), ("ArrowRight", "3"), ("ArrowLeft", "2")):
        page.keyboard.press(key)
        expect(page).to_have_url(re.compile(rf"/images/{path}$"))
        expect(page.locator("#image")).to_have_attribute("data-image", path)
    page.go_back()
    expect(page.locator("#image")).to_have_attribute("data-image", "3")
    expect(page).to_have_title("c.dcm · cxr-batch")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/jobs/1(#.*)?$"))


def test_films_of_the_next_two_images_are_fetched_ahead(page, site, chest):
    key = site.keep(chest)
    site.job("Walk", [NewImage(f"{name}.dcm", key, 1) for name in "abcd"])
    work(site.store, 4)
    films: list[tuple[str, str | None]] = []  # number of the image, and what it is fetched for

    def note(sent: Request) -> None:
        if "film.png" in sent.url:
            films.append((sent.url.split("/")[-2], sent.headers.get("purpose")))

    page.on("request", note)
    with page.expect_request("**/images/3/film.png"):
        page.goto(f"{site.address}/images/1")
    page.wait_for_timeout(500)
    assert films == [("1", None), ("2", "prefetch"), ("3", "prefetch")]
    with page.expect_request("**/images/4/film.png"):
        page.locator("#next").click()
    loaded(page, 2)
    assert films[3:] == [("4", "prefetch")], "each but once"


def test_all_keys_are_on_one_sheet(page, site, chest):
    site.job("One", [NewImage("a.dcm", site.keep(chest), 1)])
    page.goto(f"{site.address}/images/1")
    expect(page.locator("#toolbar")).to_be_visible()
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet.get_by_text("Rotate by 90°")).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/images/1$"))
