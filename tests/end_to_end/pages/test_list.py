"""A list of images: the way back to it, what was seen, its order, its views, other jobs' images."""

import re
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from tests.support.access import sign_in_page
from tests.support.browser import row
from tests.support.results import done, failed, work
from worker.records.jobs import NewImage


@pytest.fixture
def many(page, site, chest) -> Page:
    """The page of a job of eighty results, four kinds in turn."""
    key = site.keep(chest)
    site.job("Eighty", [NewImage(f"{number:02}.dcm", key, 1) for number in range(80)])
    work(site.store, 80)
    page.goto(f"{site.address}/jobs/1")
    expect(page.locator("#found")).to_have_text("80 images")
    return page


def names(page: Page) -> list[str]:
    return page.locator("#rows .file > a").all_text_contents()


def test_the_most_suspicious_come_first_and_the_uncertain_have_their_place(many):
    expect(many.locator("#rows .label").first).to_have_text("Pneumonia")
    many.get_by_label("Sort").select_option("file")
    expect(many.locator("#rows .file > a").first).to_have_text("00.dcm")
    many.get_by_label("Sort").select_option("suspicion")
    many.evaluate("document.getElementById('image-2')?.scrollIntoView()")
    # Twenty findings, twenty uncertain ones, then the normal ones.
    many.evaluate("scrollTo(0, scrollY + 47 * 20)")
    expect(many.locator("#rows .uncertain:visible").first).to_be_visible()


@pytest.mark.parametrize("way", ["Escape", "back"])
def test_back_from_an_image_leads_to_its_row(many, site, way):
    many.get_by_label("Result", exact=True).select_option("NORMAL")
    expect(many.locator("#found")).to_have_text("40 images")
    many.evaluate("scrollTo(0, document.body.scrollHeight)")
    last = many.locator("#rows .file > a").last
    expect(last).to_be_visible()
    many.wait_for_timeout(200)
    name = many.locator("#rows .item").last.locator("a").text_content()
    many.get_by_role("link", name=name).click()
    expect(many.locator("#position")).to_have_text("40 of 40")
    expect(many.locator("#toolbar")).to_be_visible()  # the keys are heard by then
    if way == "Escape":
        many.keyboard.press("Escape")
    else:
        many.go_back()
    expect(many).to_have_url(re.compile(r"/jobs/1\?.*label=NORMAL"))
    expect(many.locator("#found")).to_have_text("40 images")
    expect(row(many, name)).to_be_in_viewport()
    expect(row(many, name)).to_contain_text("Seen")
    expect(many.get_by_role("link", name=name)).to_be_focused()


def test_an_image_says_which_of_how_many_it_is(many):
    many.locator("#rows .file > a").first.click()
    expect(many.locator("#position")).to_have_text("1 of 80")
    expect(many.locator("#toolbar")).to_be_visible()  # scripts run: the image counts as seen
    many.get_by_role("link", name="Next").click()
    expect(many.locator("#position")).to_have_text("2 of 80")
    expect(many.locator("#toolbar")).to_be_visible()
    many.locator("#up").click()
    expect(many.get_by_text("Seen", exact=True).locator("visible=true")).to_have_count(2)


def test_the_contact_sheet(many):
    many.get_by_role("button", name="Contact sheet").click()
    tiles = many.get_by_role("listitem").filter(has=many.locator(".tile-name"))
    expect(tiles.first).to_contain_text("Pneumonia")
    expect(tiles.first).to_contain_text("81.9 %")
    boxes = [tiles.nth(number).bounding_box() for number in range(2)]
    assert boxes[0]["y"] == boxes[1]["y"]
    many.reload()
    expect(tiles.first).to_be_visible()


def test_the_list_scrolls_after_the_contact_sheet(many):
    for name in ("Contact sheet", "List"):
        many.get_by_role("button", name=name, exact=True).click()
        expect(many.locator("#found")).to_have_text("80 images")
    expect(many.locator("#rows .item").first).to_be_visible()
    many.mouse.move(700, 600)
    for _ in range(5):
        many.mouse.wheel(0, 300)
        many.wait_for_timeout(100)
    assert many.evaluate("scrollY") > 1000


def test_searching_and_saving_a_view(many, site):
    many.goto(f"{site.address}/images")
    many.get_by_label("Search").fill("07")
    expect(many.locator("#found")).to_have_text("1 image")
    many.evaluate("localStorage.setItem('saved-views', '[]')")
    many.get_by_text("Save this view").click()
    many.get_by_label("Name of this view").fill("Seven")
    many.get_by_role("button", name="Save", exact=True).click()
    expect(many.get_by_role("link", name="Seven", exact=True)).to_be_visible()
    expect(many.locator("#found")).to_have_text("1 image")
    views = many.get_by_role("navigation", name="Views").locator("[aria-current]")
    expect(views).to_have_text("Seven")
    many.get_by_role("link", name="Uncertain").click()
    expect(many.locator("#found")).to_have_text("20 images")
    expect(views).to_have_text("Uncertain")
    many.get_by_role("button", name="Clear filter").click()
    expect(views).to_have_text("Most suspicious")
    assert many.evaluate("localStorage.getItem('saved-views')") is None
    many.get_by_role("link", name="Seven", exact=True).click()
    expect(many.locator("#found")).to_have_text("1 image")
    many.get_by_role("link", name="07.dcm").click()
    expect(many.locator("#position")).to_have_text("1 of 1")
    expect(many.locator("#up")).to_have_attribute("href", re.compile("^/images.*search=07"))


def test_a_row_says_whose_film_it_is(page, site, chest):
    site.job("One", [NewImage("a.dcm", site.keep(chest), 1)])
    claims = site.store.claim(1, lease_s=60)
    site.store.save([replace(done(one), patient="P-17", accession="A42") for one in claims])
    page.goto(f"{site.address}/jobs/1")
    row = page.locator("#rows .item").first
    expect(row.locator(".concerns")).to_have_text("Patient P-17 · Accession A42")
    page.goto(f"{site.address}/images?search=P-17")
    expect(row.locator(".concerns")).to_contain_text("Patient P-17 · Accession A42 · Uploaded")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_row_across_jobs_leads_to_its_job(page, site, chest, width):
    for name in ("Night shift", "Early shift " * 12):
        site.job(name, [NewImage(f"{name[:5]}.dcm", site.keep(chest), 1)])
    work(site.store, 2)
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{site.address}/images")
    link = row(page, "Night.dcm").get_by_role("link", name="Night shift")
    expect(link).to_be_visible()
    expect(row(page, "Early.dcm").locator(".of-job")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Contact sheet").click()
    tile = page.get_by_role("listitem").filter(has_text="Night.dcm")
    expect(tile.get_by_text("Night shift")).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="List", exact=True).click()
    link.click()
    expect(page).to_have_url(f"{site.address}/jobs/1")
    expect(page.locator("#rows .item")).to_have_count(1)
    expect(page.locator(".of-job")).to_have_count(0)


def test_a_range_of_probabilities(many):
    many.get_by_text("Probability", exact=True).click()
    many.get_by_label("Of", exact=True).select_option("NORMAL")
    many.get_by_label("From", exact=True).fill("95")
    many.get_by_label("From", exact=True).press("Enter")
    expect(many.locator("#found")).to_have_text("20 images")
    many.get_by_label("To", exact=True).fill("")  # no limit
    many.get_by_label("To", exact=True).press("Enter")
    expect(many).to_have_url(re.compile(r"min_probability=0.95(?!.*max_probability)"))
    expect(many.locator("#found")).to_have_text("20 images")
    many.get_by_role("button", name="Clear filter").click()
    expect(many.locator("#found")).to_have_text("80 images")


def test_counts_follow_the_filter(many):
    expect(many.locator("[data-count=uncertain]")).to_have_text("20")
    many.get_by_label("Result", exact=True).select_option("NORMAL")
    expect(many.locator("[data-count=done]")).to_have_text("40")
    expect(many.locator("[data-count=uncertain]")).to_have_text("0")


def test_lists_read_without_scripts(browser, site, many):
    context = browser.new_context(
        java_script_enabled=False, storage_state=many.context.storage_state()
    )
    page = context.new_page()
    for path, said in (("/", "Eighty"), ("/jobs/1", "79.dcm"), ("/images", "79.dcm")):
        page.goto(site.address + path)
        expect(page.get_by_role("link", name=said)).to_be_visible()
        # What would do nothing is not there; the menu has forms, which need no script.
        expect(page.locator("main button:visible")).to_have_count(0)
    context.close()


def test_the_keys_of_a_list_are_on_a_sheet(many):
    many.keyboard.press("?")
    sheet = many.get_by_role("dialog", name="Keys")
    expect(sheet.get_by_text("Next, previous image")).to_be_visible()
    many.keyboard.press("j")
    many.keyboard.press("?")
    expect(sheet).to_be_hidden()
    many.keyboard.press("j")
    expect(many.locator("#rows .item a").first).to_be_focused()


def test_images_are_selected_by_keys_and_tried_again_together(many, site, chest):
    key = site.keep(chest)
    site.job("Mixed", [NewImage(f"{number}.dcm", key, 1) for number in range(6)])
    work(site.store, 3, failed)
    many.goto(f"{site.address}/jobs/2?sort=file")
    expect(many.locator("#found")).to_have_text("6 images")
    for pressed in ("j", "x", "j", "j", "Shift+X"):
        many.keyboard.press(pressed)
    expect(many.locator("#picked-count")).to_have_text("3 images selected")
    expect(many.locator(".item.picked")).to_have_count(3)
    expect(many.get_by_role("button", name="Cancel waiting")).to_be_disabled()
    many.get_by_role("checkbox", name="Select 5.dcm").click()
    many.get_by_role("checkbox", name="Select 3.dcm").click(modifiers=["Shift"])
    expect(many.locator("#picked-count")).to_have_text("6 images selected")
    with many.expect_download() as download:
        many.locator("#picked-export").click()
    assert len(download.value.path().read_text().splitlines()) == 7
    many.get_by_role("button", name="Retry failed").last.click()
    expect(many.locator("#picked")).to_be_hidden()
    expect(many.locator('[data-count="waiting"]')).to_have_text("6")
    assert site.store.job(site.clinic.id, 2).counts.failed == 0


def test_images_are_deleted_from_the_list_and_from_their_page(page, site, chest):
    site.job("Four", [NewImage(f"{name}.dcm", site.keep(chest), 1) for name in "abcd"])
    work(site.store, 4)
    page.goto(f"{site.address}/jobs/1?sort=file")
    page.on("dialog", lambda dialog: dialog.accept())
    for name in "ab":
        row(page, f"{name}.dcm").locator(".pick").check()
    page.locator("#picked-delete").click()
    expect(page.locator("#found")).to_have_text("2 images")
    expect(page.locator("#picked")).to_be_hidden()
    expect(page.locator("#rows .file > a")).to_have_text(["c.dcm", "d.dcm"])

    page.get_by_role("link", name="c.dcm").click()
    page.wait_for_url("**/images/*")  # and for its scripts
    page.get_by_role("button", name="Delete this image").click()
    expect(page.get_by_role("heading", name="d.dcm")).to_be_visible()
    page.wait_for_load_state()
    site.store.hold_job(site.clinic.id, 1)
    page.get_by_role("button", name="Delete this image").click()
    expect(page.locator("#delete-error")).to_contain_text("is held")
    site.store.release_job(site.clinic.id, 1)
    page.get_by_role("button", name="Delete this image").click()
    expect(page).to_have_url(re.compile(r"/jobs/1\?sort=file"))
    expect(page.locator("#no-images")).to_contain_text("There are no images yet.")


def test_images_of_some_days(page, site, chest):
    site.job("Today", [NewImage("a.dcm", None, 1, "unreadable", "Empty.")])
    page.goto(f"{site.address}/images")
    page.locator("#dates summary").click()
    today = page.evaluate("new Date().toLocaleDateString('sv')")  # as a date field has it
    page.get_by_label("From date").fill(today)
    page.get_by_label("To date").fill(today)
    expect(row(page, "a.dcm")).to_be_visible()
    expect(page).to_have_url(re.compile("uploaded_since=.*uploaded_until="))
    page.reload()
    expect(page.get_by_label("From date")).to_have_value(today)
    expect(page.get_by_label("To date")).to_have_value(today)
    expect(row(page, "a.dcm")).to_be_visible()
    page.get_by_label("From date").fill("")
    page.get_by_label("To date").fill("2020-01-31")
    expect(page.locator("#no-images")).to_be_visible()
    expect(row(page, "a.dcm")).to_have_count(0)


def test_what_uncertain_means_is_told_by_keys_and_by_touch(page, visit, site, chest):
    site.job("Doubt", [NewImage(f"{name}.dcm", site.keep(chest), 1) for name in "abc"])
    while work(site.store, 9):
        pass
    page.goto(f"{site.address}/jobs/1?uncertain=true")
    page.locator(".item .uncertain:visible").first.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("tooltip")).to_have_text("Low confidence: review manually.")
    page.keyboard.press("Escape")
    expect(page.get_by_role("tooltip")).to_be_hidden()
    phone = visit(390, touch=True)
    sign_in_page(phone, site.address)
    phone.goto(f"{site.address}/images/2")
    phone.locator(".findings .uncertain").tap()
    expect(phone.get_by_role("tooltip")).to_have_text("Low confidence: review manually.")
