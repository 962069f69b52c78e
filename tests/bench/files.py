"""The files that are classified, and how they travel."""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import click
import httpx

from web.local.temporary import RunningSystem

SUFFIXES = {".png", ".jpg", ".jpeg", ".dcm", ".webp", ".tif", ".tiff"}


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The given files and folders; else the original X-rays of CXR_DATA; else the demo's chests."""
    if not paths and os.environ.get("CXR_DATA"):
        paths = [Path(os.environ["CXR_DATA"]) / "originals"]
    if not paths:
        import data_store

        paths = sorted((Path(data_store.__file__).parent / "data").glob("RG1_J2K?.dcm"))
    found = []
    for path in paths:
        if path.is_dir():
            found += sorted(f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES)
        else:
            found.append(path)
    if not found:
        raise click.UsageError("No images in the given paths. Name files or folders with X-rays.")
    return found


def repeated(files: Sequence[Path], count: int) -> list[Path]:
    """`count` files: the given ones, over and over."""
    return list(itertools.islice(itertools.cycle(files), count))


def api(system: RunningSystem) -> httpx.Client:
    return httpx.Client(
        base_url=f"{system.url}/api/v1",
        headers={"Authorization": f"Bearer {system.token}"},
        timeout=600,
    )


def contents(files: Sequence[Path]) -> list[tuple[str, tuple[str, bytes]]]:
    """Read from the disk, as the field `files` of an upload."""
    return [("files", (file.name, file.read_bytes())) for file in files]


def submit(client: httpx.Client, files: Sequence[Path], urgent: bool = False) -> int:
    """Upload as one job. Returns: its id."""
    return submit_contents(client, contents(files), urgent)


def submit_contents(client: httpx.Client, parts: list, urgent: bool = False) -> int:
    """The same with what `contents` has read, for who measures from the first byte."""
    fields = {"name": "bench", "urgent": str(urgent).lower()}
    answer = client.post("/jobs", data=fields, files=parts)
    answer.raise_for_status()
    return answer.json()["id"]
