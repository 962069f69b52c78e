"""How soon a large job and a film are on the screen, in Chromium without a cache, and how much the
pages weigh without films.

`python -m tests.bench --only pages` puts it in the table.
"""

import os
import shutil
import statistics
import tempfile
from pathlib import Path

import data_store
from playwright.sync_api import Browser, sync_playwright

from model.pictures import small_jpeg
from model.reading.radiograph import decode
from tests.support.access import sign_in_page
from tests.support.results import work
from tests.support.site import CHROMIUM_FLAGS, Site
from worker.pictures.files import write_picture
from worker.records import NewImage

FILM = Path(data_store.__file__).parent / "data" / "RG1_UNCR.dcm"
SETTLED_MS = 3000
SIZE = {"width": 1440, "height": 900}
NOTE_LCP = """
    window.lcp = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.lcp = entry.startTime;
    }).observe({ type: "largest-contentful-paint", buffered: true });
"""
WEIGHT = """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
    .filter((entry) => !/\\/(preview|film|attention)\\.(png|jpg)/.test(entry.name))
    .reduce((sum, entry) => sum + entry.transferSize, 0)"""


def pages(images: int, rounds: int, log) -> dict[str, dict[str, float]]:
    """By page: the median of the largest contentful paint in milliseconds, and kilobytes sent
    without films. images: of the job, all of them classified."""
    with tempfile.TemporaryDirectory() as home, Site(Path(home)) as site:
        key = site.keep(FILM)
        write_picture(site.files.small_picture(key), small_jpeg(decode(FILM)))
        log.print(f"a job of {images:,} images")
        site.job("Large", [NewImage(f"{n:05}.dcm", key, 1) for n in range(images)])
        while work(site.store, 500):
            pass
        chromium = os.environ.get("CXR_CHROMIUM") or shutil.which("chromium")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
            entered = browser.new_page()
            sign_in_page(entered, site.address)
            session = entered.context.storage_state()
            found = {}
            for name, path in (("job", "/jobs/1"), ("viewer", "/images/1"), ("worklist", "/")):
                url = site.address + path
                _measure(browser, session, url)  # the server's templates and pictures
                measured = [_measure(browser, session, url) for _ in range(rounds)]
                found[name] = {
                    "lcp_ms": statistics.median(lcp for lcp, _ in measured),
                    "weight_kb": max(weight for _, weight in measured) / 1000,
                }
            browser.close()
            return found


def _measure(browser: Browser, session, url: str) -> tuple[float, float]:
    """Milliseconds to the largest contentful paint, and bytes sent."""
    context = browser.new_context(storage_state=session, viewport=SIZE)
    page = context.new_page()
    page.add_init_script(NOTE_LCP)
    page.goto(url)
    page.wait_for_timeout(SETTLED_MS)
    measured = page.evaluate("window.lcp"), page.evaluate(WEIGHT)
    context.close()
    return measured
