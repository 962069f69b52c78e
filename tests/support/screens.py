"""Takes pictures of the pages, all X-rays in them from the package `pydicom-data`.

`python -m tests.support.screens FOLDER`: every page at 2560, 1440, 820 and 390 pixels, dark and
light, with many rows, with three, with none, with odd names, and in each of its states (loading,
error, offline, no permission); for looking at.
`python -m tests.support.screens --readme` (`make screenshots`): those of the README, from the
released model.
"""

import io
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import data_store
import httpx
import numpy as np
import PIL.Image
from playwright.sync_api import Browser, Page

from model.artifact import REFERENCE
from model.classifier import Classifier
from model.reading.radiograph import decode
from tests.support.access import sign_in_page
from tests.support.browser import loaded
from tests.support.chromium import running_chromium
from tests.support.results import done, failed, rejected, work
from tests.support.site import Site
from web.local.temporary import RunningSystem, throwaway_system
from worker.access import Scope
from worker.liveness.pulse import Pulse
from worker.records.jobs import NewImage
from worker.records.work import WorkerRecord
from worker.running.runner import Runner
from worker.running.shadow import Shadow
from worker.store import DEFAULT_CLINIC

SIZES = {
    "widest": (2560, 1400),
    "wide": (1440, 900),
    "tablet": (820, 1180),
    "narrow": (390, 844),
}
IMAGES = 2000
SHEET = "sheet"  # the last one: the choice stays
ODD_NAMES = (
    "صدر المريض 2026-11-22.dcm",
    "\u202egnp.tsehc\u202c after a mark that turns the text.dcm",
    "\"quoted\" & <b>bold</b> 'single' %2e%2e #1?.dcm",
    "long-" * 39 + ".dcm",
    "胸部正面像 立位.dcm",
)

RADIOGRAPHS = Path(data_store.__file__).parent / "data"
README_FOLDER = Path(__file__).parents[2] / "docs" / "screens"
README_SIZE = {"width": 1440, "height": 860}
README_BYTES = 200_000
# First what shows the variety, then the chest as JPEG for as long as the picture needs.
VARIETY = (
    *("RG1_J2KI", "RG3_J2KI", "RG1_UNCR", "MR2_J2KI", "RG1_J2KR"),
    *("US1_J2KI", "RG1_UNCI", "693_J2KR", "RG3_UNCR"),
)
JPEGS, JPEG_SIZE = 400, (1024, 1024)
READY_PROGRESS = 0.25


def fill(site: Site) -> dict[str, int]:
    """Jobs in every state. Returns: ids of the pages to look at."""
    compare(site)  # while nothing else waits
    chest, leg = site.keep(RADIOGRAPHS / "RG1_UNCR.dcm"), site.keep(RADIOGRAPHS / "RG3_UNCR.dcm")
    size = (RADIOGRAPHS / "RG1_UNCR.dcm").stat().st_size
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
    odd = site.job(ODD_NAMES[3], [NewImage(name, chest, size) for name in ODD_NAMES])
    work(site.store, 3)
    work(site.store, 1, rejected)
    wrong = site.job("Wrong folder", [NewImage(f"{n}.dcm", chest, size) for n in range(30)])
    work(site.store, 8)
    work(site.store, 2, failed)
    site.store.cancel_job(site.clinic.id, wrong.id)
    large = site.job(
        "Screening, district 4, week 47",
        [NewImage(f"ward-{n // 200}/scan-{n:05}.dcm", chest, size) for n in range(IMAGES)],
    )
    for _ in range(12):
        work(site.store, 100)
        work(site.store, 1, rejected)
    three = site.job("Three", [NewImage(f"{n}.dcm", chest, size) for n in "abc"])
    while work(site.store, 100):
        pass
    first = site.store.images(site.clinic.id, mixed.id).items
    return {
        "large": large.id,
        "three": three.id,
        "mixed": mixed.id,
        "cancelled": wrong.id,
        "odd": odd.id,
        "odd_image": site.store.images(site.clinic.id, odd.id).items[3].id,
        "done": first[0].id,
        "rejected": first[1].id,
        "lost": first[2].id,
        "uncertain": next(one.id for one in first if one.result and one.result.uncertain),
    }


def compare(site: Site) -> None:
    """A job of real radiographs, classified by both models that ship: one is the other's shadow."""
    files = sorted(RADIOGRAPHS.glob("RG1_*.dcm"))
    site.job("Both models", [NewImage(f.name, site.keep(f), f.stat().st_size) for f in files])
    active = Classifier.load()
    worker = WorkerRecord("both", "here", os.getpid(), "cpu", active.version, datetime.now(UTC))
    pulse = Pulse(site.store, worker, lease_s=600, step_limit_s=60)
    Runner(site.store, site.files, active, pulse, with_shadow=True).run()
    shadow = Shadow(site.store, site.files, Classifier.load(REFERENCE))
    while shadow.step():
        pass


def take(browser: Browser, address: str, pages: dict[str, str], folder: Path) -> None:
    """Every page at every size and in both colour schemes."""
    for scheme in ("dark", "light"):
        for size, (width, height) in SIZES.items():
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                has_touch=size in ("tablet", "narrow"),
            )
            page = context.new_page()
            if "sign-in" not in pages:
                sign_in_page(page, address)
            for name, path in pages.items():
                page.goto(address + path)
                if name == SHEET:
                    page.get_by_role("button", name="Contact sheet").click()
                page.wait_for_timeout(1500)
                page.screenshot(path=folder / f"{name}-{size}-{scheme}.png")
            context.close()


def take_states(browser: Browser, site: Site, job_id: int, image_id: int, folder: Path) -> None:
    """Pages that wait, fail, lost the server, or belong to somebody who may not see them."""
    for size, (width, height) in SIZES.items():
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="dark")

        def shot(name: str, page: Page = page, size: str = size) -> None:
            page.wait_for_timeout(1000)
            page.screenshot(path=folder / f"{name}-{size}-dark.png")

        sign_in_page(page, site.address)
        for what, handle in (
            ("loading", lambda route: None),
            ("error", lambda route: route.fulfill(status=500, json={"code": "internal_error"})),
            ("offline", lambda route: route.abort("connectionrefused")),
        ):
            for name, path in (
                *(("home", "/"), ("images", "/images?search=scan"), ("job", f"/jobs/{job_id}")),
                ("image", f"/images/{image_id}"),
            ):
                page.route("**/api/v1/**", handle)
                page.goto(site.address + path, wait_until="commit")
                page.locator("main").wait_for()
                filters = page.get_by_role("button", name="Filters")
                if filters.is_visible():  # folded on a phone
                    filters.click()
                if name != "image":
                    page.get_by_label("Search").fill("0")
                shot(f"{name}-{what}")
                page.unroute_all(behavior="ignoreErrors")
        page.context.clear_cookies()
        uploader = site.store.create_token(DEFAULT_CLINIC, [Scope.UPLOAD])[1]
        sign_in_page(page, site.address, uploader)
        for name, path in (
            *(("home", "/"), ("job", f"/jobs/{job_id}"), ("image", f"/images/{image_id}")),
            ("operations", "/operations"),
        ):
            page.goto(site.address + path)
            shot(f"{name}-no-permission")
        page.close()


def take_operations(browser: Browser, site: Site, folder: Path) -> None:
    """What an operator sees, who sees no film."""
    token = site.store.create_token(DEFAULT_CLINIC, [Scope.OPERATE])[1]
    for size, (width, height) in SIZES.items():
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
        sign_in_page(page, site.address, token, "/operations")
        page.screenshot(path=folder / f"operations-{size}-light.png", full_page=True)
        page.goto(f"{site.address}/operations/audit")
        page.screenshot(path=folder / f"operations-audit-{size}-light.png", full_page=True)
        page.close()


def take_all(browser: Browser, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, Site(Path(home)) as site:
        take(browser, site.address, {"sign-in": "/sign-in", "refused": "/sign-in?link=no"}, folder)
        take(browser, site.address, {"home-empty": "/"}, folder)
        ids = fill(site)
        pages = {
            "home": "/",
            "job-large": f"/jobs/{ids['large']}",
            "job-mixed": f"/jobs/{ids['mixed']}",
            "job-cancelled": f"/jobs/{ids['cancelled']}",
            "job-odd": f"/jobs/{ids['odd']}",
            "job-none": f"/jobs/{ids['odd']}?status=failed",
            "image": f"/images/{ids['done']}",
            "image-odd": f"/images/{ids['odd_image']}",
            "image-rejected": f"/images/{ids['rejected']}",
            "image-lost": f"/images/{ids['lost']}",
            "image-uncertain": f"/images/{ids['uncertain']}",
            "job-three": f"/jobs/{ids['three']}",
            "images": "/images",
            "model": "/model",
            "account": "/account",
            "people": "/access",
            "settings": "/settings",
            "audit": "/audit",
            "help": "/help",
            "api": "/api/v1/docs",
            "error": "/jobs/999999",
            SHEET: f"/jobs/{ids['large']}",
        }
        take(browser, site.address, pages, folder)
        take_states(browser, site, ids["large"], ids["done"], folder)
        take_operations(browser, site, folder)


def take_for_readme(browser: Browser, system: RunningSystem) -> None:
    """A job of real radiographs while the released model classifies it, a chest with its map, and
    a film that was refused."""
    page = browser.new_page(viewport=README_SIZE, color_scheme="dark")
    sign_in_page(page, system.url, system.token)
    with httpx.Client(
        base_url=system.url, headers={"Authorization": f"Bearer {system.token}"}, timeout=120
    ) as api:
        job = api.post(
            "/api/v1/jobs", data={"name": "Radiographs of pydicom-data"}, files=radiographs()
        )
        path = f"/api/v1/jobs/{job.raise_for_status().json()['id']}"
        page.goto(f"{system.url}/jobs/{job.json()['id']}")
        while api.get(path).json()["progress"] < READY_PROGRESS:
            time.sleep(0.1)
        save(page, README_FOLDER / "job.png")
        shown = {
            status: api.get(f"{path}/images", params={"status": status, "limit": 1}).json()
            for status in ("done", "rejected")
        }
    for status, name in (("done", "image.png"), ("rejected", "rejected.png")):
        image_id = shown[status]["items"][0]["id"]
        page.goto(f"{system.url}/images/{image_id}")
        loaded(page, image_id)
        if status == "done":
            page.get_by_label("Attention", exact=True).check()
            page.wait_for_timeout(500)
        save(page, README_FOLDER / name)


def radiographs() -> list[tuple[str, tuple[str, bytes]]]:
    """The form's files."""
    dicom = [(f"{name}.dcm", (RADIOGRAPHS / f"{name}.dcm").read_bytes()) for name in VARIETY]
    pixels = decode(RADIOGRAPHS / "RG1_UNCR.dcm").pixels
    picture = PIL.Image.fromarray((255 * pixels).astype(np.uint8))
    picture.thumbnail(JPEG_SIZE)
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=90)
    return [
        ("files", file)
        for file in (*dicom, *((f"RG1-{n:03}.jpg", jpeg.getvalue()) for n in range(JPEGS)))
    ]


def save(page: Page, target: Path) -> None:
    """A picture of the window once its own pictures are there, in as many colours as fit."""
    page.wait_for_function(
        """() => [...document.images].every((image) => {
            const { top } = image.getBoundingClientRect();
            const isSeen = image.checkVisibility() && top <= innerHeight;
            return !isSeen || (image.complete && image.naturalWidth);
        })"""
    )
    picture = PIL.Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for colours in range(256, 32, -16):
        few = picture.quantize(colours, kmeans=3, dither=PIL.Image.Dither.NONE)
        few.save(target, optimize=True)
        if target.stat().st_size <= README_BYTES:
            return
    raise SystemExit(f"{target.name} does not fit into {README_BYTES} bytes.")


def main(argument: str) -> None:
    with running_chromium() as browser:
        if argument == "--readme":
            with throwaway_system("--workers", "2") as system:
                take_for_readme(browser, system)
        else:
            take_all(browser, Path(argument))


if __name__ == "__main__":
    main(sys.argv[1])
