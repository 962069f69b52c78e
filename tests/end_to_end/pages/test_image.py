"""The page of one image: its map, its keys, its result."""

import re

from playwright.sync_api import expect

from tests.support.browser import POLL_MS, row
from tests.support.results import work
from worker.records import NewImage


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
    page.wait_for_load_state()  # the keys are heard by then
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
