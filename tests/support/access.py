"""What lets the tests in: one token for every clinic of theirs, one password for every person, one
secret for every server."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pyotp

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from playwright.sync_api import Page

PASSWORD = "sixteen purple herons"
TOKEN = "a-token-for-the-tests"
SECRET_KEY = "a-secret-for-the-tests"


def sign_in(browser: "FlaskClient", token: str = TOKEN, wanted: str = "/") -> Any:
    """Send the sign-in form, as a browser does. Returns: the answer."""
    form = {"token": token, "next": wanted}
    return browser.post("/sign-in", data=form, headers={"Origin": "http://localhost"})


def code_of(secret: str, periods: int = 0) -> str:
    """What an authenticator app shows now, or so many half minutes later."""
    totp = pyotp.TOTP(secret)
    return totp.generate_otp(totp.timecode(datetime.now(UTC)) + periods)


def signed_in_client(address: str, token: str = TOKEN) -> httpx.Client:
    """A browser without scripts that has signed in to a running server: a cookie, no token."""
    browser = httpx.Client(base_url=address, headers={"Sec-Fetch-Site": "same-origin"}, timeout=120)
    entered = browser.post("/sign-in", data={"token": token})
    assert entered.is_redirect, entered.text
    return browser


def sign_in_page(page: "Page", address: str, token: str = TOKEN, wanted: str = "/") -> None:
    """Fill in the sign-in form of a running server, in a real browser."""
    page.goto(f"{address}/sign-in?next={wanted}")
    page.get_by_label("Access token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{address}{wanted}")
