"""How soon a large job and a film are on the screen in Chromium, how much the pages weigh without
films, and whether memory stays flat while one scrolls through the job.

`python -m tests.bench --only pages` puts it in the table.
"""

import statistics
import tempfile
from pathlib import Path

import data_store
from playwright.sync_api import Browser, CDPSession

from model.drawing.pictures import small_jpeg
from model.reading.radiograph import decode
from tests.support.access import sign_in_page
from tests.support.chromium import running_chromium
from tests.support.results import work
from tests.support.site import Site
from worker.records.jobs import NewImage

FILM = Path(data_store.__file__).parent / "data" / "RG1_UNCR.dcm"
SETTLED_MS = 3000
SIZE = {"width": 1440, "height": 900}
NOTE_TIMES = """
    window.lcp = window.firstRow = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.lcp = entry.startTime;
    }).observe({ type: "largest-contentful-paint", buffered: true });
    new MutationObserver((_, observer) => {
        if (!document.querySelector(".item:has(.label:not(:empty))")) return;
        window.firstRow = performance.now();
        observer.disconnect();
    }).observe(document, { childList: true, subtree: true, characterData: true });
"""
SCROLLS = 40  # stops on the way through the job
WEIGHT = """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
    .filter((entry) => !/\\/(preview|film|attention)\\.(png|jpg)/.test(entry.name))
    .reduce((sum, entry) => sum + entry.transferSize, 0)"""


def pages(images: int, rounds: int, log) -> dict[str, dict[str, float]]:
    """By page: medians in milliseconds of the largest contentful paint without a cache and with
    one, and of the first result in a list; kilobytes sent without films. Of the job besides: how
    many megabytes more the scripts' memory took at its end than after a tenth of the way.
    images: of the job, all of them classified."""
    with tempfile.TemporaryDirectory() as home, Site(Path(home)) as site:
        key = site.keep(FILM)
        site.files.write(site.files.small_picture(key), small_jpeg(decode(FILM)))
        log.print(f"a job of {images:,} images")
        site.job("Large", [NewImage(f"{n:05}.dcm", key, 1) for n in range(images)])
        while work(site.store, 500):
            pass
        with running_chromium() as browser:
            entered = browser.new_page()
            sign_in_page(entered, site.address)
            session = entered.context.storage_state()
            found = {}
            for name, path in (("job", "/jobs/1"), ("viewer", "/images/1"), ("worklist", "/")):
                url = site.address + path
                _measure(browser, session, url)  # the server's templates and pictures
                measured = [_measure(browser, session, url) for _ in range(rounds)]
                found[name] = {
                    "lcp_ms": statistics.median(cold["lcp"] for cold, _ in measured),
                    "warm_lcp_ms": statistics.median(warm["lcp"] for _, warm in measured),
                    "first_row_ms": statistics.median(cold["first_row"] for cold, _ in measured),
                    "weight_kb": max(cold["weight"] for cold, _ in measured) / 1000,
                }
            found["job"]["grown_mb"] = _grown_mb(browser, session, site.address + "/jobs/1")
            return found


def _measure(browser: Browser, session, url: str) -> list[dict[str, float]]:
    """Milliseconds and bytes, at the first visit of a browser and at the second."""
    context = browser.new_context(storage_state=session, viewport=SIZE)
    measured = []
    for _ in range(2):
        page = context.new_page()
        page.add_init_script(NOTE_TIMES)
        page.goto(url)
        page.wait_for_timeout(SETTLED_MS)
        times = page.evaluate("({ lcp: window.lcp, first_row: window.firstRow })")
        measured.append({**times, "weight": page.evaluate(WEIGHT)})
        page.close()
    context.close()
    return measured


def _grown_mb(browser: Browser, session, url: str) -> float:
    context = browser.new_context(storage_state=session, viewport=SIZE)
    page = context.new_page()
    page.goto(url)
    page.locator(".item").first.wait_for()
    devtools = context.new_cdp_session(page)
    devtools.send("Performance.enable")
    used = []
    for stop in range(1, SCROLLS + 1):
        page.evaluate(f"scrollTo(0, document.body.scrollHeight * {stop / SCROLLS})")
        page.wait_for_timeout(150)
        if stop in (SCROLLS // 10, SCROLLS):
            page.wait_for_timeout(SETTLED_MS)
            used.append(_used_bytes(devtools))
    context.close()
    return (used[-1] - used[0]) / 1e6


def _used_bytes(devtools: CDPSession) -> float:
    devtools.send("HeapProfiler.collectGarbage")
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return next(one["value"] for one in metrics if one["name"] == "JSHeapUsedSize")
