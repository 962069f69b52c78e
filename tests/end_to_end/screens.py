"""Takes a picture of each page: `python -m tests.end_to_end.screens FOLDER`.

Wide (1440 pixels) and narrow (390), dark and light, with many rows, with none, and with errors. The
X-rays in them are the files RG1 of the package `pydicom-data`.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import data_store
from playwright.sync_api import Browser, sync_playwright

from tests.end_to_end.site import CHROMIUM_FLAGS, TOKEN, Site
from tests.web.verdicts import done, failed, rejected, work
from worker.views import NewImage

SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
IMAGES = 2000


def fill(site: Site) -> dict[str, int]:
    """Jobs in every state. Returns: ids of the pages to look at."""
    folder = Path(data_store.__file__).parent / "data"
    chest, leg = site.keep(folder / "RG1_UNCR.dcm"), site.keep(folder / "RG3_UNCR.dcm")
    size = (folder / "RG1_UNCR.dcm").stat().st_size
    broken = "The zip archive is locked with a password. Upload it without one."
    refused = NewImage("night.zip/locked.dcm", None, 90_112, "encrypted", broken)

    mixed = site.job(
        "Emergency room, Sunday night",
        [NewImage("chest-0001.dcm", chest, size), NewImage("leg.dcm", leg, size), refused]
        + [NewImage(f"chest-{number:04}.dcm", chest, size) for number in range(2, 15)],
        urgent=True,
    )
    work(site.store, 1, done)
    work(site.store, 1, rejected)
    work(site.store, 1, failed)
    while work(site.store, 100):
        pass
    site.store.cancel_job(
        site.clinic.id, site.job("Wrong folder", [NewImage("x.dcm", chest, size)]).id
    )
    large = site.job(
        "Screening, district 4, week 47",
        [NewImage(f"ward-{n // 200}/scan-{n:05}.dcm", chest, size) for n in range(IMAGES)],
    )
    for _ in range(12):
        work(site.store, 100)
        work(site.store, 1, rejected)
    first = site.store.images(site.clinic.id, mixed.id).items
    return {
        "large": large.id,
        "mixed": mixed.id,
        "done": first[0].id,
        "rejected": first[1].id,
        "lost": first[2].id,
    }


def take(browser: Browser, address: str, pages: dict[str, str], folder: Path) -> None:
    """Every page at every size and in both colour schemes."""
    for scheme in ("dark", "light"):
        for size, (width, height) in SIZES.items():
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                has_touch=size == "narrow",
            )
            page = context.new_page()
            if "sign-in" not in pages:
                page.goto(f"{address}/sign-in?token={TOKEN}")
            for name, path in pages.items():
                page.goto(address + path)
                page.wait_for_timeout(1500)
                page.screenshot(path=folder / f"{name}-{size}-{scheme}.png")
            context.close()


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("CXR_CHROMIUM") or shutil.which("chromium")
    with (
        tempfile.TemporaryDirectory() as home,
        Site(Path(home)) as site,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        take(browser, site.address, {"sign-in": "/sign-in"}, folder)
        take(browser, site.address, {"home-empty": "/"}, folder)
        ids = fill(site)
        pages = {
            "home": "/",
            "job-large": f"/jobs/{ids['large']}",
            "job-mixed": f"/jobs/{ids['mixed']}",
            "image": f"/images/{ids['done']}",
            "image-rejected": f"/images/{ids['rejected']}",
            "image-lost": f"/images/{ids['lost']}",
            "error": "/jobs/999999",
        }
        take(browser, site.address, pages, folder)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
