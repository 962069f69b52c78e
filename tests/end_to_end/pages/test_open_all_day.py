"""Pages that stay open: servers that stall or ask for patience, sessions that end, nights, hidden
tabs, answers that overtake each other."""

import re
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.support.access import TOKEN
from tests.support.browser import POLL_MS, row
from tests.support.results import done, work
from web.auth.sessions import COOKIE
from web.language.asked import COOKIE as LANGUAGE
from worker.access import PrincipalKind, Scope
from worker.records.jobs import NewImage
from worker.store import DEFAULT_CLINIC

# Longer than the page waits between two tries, so that one of them is over.
PATIENCE_MS = 30_000
HIDE = """
    Object.defineProperty(document, "hidden", { configurable: true, get: () => window.isHidden });
    window.isHidden = false;
    window.hide = (isHidden) => {
        window.isHidden = isHidden;
        document.dispatchEvent(new Event("visibilitychange"));
    };
"""


@pytest.fixture
def three(site, chest) -> None:
    key = site.keep(chest)
    site.job("Three", [NewImage(f"{name}.dcm", key, 1) for name in "abc"])


def session_of_another_token(site, *scopes: Scope) -> str:
    token = site.store.create_token(DEFAULT_CLINIC, scopes)[0]
    return site.store.open_session(PrincipalKind.TOKEN, token.id, "", "")


def use_session(page: Page, site, secret: str) -> None:
    page.context.add_cookies([{"name": COOKIE, "value": secret, "url": site.address}])


def end_sessions(site) -> None:
    site.store.end_sessions(PrincipalKind.TOKEN, site.store.principal_of_token(TOKEN).id)


def mark(page: Page) -> None:
    page.evaluate("window.isSamePage = true")


def is_same(page: Page) -> bool:
    return page.evaluate("window.isSamePage === true")


def test_a_request_that_stalls_is_given_up_and_sent_again(page, site, three):
    page.add_init_script(
        """const { timeout } = AbortSignal;
        AbortSignal.timeout = () => timeout.call(AbortSignal, 500);"""
    )
    stalled = []
    asked = re.compile(r"/api/v1/jobs/1$")
    page.route(asked, lambda route: stalled.append(route) if not stalled else route.continue_())
    page.goto(f"{site.address}/jobs/1")
    expect(page.get_by_text("The server cannot be reached")).to_be_visible(timeout=POLL_MS)
    work(site.store, 3)
    expect(page.locator("#state")).to_have_text("Complete", timeout=POLL_MS)
    expect(page.locator("#offline")).to_be_hidden()
    assert stalled


def test_a_server_that_asks_for_patience_is_asked_later(page, site, three):
    page.goto("about:blank")  # the page before must not take an answer that is not meant for it
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    answers = [(429, {"Retry-After": "20"}, "Too many requests."), (408, {}, "Too slow.")]

    def refuse(route) -> None:
        if not answers:
            return route.continue_()
        status, headers, detail = answers.pop(0)
        route.fulfill(status=status, headers=headers, json={"detail": detail})

    page.route(re.compile(r"/api/v1/jobs\?limit"), refuse)
    page.goto(site.address)
    expect(page.locator("#offline")).to_have_text("Too many requests. Trying again…")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.clock.fast_forward(15_000)
    expect(page.locator("#offline")).to_have_text("Too many requests. Trying again…")
    page.clock.fast_forward(6_000)
    expect(page.locator("#offline")).to_have_text("Too slow. Trying again…")
    page.clock.fast_forward(3_000)
    expect(page.get_by_role("link", name="Three")).to_be_visible()
    expect(page.locator("#offline")).to_be_hidden()


def test_a_job_is_told_of_while_its_tab_is_hidden(page, site, three):
    page.add_init_script(
        HIDE
        + """
        window.told = [];
        window.Notification = class {
            static permission = "default";
            static requestPermission = async () => "granted";
            constructor(title) { told.push(title); }
        };"""
    )
    page.clock.install()
    page.goto(f"{site.address}/jobs/1")
    page.get_by_role("button", name="Notify me at the end").click()
    expect(page.get_by_role("button", name="Notify me at the end")).to_be_hidden()
    page.evaluate("hide(true)")
    work(site.store, 3)
    page.wait_for_function(
        "() => told.length === 1 && document.title.startsWith('Three')", timeout=PATIENCE_MS
    )
    # The list follows once somebody looks.
    page.evaluate("hide(false)")
    expect(row(page, "a.dcm")).to_contain_text("Done", timeout=POLL_MS)


def test_films_that_wait_leave_nothing_behind(page, site, three):
    page.add_init_script(
        """window.alive = () => kept.filter(({ signal }) => !signal?.aborted).length;
        window.kept = [];
        const add = document.addEventListener;
        document.addEventListener = (type, heard, options) => {
            if (type === "visibilitychange") kept.push({ signal: options?.signal });
            add.call(document, type, heard, options);
        };"""
    )
    page.goto(f"{site.address}/images/1")
    expect(page.locator("#toolbar")).to_be_visible()
    for number in (2, 3):
        page.keyboard.press("ArrowRight")
        expect(page.locator("#image")).to_have_attribute("data-image", str(number))
    assert page.evaluate("alive()") == 1
    mark(page)
    work(site.store, 3)
    expect(page.locator(".findings strong").first).to_have_text("Normal", timeout=POLL_MS)
    assert is_same(page), "the view of the film stays as it was"
    assert page.evaluate("alive()") == 0


def test_without_the_server_the_reader_stays_at_the_film(page, site, three):
    work(site.store, 3)
    page.goto(f"{site.address}/images/1")
    expect(page.locator("#toolbar")).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.wait_for_function("() => !navigator.onLine")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#said")).to_have_text("The image cannot be loaded. Try again in a moment.")
    expect(page.locator("#image")).to_have_attribute("data-image", "1")
    page.context.set_offline(False)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#image")).to_have_attribute("data-image", "2")
    expect(page.locator("#opened")).to_have_text("b.dcm, 2 of 3")


def test_a_comment_is_not_dropped_on_the_ways_of_the_browser(page, site, three):
    work(site.store, 3)
    page.goto(f"{site.address}/images/1")
    expect(page.locator("#toolbar")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#image")).to_have_attribute("data-image", "2")
    page.get_by_label("Comment").fill("lower lobe")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.go_back()
    expect(page).to_have_url(f"{site.address}/images/2")
    page.get_by_role("link", name="Skip to content").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#main$"))
    page.wait_for_timeout(300)
    expect(page.locator("#image")).to_have_attribute("data-image", "2")
    expect(page.get_by_label("Comment")).to_have_value("lower lobe")
    assert len(asked) == 1


def test_a_session_that_ends_beside_a_chart_and_for_somebody_else(page, site, three):
    work(site.store, 2)

    def end_before(route) -> None:
        end_sessions(site)
        route.continue_()

    asked = re.compile(r"/jobs/1/distribution\?")
    page.route(asked, end_before, times=1)
    with page.expect_response(asked):  # once, soon after the page has come
        page.goto(f"{site.address}/jobs/1")
        expect(row(page, "a.dcm")).to_contain_text("Done")
        mark(page)
    # Not by mouse: a poll may have opened the dialog already.
    page.locator(".chip[data-status=done]").evaluate("(button) => button.click()")
    dialog = page.get_by_role("dialog", name="Your session ended")
    expect(dialog).to_be_visible()
    page.wait_for_timeout(500)
    expect(page.locator("#distribution form")).to_have_count(0)
    expect(page.locator("#distribution svg").first).to_be_visible()
    # Signed in in another tab, as the same: the page goes on.
    use_session(page, site, site.session())
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(dialog).to_be_hidden()
    expect(page.locator("#found")).to_have_text("2 images")
    assert is_same(page)
    # As somebody else: nothing of the page stays.
    end_sessions(site)
    page.locator(".chip[data-status='']").evaluate("(button) => button.click()")
    expect(dialog.get_by_label("Access token")).to_be_visible()
    use_session(page, site, session_of_another_token(site, Scope.READ))
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.wait_for_function("() => window.isSamePage === undefined")
    expect(page.locator("#found")).to_have_text("3 images")
    expect(page.get_by_role("button", name="Cancel job")).to_be_hidden()


def test_keys_are_for_the_dialog_that_asks_to_sign_in(page, site, three):
    work(site.store, 3)
    page.goto(f"{site.address}/images/1")
    expect(page.locator("#toolbar")).to_be_visible()
    end_sessions(site)
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog", name="Your session ended")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Sign in").focus()
    for key in ("Escape", "2", "?"):
        page.keyboard.press(key)
    expect(page).to_have_url(f"{site.address}/images/1")
    expect(dialog).to_be_visible()
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    refused = "<main><h1>Too many requests</h1><p>Wait a minute.</p></main>"
    page.route(
        "**/sign-in",
        lambda route: route.fulfill(status=429, body=refused, content_type="text/html"),
    )
    dialog.get_by_label("Access token").fill("wrong")
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog.get_by_text("Wait a minute.")).to_be_visible()
    expect(dialog.get_by_label("Access token")).to_be_visible()


def test_rows_on_their_way_say_so_and_an_old_answer_changes_nothing(page, site, chest):
    key = site.keep(chest)
    site.job("Long", [NewImage(f"{number:03}.dcm", key, 1) for number in range(130)])
    page.goto(f"{site.address}/jobs/1?sort=file")
    expect(page.locator("#found")).to_have_text("130 images")
    held = []
    late = re.compile(r"/images\?.*offset=(60|120)")

    def hold(route) -> None:
        if len(held) < 2:
            held.append((route, route.fetch()))
        else:
            route.continue_()

    page.route(late, hold)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.locator(".pending")).to_be_visible()
    expect(page.locator(".pending")).to_have_text("Loading…")
    while work(site.store, 100):
        pass
    expect(page.locator("#state")).to_have_text("Complete", timeout=POLL_MS)
    expect(row(page, "129.dcm")).to_contain_text("Done")
    expect(page.locator(".pending")).to_have_count(0)
    for route, answer in held:
        route.fulfill(response=answer)
    page.wait_for_timeout(300)
    expect(row(page, "129.dcm")).to_contain_text("Done")


def test_the_focus_goes_with_its_image(page, site, three):
    page.goto(f"{site.address}/jobs/1")
    page.get_by_role("link", name="b.dcm").focus()
    claims = site.store.claim(3, lease_s=60)
    site.store.save([done(claim) for claim in claims if claim.image_id == 3])
    expect(row(page, "c.dcm")).to_contain_text("Done", timeout=POLL_MS)
    expect(page.locator("#rows .file > a")).to_have_text(["c.dcm", "a.dcm", "b.dcm"])
    expect(page.get_by_role("link", name="b.dcm")).to_be_focused()


def test_a_small_picture_comes_once_the_server_is_back(page, site, three):
    work(site.store, 3)
    pictures = "**/preview.jpg*"
    page.route(pictures, lambda route: route.abort("connectionrefused"))
    with page.expect_request_finished(lambda asked: "tally" in asked.url):
        page.goto(f"{site.address}/images")
    page.wait_for_timeout(300)
    page.unroute(pictures)
    page.wait_for_function(
        """() => {
            const pictures = [...document.querySelectorAll("#rows img")];
            return pictures.filter((one) => one.naturalWidth > 0).length === 3;
        }"""
    )


def test_times_of_yesterday_have_a_date_after_midnight(page, site, three):
    work(site.store, 3)  # nothing is asked any more
    now = datetime.now()
    page.clock.install(time=now.replace(hour=23, minute=59, second=30))
    page.goto(f"{site.address}/jobs/1")
    created = page.locator("#created")
    expect(created).to_have_text(re.compile(r"^\d\d:\d\d( [AP]M)?$"))
    page.clock.fast_forward(timedelta(minutes=1).seconds * 1000)
    expect(created).to_contain_text(str(now.year))


def test_numbers_and_shares_are_written_in_one_way(page, site):
    page.context.add_cookies([{"name": LANGUAGE, "value": "es", "url": site.address}])
    page.goto(f"{site.address}/help")
    said = page.evaluate(
        """async () => {
            const place = document.querySelector("script[src*=times]").src;
            const module = (name) => import(new URL(name, place));
            const [format, words] = await Promise.all([module("format.js"), module("words.js")]);
            const images = words.tn("%(num)s image", "%(num)s images", 1234);
            return [format.count(1234), images, ...[0.29, 0.57, 0.999, 1].map(format.percent)];
        }"""
    )
    assert said == ["1.234", "1.234 imágenes", "29 %", "57 %", "99 %", "100 %"]


def test_only_files_are_taken_by_the_page(page, site, three):
    page.goto(f"{site.address}/jobs/1")
    expect(row(page, "a.dcm")).to_be_visible()
    drag = """(isFile) => {
        const dataTransfer = new DataTransfer();
        if (isFile) dataTransfer.items.add(new File(["x"], "x.dcm"));
        else dataTransfer.setData("text/plain", "b.dcm");
        const over = new DragEvent("dragover", { dataTransfer, bubbles: true, cancelable: true });
        document.getElementById("search").dispatchEvent(over);
        return over.defaultPrevented;
    }"""
    assert page.evaluate(drag, False) is False
    expect(page.locator("#drop")).to_be_hidden()
    assert page.evaluate(drag, True) is True
    expect(page.locator("#drop")).to_be_visible()


def test_another_language_leads_back_to_what_is_shown_and_another_person_has_seen_nothing(
    page, site, three
):
    work(site.store, 3)
    page.goto(f"{site.address}/images/1")
    expect(page.locator("#toolbar")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#image")).to_have_attribute("data-image", "2")
    page.get_by_role("button", name="Español").click()
    expect(page.get_by_role("button", name="English")).to_be_visible()
    expect(page).to_have_url(f"{site.address}/images/2")
    page.goto(f"{site.address}/jobs/1")
    expect(row(page, "a.dcm").locator(".seen")).to_be_visible()
    use_session(page, site, session_of_another_token(site, Scope.READ))
    page.goto(f"{site.address}/jobs/1")
    expect(row(page, "a.dcm").locator(".label")).to_be_visible()
    expect(row(page, "a.dcm").locator(".seen")).to_be_hidden()


def test_a_form_that_is_sent_twice_counts_once(page, site):
    page.goto(f"{site.address}/access")
    held = []
    page.route("**/access/tokens", lambda route: held.append(route))
    twice = "(button) => { button.click(); setTimeout(() => button.click(), 100); }"
    page.get_by_role("button", name="Create the token").evaluate(twice)
    page.wait_for_timeout(500)
    assert len(held) == 1
    held[0].continue_()
    expect(page.locator("#new-token")).to_be_visible()
