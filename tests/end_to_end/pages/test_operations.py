"""An operator looks at the whole system, which goes on while they look."""

from playwright.sync_api import expect

from tests.support.results import failed, work
from tests.support.rows import worker_record
from web.auth.sessions import COOKIE
from worker.access import PrincipalKind, Scope
from worker.records.jobs import NewImage
from worker.store import DEFAULT_CLINIC


def test_an_operator_sees_workers_what_waits_and_why_images_failed(visit, site, chest):
    site.job("Secret", [NewImage(f"{name}.dcm", site.keep(chest), 1) for name in "abc"])
    work(site.store, 1, failed)
    site.store.register_worker(worker_record("this"))
    operator = site.store.create_token(DEFAULT_CLINIC, [Scope.OPERATE])[0]
    session = site.store.open_session(PrincipalKind.TOKEN, operator.id, "", "")
    page = visit()
    page.context.add_cookies([{"name": COOKIE, "value": session, "url": site.address}])
    page.goto(site.address)
    expect(page).to_have_url(f"{site.address}/operations")
    expect(page.get_by_role("table", name="Workers")).to_contain_text("a-host")
    waiting = page.get_by_role("table", name="Waiting")
    expect(waiting.get_by_role("row").nth(1)).to_contain_text("2")
    expect(page.get_by_role("table", name="Failed and rejected")).to_contain_text("worker_died")
    retry = page.get_by_role("button", name="Retry all worker_died")
    page.set_viewport_size({"width": 390, "height": 844})
    box = retry.bounding_box()
    assert box["x"] + box["width"] <= 390, "a phone shows it without scrolling sideways"
    retry.click()
    expect(page.get_by_text("1 image waits again.")).to_be_visible()
    expect(page.get_by_text("No image failed or was rejected.")).to_be_visible()
    assert "Secret" not in page.content()
    work(site.store, 3)
    expect(page.get_by_text("No images are waiting.")).to_be_visible()
    expect(page.locator("main time").first).not_to_contain_text("UTC")
    page.context.set_offline(True)
    expect(page.locator("#stale")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#stale")).to_be_hidden()
    page.evaluate("window.isSamePage = true")
    page.route(
        "**/operations?*", lambda route: route.fulfill(status=503, body="The database is away.")
    )
    expect(page.locator("#stale")).to_be_visible()
    page.unroute_all()
    expect(page.locator("#stale")).to_be_hidden()
    assert page.evaluate("window.isSamePage"), "a page with the error would ask no more"
