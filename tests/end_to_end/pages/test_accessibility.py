"""axe finds nothing on any page: in light and dark, on a phone and on a desk. No page logs an error
or asks another host for anything."""

import itertools
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.support.results import done, failed, rejected, work
from web.auth.sessions import COOKIE
from worker.access import PrincipalKind, Scope
from worker.records.jobs import NewImage
from worker.records.reviews import NewReview, Verdict
from worker.store import DEFAULT_CLINIC

OF_CLINIC = (
    *("/", "/images", "/jobs/1", "/jobs/2", "/images/1", "/images/2", "/images/3", "/images/4"),
    *("/model", "/access", "/settings", "/audit", "/help", "/account", "/nothing"),
)
EVERY_RULE = {"resultTypes": ["violations"]}
# Of a page that is dark only the colours are others.
OF_COLOUR = EVERY_RULE | {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
}


def _sheet_of_keys(page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def _selected_and_signed_out(page) -> None:
    """What is selected stays, beside the dialog that asks to sign in."""
    page.locator("#rows .pick").first.check(force=True)
    page.context.clear_cookies()
    page.locator("#sort").select_option("name")
    expect(page.get_by_role("dialog", name="Your session ended")).to_be_visible()


def _map_and_prior(page) -> None:
    page.keyboard.press("m")
    page.keyboard.press("v")
    expect(page.locator("#map-controls")).to_be_visible()
    expect(page.locator("#prior")).to_be_visible()


# What is opened on a page, by what it is asked for, at the end of its visit.
OPENED = {
    "/": _sheet_of_keys,
    "/jobs/1": _selected_and_signed_out,
    "/images/1": _map_and_prior,
}

SCHEMES = (("light", EVERY_RULE), ("dark", OF_COLOUR))
WIDTHS = (1440, 390)


@pytest.fixture
def everything(site, chest) -> None:
    """A result, an uncertain one, a refusal and a failure in a job of two readers, one of whom has
    answered; other films of the patient; and a blind job that waits."""
    names = ("result", "uncertain", "refused", "failed", "prior")
    site.job("Everything", [NewImage(f"{name}.dcm", site.keep(chest), 1) for name in names])

    def of_patient(claim):
        return replace(done(claim), patient="P-1", width=1841, height=1955)

    work(site.store, 2, of_patient)
    work(site.store, 1, rejected)
    work(site.store, 1, failed)
    work(site.store, 1, of_patient)
    site.store.set_readers(site.clinic.id, 1, 2)
    for reader, verdict in (("Ann", Verdict.AGREE), ("Ben", Verdict.UNUSABLE)):
        site.store.review(site.clinic.id, 1, reader, NewReview(verdict))
    site.job("Waits", [NewImage("waits.dcm", site.keep(chest), 1)], urgent=True)
    site.store.set_blind(site.clinic.id, 2, True)


def test_axe_finds_nothing_on_any_page(visit, site, everything):
    page = visit()
    logged: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda said: said.type == "error" and logged.append(said.text))
    page.on("request", lambda asked: hosts.add(urlsplit(asked.url).netloc))
    operator = site.store.create_token(DEFAULT_CLINIC, [Scope.OPERATE])[0]
    of_operator = site.store.open_session(PrincipalKind.TOKEN, operator.id, "", "")
    axe_script = Axe().axe_script
    found = []
    visits = [(path, site.session()) for path in OF_CLINIC]
    visits += [(path, of_operator) for path in ("/operations", "/operations/audit")]
    uploader = site.store.create_token(DEFAULT_CLINIC, [Scope.UPLOAD])[0]
    of_uploader = site.store.open_session(PrincipalKind.TOKEN, uploader.id, "", "")
    visits += [(path, of_uploader) for path in ("/", "/jobs/2")]
    for path, session in (*visits, ("/sign-in", None)):
        page.goto("about:blank")  # the page before must not ask once more, without a session
        page.context.clear_cookies()
        if session:
            page.context.add_cookies([{"name": COOKIE, "value": session, "url": site.address}])
        page.goto(site.address + path)
        page.wait_for_load_state("networkidle")
        page.evaluate(axe_script)
        for width, (scheme, options) in itertools.product(WIDTHS, SCHEMES):
            page.set_viewport_size({"width": width, "height": 900})
            # Without motion: colours on their way from one scheme to the other are of neither.
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            violations = page.evaluate("options => axe.run(options)", options)["violations"]
            found += [
                (path, width, scheme, one["id"], one["nodes"][0]["html"]) for one in violations
            ]
        if path not in OPENED:
            continue
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        OPENED[path](page)
        for scheme, options in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            violations = page.evaluate("options => axe.run(options)", options)["violations"]
            found += [(path, scheme, one["id"], one["nodes"][0]["html"]) for one in violations]
    assert found == []
    assert hosts == {urlsplit(site.address).netloc}
    assert [said for said in logged if "404" not in said and "401" not in said] == []
    assert sum("404" in said for said in logged) == 1, "only the page that does not exist"
