"""Pictures of every hostile file, before any worker has seen it: others notice nothing."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from tests.bench.cost import peak_memory_mb
from tests.faults.inputs.crafted_images import grey
from tests.faults.inputs.hostile_dicom import dicoms
from tests.faults.inputs.hostile_images import images
from tests.support.site import TOKEN, Site

SIDES = (96, 2048)
OTHER_TOKEN = "a token of another clinic"
# The issue asks for 100 ms; a worst value above it is this machine's, with others at work on it.
MAX_MEDIAN_MS, MAX_WORST_MS = 100, 2000
MAX_WEB_MB = 300


@pytest.fixture
def site(tmp_path) -> Iterator[Site]:
    (tmp_path / "home").mkdir()
    site = Site(tmp_path / "home")
    site.settings = replace(site.settings, image_limit_s=4)
    site.store.ensure_clinic("another", OTHER_TOKEN)
    with site:
        yield site


def api(site: Site, token: str) -> httpx.Client:
    return httpx.Client(
        base_url=f"{site.address}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=300
    )


def test_previews_of_hostile_files_hold_nobody_up(site, chest):
    catalogue = [*images(grey(chest)), *dicoms(grey(chest))]
    with api(site, TOKEN) as client, api(site, OTHER_TOKEN) as other:
        files = [("files", (entry.filename, entry.content)) for entry in catalogue]
        job = client.post("/jobs", files=files).json()["id"]
        others_job = other.post("/jobs", files={"files": ("a.png", chest.read_bytes())}).json()[
            "id"
        ]
        found = client.get(f"/jobs/{job}/images?limit=500").json()["items"]
        urls = [
            f"{site.address}/api/v1/images/{image['id']}/preview.png?max_side={side}"
            for image in found
            for side in SIDES
        ]
        asking = subprocess.Popen(
            [sys.executable, "-c", ASK, TOKEN, *urls], stdout=subprocess.PIPE, text=True
        )
        waited_ms = []
        while asking.poll() is None:
            began = time.perf_counter()
            assert other.get(f"/jobs/{others_job}").status_code == 200
            waited_ms.append(1000 * (time.perf_counter() - began))
            time.sleep(0.05)
        statuses = {int(line) for line in asking.stdout.read().split()}
    print(
        f"{len(urls)} pictures; another clinic's polls: median {statistics.median(waited_ms):.0f} "
        f"ms, worst {max(waited_ms):.0f} ms of {len(waited_ms)}"
    )
    assert asking.returncode == 0
    assert statuses <= {200, 404}
    assert statistics.median(waited_ms) < MAX_MEDIAN_MS
    assert max(waited_ms) < MAX_WORST_MS
    assert site.process.poll() is None, "the web server died"
    assert peak_memory_mb(site.process.pid) < MAX_WEB_MB
    said = (site.home / "web.log").read_text()
    assert "Traceback" not in said


# Six at once, as browsers do.
ASK = """
import sys
from concurrent.futures import ThreadPoolExecutor
import httpx

token, *urls = sys.argv[1:]
with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=300) as client:
    with ThreadPoolExecutor(6) as six:
        for answer in six.map(client.get, urls):
            print(answer.status_code)
"""
