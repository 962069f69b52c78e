"""Every page at the width of a phone and of a desk."""

import pytest

from tests.support.access import sign_in_page
from tests.support.results import rejected, work
from worker.records import NewImage


@pytest.mark.parametrize("width", [390, 1440])
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
