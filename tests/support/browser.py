"""What the tests of the pages look for, and how long they wait for it."""

from playwright.sync_api import Locator, Page, expect

POLL_MS = 15_000  # the page asks at least every 10 s


def row(page: Page, filename: str) -> Locator:
    """The line of an image on the page of its job."""
    return page.locator(".images .line", has=page.get_by_role("link", name=filename))


def loaded(page: Page, image_id: int) -> None:
    """Wait until the viewer shows this image with all its pixels and grey values."""
    shown = page.locator(f'#image[data-image="{image_id}"][data-loaded="true"]')
    expect(shown).to_be_visible(timeout=4 * POLL_MS)
