"""What the tests of the pages look for, and how long they wait for it."""

from playwright.sync_api import Locator, Page

POLL_MS = 15_000  # the page asks at least every 10 s


def row(page: Page, filename: str) -> Locator:
    """The line of an image on the page of its job."""
    return page.locator(".images .line", has=page.get_by_role("link", name=filename))
