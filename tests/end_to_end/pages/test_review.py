"""Reviewing in the browser: by mouse and keys, with boxes; blind; and past the gate."""

import re
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import loaded
from tests.support.results import done, rejected, work
from web.auth.sessions import COOKIE
from worker.access import PrincipalKind, Scope
from worker.records.jobs import NewImage
from worker.records.reviews import NewReview, ReviewBox, Verdict
from worker.store import DEFAULT_CLINIC

SPACING = {"spacing_mm": [0.2, 0.1], "spacing_at": "detector"}


@pytest.fixture
def three(site, chest) -> None:
    key = site.keep(chest)
    site.job("Study", [NewImage(f"{name}.dcm", key, 1) for name in "abc"])
    work(site.store, 3, lambda claim: replace(done(claim), width=1841, height=1955, facts=SPACING))


def reviews(site, image_id: int) -> list:
    return site.store.reviews(site.clinic.id, [image_id]).get(image_id, [])


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """On the film, in shares of its width and height."""
    film = page.locator("#film").bounding_box()
    at = [(film["x"] + x * film["width"], film["y"] + y * film["height"]) for x, y in (start, end)]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=4)
    page.mouse.up()


def test_a_review_with_a_box_and_on_to_the_next(page, site, three):
    page.goto(f"{site.address}/images/1")
    loaded(page, 1)
    expect(page.locator("#read")).to_have_text("0 of 3 read")
    page.get_by_role("button", name="Draw a box").click()
    drag(page, (0.25, 0.25), (0.5, 0.75))
    expect(page.locator(".box.own:not(.halo)")).to_have_count(1)
    page.get_by_label("What box 1 shows").fill("opacity")
    page.get_by_role("radio", name="Normal").check()
    page.get_by_label("Comment").fill("left lung")
    page.get_by_role("button", name="Save, next").click()
    expect(page).to_have_url(re.compile(r"/images/2$"))
    expect(page.locator("#read")).to_have_text("1 of 3 read")
    (said,) = reviews(site, 1)
    assert (said.verdict, said.label, said.comment) == (
        Verdict.OTHER_LABEL, "NORMAL", "left lung",
    )  # fmt: skip
    (box,) = said.boxes
    assert box.finding == "opacity"
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx(
        (0.25, 0.25, 0.5, 0.75), abs=0.01
    )
    page.goto(f"{site.address}/images/1")
    expect(page.get_by_role("radio", name="Normal")).to_be_checked()
    expect(page.locator(".box.own:not(.halo)")).to_have_count(1)


PUT_REVIEW = "**/api/v1/images/*/review"


def test_of_two_answers_in_a_row_the_last_one_stays(page, site, three):
    page.goto(f"{site.address}/images/1")
    loaded(page, 1)
    held = []
    page.route(PUT_REVIEW, lambda route: held.append(route))
    page.keyboard.press("a")
    page.keyboard.press("x")
    page.wait_for_timeout(500)
    # Over a slow line the first may arrive last.
    for route in reversed(list(held)):
        with page.expect_response(PUT_REVIEW):
            route.continue_()
    page.unroute(PUT_REVIEW)
    page.wait_for_timeout(500)
    (said,) = reviews(site, 1)
    assert said.verdict is Verdict.UNUSABLE


def test_a_review_that_was_lost_while_the_reader_went_on_is_told(page, site, three):
    page.goto(f"{site.address}/images/1")
    loaded(page, 1)
    held, told = [], []
    page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.accept()))
    page.route(PUT_REVIEW, lambda route: held.append(route))
    with page.expect_request(PUT_REVIEW):
        page.keyboard.press("a")
    page.keyboard.press("ArrowRight")
    loaded(page, 2)
    held[0].abort("connectionreset")
    page.wait_for_timeout(300)
    assert told == ["The review of a.dcm was not saved. The server cannot be reached. Not saved."]


def test_what_was_noted_goes_with_the_answer_when_the_reader_goes_on(page, site, three):
    page.goto(f"{site.address}/images/1")
    loaded(page, 1)
    page.keyboard.press("a")
    expect(page.locator("#review-said")).to_contain_text("Saved")
    page.get_by_label("Comment").fill("left lung")
    expect(page.locator("#review-said")).to_have_text("Not saved yet.")
    with page.expect_response(PUT_REVIEW):
        page.locator("#next").click()
    loaded(page, 2)
    (said,) = reviews(site, 1)
    assert (said.verdict, said.comment) == (Verdict.AGREE, "left lung")


def test_without_an_answer_a_note_is_not_dropped_unasked(page, site, three):
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.goto(f"{site.address}/images/1")
    loaded(page, 1)
    page.get_by_label("Comment").fill("left lung")
    page.locator("#next").click()
    assert asked == [
        "Without an answer, your comment and boxes cannot be saved. Go on without them?"
    ]
    expect(page).to_have_url(re.compile(r"/images/1$"))
    expect(page.get_by_label("Comment")).to_have_value("left lung")
    page.locator("body").press("x")
    expect(page.locator("#review-said")).to_contain_text("Saved")
    page.locator("#next").click()
    loaded(page, 2)
    assert len(asked) == 1
    assert reviews(site, 1)[0].comment == "left lung"


def test_a_review_that_is_saved_late_skips_no_image(page, site, three):
    page.goto(f"{site.address}/images/1")
    loaded(page, 1)
    held = []
    page.route(PUT_REVIEW, lambda route: held.append(route))
    page.get_by_role("radio", name="Normal").check()
    with page.expect_request(PUT_REVIEW):
        page.get_by_role("button", name="Save, next").click()
    page.keyboard.press("ArrowRight")
    loaded(page, 2)
    with page.expect_response(PUT_REVIEW):
        held[0].continue_()
    page.wait_for_timeout(500)
    expect(page).to_have_url(re.compile(r"/images/2$"))


def test_a_job_is_reviewed_by_keys_alone(page, site, three):
    page.goto(f"{site.address}/images/1")
    loaded(page, 1)
    page.keyboard.press("a")
    expect(page.locator("#review-said")).to_contain_text("Saved")
    page.keyboard.press("Enter")
    expect(page.locator("#image")).to_have_attribute("data-image", "2")
    page.keyboard.press("3")
    expect(page.locator("#review-said")).to_contain_text("Saved")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#image")).to_have_attribute("data-image", "3")
    page.keyboard.press("x")
    expect(page.locator("#review-said")).to_contain_text("Saved")
    said = [reviews(site, image)[0] for image in (1, 2, 3)]
    assert [one.verdict for one in said] == ["agree", "other_label", "unusable"]
    assert said[1].label == "PNEUMONIA"  # of COVID19, NORMAL and PNEUMONIA the model said the first


def test_a_slip_is_put_right_in_a_list_of_what_is_unread(page, site, three):
    """The image that was read has left the list: the key of the previous one leads to it all the
    same, and the next one back. One answer is saved once."""
    sent = []
    page.on("request", lambda request: request.method == "PUT" and sent.append(request.url))
    shown = page.locator("#image")
    page.goto(f"{site.address}/images/1?review=unread")
    loaded(page, 1)
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    expect(shown).to_have_attribute("data-image", "2")
    expect(page.get_by_role("button", name="Previous")).to_be_enabled()
    assert len(sent) == 1
    page.keyboard.press("ArrowLeft")
    expect(shown).to_have_attribute("data-image", "1")
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    expect(shown).to_have_attribute("data-image", "2")
    assert len(sent) == 2
    assert [one.verdict for one in reviews(site, 1)] == ["unusable"]
    page.keyboard.press("ArrowLeft")
    expect(shown).to_have_attribute("data-image", "1")
    page.keyboard.press("Enter")
    expect(shown).to_have_attribute("data-image", "2")
    assert len(sent) == 2


def test_what_others_said_is_shown(page, site, three):
    mark = ReviewBox(0.1, 0.1, 0.2, 0.3)
    said = NewReview(Verdict.OTHER_LABEL, "NORMAL", "I see nothing.", (mark,))
    site.store.review(site.clinic.id, 1, "Dr. Okafor", said)
    page.goto(f"{site.address}/images/1")
    expect(page.locator(".others")).to_contain_text("Dr. Okafor: Normal")
    expect(page.locator(".others")).to_contain_text("I see nothing.")
    expect(page.locator(".box.other:not(.halo)")).to_have_count(1)


def test_a_blind_answer_comes_before_the_model_s(page, site, three):
    site.store.set_blind(site.clinic.id, 1, True)
    page.goto(f"{site.address}/images/1")
    loaded(page, 1)
    expect(page.get_by_text("Blind reading")).to_be_visible()
    expect(page.locator(".bars")).to_have_count(0)
    expect(page.get_by_role("radio", name="Attention")).to_have_count(0)
    page.get_by_role("radio", name="Pneumonia").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".bars")).to_be_visible()
    expect(page.get_by_text("81.9 %")).to_be_visible()
    expect(page.get_by_text("so it is final")).to_be_visible()
    expect(page.get_by_role("radio", name="Agree")).to_be_disabled()
    (review,) = reviews(site, 1)
    assert (review.blind, review.verdict) == (True, Verdict.AGREE)


def test_a_refusal_is_not_final(page, site, chest):
    site.job("One", [NewImage("a.dcm", site.keep(chest), 1)])
    work(site.store, 1, rejected)
    page.goto(f"{site.address}/images/1")
    page.get_by_role("button", name="Classify anyway").click()
    expect(page.get_by_text("Waiting")).to_be_visible()
    work(site.store, 1)
    expect(page.get_by_text("81.9 %")).to_be_visible(timeout=15_000)
    expect(page.locator("#waiver")).to_contain_text("classified anyway by")


def test_the_ruler_measures_in_millimetres(page, site, three):
    page.goto(f"{site.address}/images/1")
    loaded(page, 1)
    page.keyboard.press("u")
    drag(page, (0.25, 0.5), (0.75, 0.5))
    across = page.locator("#ruler-label").inner_text()
    assert float(across.removesuffix(" mm")) == pytest.approx(0.5 * 1841 * 0.1, rel=0.02)
    drag(page, (0.5, 0.25), (0.5, 0.75))
    down = page.locator("#ruler-label").inner_text()
    assert float(down.removesuffix(" mm")) == pytest.approx(0.5 * 1955 * 0.2, rel=0.02)
    page.get_by_text("Technical details").click()
    expect(page.get_by_text("0.200 mm at the detector")).to_be_visible()


def test_without_spacing_there_is_no_ruler_and_it_says_why(page, site, chest):
    site.job("One", [NewImage("a.dcm", site.keep(chest), 1)])
    work(site.store, 1)
    page.goto(f"{site.address}/images/1")
    loaded(page, 1)
    page.get_by_role("button", name="Ruler").click()
    expect(page.get_by_text("does not say how large its pixels are.")).to_be_visible()


def test_two_readers_who_disagree(page, visit, site, three):
    site.store.set_readers(site.clinic.id, 1, 2)
    first, _ = site.store.create_token(DEFAULT_CLINIC, [Scope.READ, Scope.REVIEW], "Dr. First")
    second, _ = site.store.create_token(DEFAULT_CLINIC, [Scope.READ, Scope.REVIEW], "Dr. Second")

    def read(token, label: str) -> Page:
        window = visit()
        session = site.store.open_session(PrincipalKind.TOKEN, token.id, "", "")
        window.context.add_cookies([{"name": COOKIE, "value": session, "url": site.address}])
        window.goto(f"{site.address}/images/1")
        loaded(window, 1)
        expect(window.locator("#waits-for-other")).to_be_visible()
        assert "left base" not in window.content()
        window.get_by_role("radio", name=label).check()
        window.get_by_label("Comment").fill("left base")
        window.get_by_role("button", name="Save", exact=True).click()
        expect(window.locator("#read")).to_have_text("1 of 3 read")
        return window

    mine = read(first, "COVID-19")
    expect(mine.locator("#readers-disagree")).to_have_count(0)
    theirs = read(second, "Normal")
    expect(theirs.locator("#readers-disagree")).to_be_visible()
    expect(theirs.locator(".others")).to_contain_text("Dr. First: COVID-19")
    mine.reload()
    expect(mine.locator(".others")).to_contain_text("Dr. Second: Normal")
    page.goto(f"{site.address}/jobs/1")
    expect(page.locator("#read-by-two")).to_contain_text("1 of 3")
    page.get_by_role("link", name="1 disagree").click()
    expect(page.locator("#found")).to_have_text("1 image")


def test_other_films_of_the_patient_beside_this_one(page, site, chest):
    names = ("now", "before", "somebody")
    site.job("Films", [NewImage(f"{name}.dcm", site.keep(chest), 1) for name in names])
    for patient, day in (("P-1", "2026-03-02"), ("P-1", "2024-11-05"), ("P-2", "2025-01-01")):
        facts = SPACING | {"taken_on": day}
        work(
            site.store,
            1,
            lambda claim, who=patient, said=facts: replace(done(claim), patient=who, facts=said),
        )
    page.goto(f"{site.address}/images/1")
    priors = page.get_by_role("region", name="Other films of this patient")
    expect(priors.get_by_role("listitem")).to_have_count(1)
    expect(page.locator("#prior")).to_be_hidden()
    loaded(page, 1)
    page.keyboard.press("v")
    expect(page.locator("#prior-film")).to_be_visible()
    expect(page.locator("#prior-text")).to_contain_text("2024")
    page.keyboard.press("v")
    expect(page.locator("#prior")).to_be_hidden()
    priors.get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"/images/2$"))
