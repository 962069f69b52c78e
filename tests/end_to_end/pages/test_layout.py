"""Every page at the width of a phone and of a desk."""

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.support.access import sign_in_page
from tests.support.results import NOT_A_CHEST, rejected, work
from web.showing.pictures import REFUSED_BY_GATE
from worker.access import Scope
from worker.records.jobs import NewImage


@pytest.mark.parametrize("width", [390, 820, 1440])
def test_no_page_scrolls_sideways(visit, site, chest, width):
    name = "a-very-long-name-without-any-space-" * 8 + ".dcm"
    site.job(name, [NewImage(name, site.keep(chest), 1) for _ in range(3)], urgent=True)
    work(site.store, 1)
    work(site.store, 1, rejected)
    page = visit(width)
    sign_in_page(page, site.address)
    for path in ("/", "/jobs/1", "/images/1", "/images/2", "/images/3", "/nothing", "/sign-in"):
        page.goto(site.address + path)
        page.wait_for_timeout(300)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{path} is {wide} pixels wide"
        head = page.locator("header.top")
        ends = head.locator("a, button").evaluate_all(
            "(all) => all.map((one) => one.getBoundingClientRect().right)"
        )
        assert max(ends) <= width, f"{path} has a head of {max(ends)} pixels"
        assert head.bounding_box()["height"] < 100


@pytest.mark.parametrize("width", [390, 820, 1440])
def test_the_head_names_the_clinic_before_any_menu_is_open(visit, site, width):
    _, token = site.store.create_token("St. Anna, hospital of the northern lakes", [Scope.READ])
    page = visit(width)
    sign_in_page(page, site.address, token)
    named = page.locator("header.top .clinic:visible")
    expect(named).to_have_count(1)
    expect(named).to_contain_text("St. Anna")
    box = page.locator("header.top :is(.menu-button, .menu):visible").last.bounding_box()
    assert box["x"] + box["width"] <= width
    assert page.locator("header.top").bounding_box()["height"] < 100


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
    sign_in_page(page, site.address)
    for path in ("/", "/jobs/1", "/images/1", "/images/2", "/images/3"):
        page.goto(site.address + path)
        page.wait_for_timeout(1000)
        assert page.evaluate("jumped") < 0.02, path


def test_every_page_is_reached_on_a_phone(visit, site):
    page = visit(390, touch=True)
    sign_in_page(page, site.address)
    assert page.locator("header.top").bounding_box()["height"] < 100
    for name in ("Model", "Help", "API", "People", "Audit", "Worklist"):
        page.get_by_role("button", name="Menu").click()
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        expect(page.get_by_role("navigation", name="Pages")).to_be_hidden()


@pytest.mark.parametrize("width", [390, 1440])
def test_a_long_reason_leaves_room_for_a_long_name(visit, site, chest, width):
    site.job("Long", [NewImage("long-" * 30 + ".dcm", site.keep(chest), 1)])
    work(site.store, 1, rejected)
    page = visit(width)
    sign_in_page(page, site.address)
    page.goto(f"{site.address}/jobs/1")
    link = page.locator(".images .file a")
    expect(link).to_be_visible()
    assert link.bounding_box()["width"] > 200


def test_a_phone_shows_the_whole_toolbar_and_facts_on_one_line(visit, site, chest):
    site.job("Screening", [NewImage(f"{n}.dcm", site.keep(chest), 1) for n in range(12)])
    while work(site.store, 100):
        pass
    page = visit(390, touch=True)
    sign_in_page(page, site.address)
    page.goto(f"{site.address}/images/1")
    buttons = page.locator("#toolbar [data-do]")
    expect(buttons.first).to_be_visible()
    edges = [box.bounding_box() for box in buttons.all()]
    assert len(edges) > 8
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in edges)
    page.goto(f"{site.address}/jobs/1")
    assert page.locator("#finished").bounding_box()["height"] < 30


def test_what_has_no_picture_shows_a_sign_and_not_a_broken_one(visit, site, chest):
    refused = NewImage("locked.dcm", None, 1, "encrypted", "It is locked.")
    site.job("Mixed", [refused, NewImage("waits.dcm", site.keep(chest), 1)])
    page = visit()
    sign_in_page(page, site.address)
    page.goto(f"{site.address}/jobs/1")
    expect(page.locator(".item.without-picture")).to_have_count(1)
    expect(page.locator(".item img:visible")).to_have_count(0)


def test_what_the_gate_refused_is_shown_whatever_its_reason(visit, site, chest):
    key = site.keep(chest)
    site.job("Turned", [NewImage(f"{name}.dcm", key, 1) for name in "abcd"])
    for reason in REFUSED_BY_GATE:
        work(site.store, 1, lambda claim, reason=reason: replace(rejected(claim), reason=reason))
    page = visit()
    sign_in_page(page, site.address)
    page.goto(f"{site.address}/jobs/1")
    expect(page.locator(".item.without-picture")).to_have_count(0)
    expect(page.locator(".item img[src]")).to_have_count(len(REFUSED_BY_GATE))


def test_filters_are_folded_on_a_phone(visit, site, chest):
    site.job("Three", [NewImage(f"{name}.dcm", site.keep(chest), 1) for name in "abc"])
    work(site.store, 3)
    page = visit(390, touch=True)
    sign_in_page(page, site.address)
    page.goto(f"{site.address}/images?search=a&probability_of=NORMAL&min_probability=0.01")
    fold = page.get_by_role("button", name="Filters")
    expect(fold).to_have_text("Filters 2 set")
    expect(page.get_by_label("Search")).to_be_hidden()
    expect(page.locator(".images .line.item")).to_have_count(1)
    fold.tap()
    page.get_by_role("button", name="Clear filter").tap()
    expect(page.locator(".images .line.item")).to_have_count(3)
    expect(fold).to_have_text("Filters")
    page.get_by_label("Search").fill("b")
    expect(fold).to_have_text("Filters 1 set")
    fold.tap()
    expect(page.get_by_label("Search")).to_be_hidden()


def test_a_narrow_row_tells_films_of_one_folder_apart_and_why_one_was_rejected(page, site):
    names = [f"St. Anna/night shift of the emergency room/film-{n}.dcm" for n in range(3)]
    site.job("Night", [NewImage(name, "key", 1) for name in names])
    work(site.store, 3, rejected)
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{site.address}/jobs/1")
    for name in names:
        link = page.get_by_role("link", name=name, exact=True)
        folder, leaf = link.locator(".folder"), link.locator(".leaf")
        expect(leaf).to_have_text(name.rpartition("/")[2])
        assert leaf.evaluate("(part) => part.scrollWidth <= part.clientWidth")
        assert folder.evaluate("(part) => part.scrollWidth > part.clientWidth")
    page.set_viewport_size({"width": 1000, "height": 900})
    reason = page.locator("#rows .reason").first
    expect(reason).to_have_text(NOT_A_CHEST)
    hidden = reason.evaluate("(part) => part.scrollHeight - part.clientHeight")
    assert hidden < 5, "less than a line"
