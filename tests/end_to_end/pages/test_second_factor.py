"""A clinic requires a second factor while one of its readers works; news of their account."""

import re

from playwright.sync_api import expect

from tests.support.access import PASSWORD, code_of
from tests.support.browser import POLL_MS
from tests.support.rows import create_job, new_images
from worker.access import Role
from worker.notices import Doer
from worker.passwords import hashed


def test_an_open_page_leads_to_the_set_up_and_back_to_work(page, visit, site):
    link = site.store.link(site.store.invite("default", [Role.READER]))
    site.store.accept_invitation(link.id, "maria", hashed(PASSWORD))
    create_job(site.store, site.clinic.id, "Monday", new_images(2))
    maria = visit(390, 844, touch=True)
    maria.goto(f"{site.address}/jobs/1")
    maria.get_by_label("Name").fill("maria")
    maria.get_by_label("Password").fill(PASSWORD)
    maria.get_by_role("button", name="Sign in").first.click()
    expect(maria.get_by_role("heading", name="Monday")).to_be_visible()

    page.goto(f"{site.address}/settings")
    page.get_by_label("Require a second factor").check()
    page.get_by_role("button", name="Save the rule").click()
    expect(page.get_by_role("status").first).to_contain_text("required from now on")

    # The page asks how far the job is, and learns of it.
    set_up = re.compile(rf"{re.escape(site.address)}/account/second-factor\?next=.*jobs")
    expect(maria).to_have_url(set_up, timeout=POLL_MS)
    secret = maria.locator(".secret code").inner_text()
    assert re.fullmatch(r"[A-Z2-7]{32}", secret)
    maria.get_by_label("Code").fill(code_of(secret))
    maria.get_by_role("button", name="Turn on").click()
    expect(maria.locator("#recovery-codes")).to_be_visible()
    expect(maria.get_by_text("It is required here and cannot be turned off.")).to_be_visible()
    maria.get_by_role("link", name="I have kept them: go on").click()
    expect(maria).to_have_url(f"{site.address}/jobs/1")
    expect(maria.get_by_role("heading", name="Monday")).to_be_visible()

    page.goto(f"{site.address}/access")
    page.get_by_label("Reset the second factor of maria").click()
    page.get_by_role("button", name="Reset and sign out").click()
    expect(page.get_by_role("status").first).to_contain_text("The second factor is removed")
    assert site.store.credentials("maria").totp_secret is None


def test_news_of_an_account_is_told_on_every_page_until_it_is_dismissed(visit, site):
    link = site.store.link(site.store.invite("default", [Role.READER]))
    number = site.store.accept_invitation(link.id, "maria", hashed(PASSWORD)).id
    site.store.set_roles(number, site.clinic.id, [Role.READER], Doer("ada", "10.0.0.9"))
    maria = visit(390, 844, touch=True)
    maria.goto(f"{site.address}/help")
    maria.get_by_label("Name").fill("maria")
    maria.get_by_label("Password").fill(PASSWORD)
    maria.get_by_role("button", name="Sign in").first.click()
    news = maria.get_by_role("region", name="News of your account")
    expect(news).to_contain_text("Your roles were changed.")
    expect(news).to_contain_text("by ada · 10.0.0.9")
    expect(news.locator("time")).not_to_contain_text("UTC")
    news.get_by_role("button", name="Dismiss").click()
    expect(maria).to_have_url(f"{site.address}/help")
    expect(news).to_have_count(0)
    maria.goto(f"{site.address}/account")
    expect(maria.get_by_role("table", name="What happened to your account")).to_contain_text("ada")
