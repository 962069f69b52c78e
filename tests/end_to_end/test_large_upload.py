"""A large archive passes through the web server without growing it."""

import time
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.support.access import TOKEN
from tests.support.site import Site

MAX_GROWTH_MB = 64
MEMBERS, MEMBER_BYTES = 6, 100_000_000


@pytest.fixture
def archive(tmp_path) -> Path:
    path = tmp_path / "large.zip"
    block = bytes(1_000_000)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as opened:
        for number in range(MEMBERS):
            with opened.open(f"{number}.dcm", "w") as member:
                for _ in range(MEMBER_BYTES // len(block)):
                    member.write(block)
    return path


def peak_mb(site: Site) -> float:
    """The most resident memory that any process of the web server ever had."""
    processes = [site.process.pid]
    children = Path(f"/proc/{site.process.pid}/task/{site.process.pid}/children").read_text()
    processes += [int(child) for child in children.split()]
    peaks = []
    for process in processes:
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peaks.append(int(line.split()[1]) / 1000)
    return max(peaks)


def test_a_large_archive_needs_little_memory(tmp_path, archive):
    (tmp_path / "home").mkdir()
    with Site(tmp_path / "home") as site:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        client = httpx.Client(base_url=f"{site.address}/api/v1", headers=headers, timeout=300)
        client.post("/jobs", files={"files": ("first.png", b"x")}).raise_for_status()
        before = peak_mb(site)
        began = time.monotonic()
        with archive.open("rb") as opened:
            answer = client.post("/jobs", files={"files": ("large.zip", opened)})
        seconds = time.monotonic() - began
        grown = peak_mb(site) - before
    assert answer.status_code == 202, answer.text
    assert answer.json()["counts"]["waiting"] == MEMBERS
    size_mb = archive.stat().st_size / 1e6
    print(f"{size_mb:.0f} MB in {seconds:.1f} s; peak memory {before:.0f} MB + {grown:.0f} MB")
    assert grown < MAX_GROWTH_MB
