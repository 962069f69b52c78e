"""Poison through the whole system: every file its own result, and everything still alive."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.bench.cost import children, peak_memory_mb
from tests.faults.inputs.crafted_images import grey
from tests.faults.inputs.hostile import Hostile, Row
from tests.faults.inputs.hostile_archives import archives, crowd, packed
from tests.faults.inputs.hostile_dicom import dicoms
from tests.faults.inputs.hostile_images import images
from tests.support.running import logs

MAX_WORKER_MB = 700
MAX_WEB_MB = 700
MAX_REFUSAL_S = 10
GOOD = "a perfectly good chest.png"


@pytest.fixture(scope="module")
def parts(system, results, chest) -> dict[str, int]:
    """Process ids of the system, once its worker has proven itself."""
    assert results([(GOOD, chest.read_bytes())])[0]["status"] == "done"
    return children(system)


@pytest.fixture(autouse=True)
def unharmed(system, parts) -> Iterator[None]:
    """After each test the parts still live, took little memory, and told no one what they saw."""
    yield
    said = logs(system)
    assert children(system) == parts, said
    assert peak_memory_mb(parts["worker-1"]) < MAX_WORKER_MB
    assert peak_memory_mb(parts["web"]) < MAX_WEB_MB
    for secret in ("Traceback", "Secret", "evil", "bomb", "chest"):
        assert secret not in said, said


def assert_pictures_are_shown_or_refused(client: httpx.Client, found: list[dict]) -> None:
    for image in found:
        answer = client.get(f"/images/{image['id']}/preview.png?max_side=96")
        assert answer.status_code in (200, 404, 422), image["filename"]
        if image["status"] == "done":
            assert answer.headers["Content-Type"] == "image/png"


def disagreements(found: list[dict], catalogue: list[Hostile]) -> list[tuple[Row, Row]]:
    """(what it had to be, what it is) of each row that is not as the catalogue says."""
    expected = [row for entry in catalogue for row in entry.rows]
    rows = [Row(image["filename"], image["status"], image["reason"]) for image in found]
    assert len(rows) == len(expected)
    return [(one, other) for one, other in zip(expected, rows, strict=True) if one != other]


def the_good_one(found: list[dict]) -> dict:
    return next(image for image in found if image["filename"] == GOOD)


@pytest.mark.parametrize("kind", [images, dicoms])
def test_each_file_gets_its_result(client, results, chest, kind):
    catalogue = list(kind(grey(chest)))
    middle = len(catalogue) // 2
    files = [(entry.filename, entry.content) for entry in catalogue]
    found = results([*files[:middle], (GOOD, chest.read_bytes()), *files[middle:]])
    assert the_good_one(found)["status"] == "done"
    found.remove(the_good_one(found))
    assert disagreements(found, catalogue) == []
    assert all(image["attempts"] <= 1 for image in found)
    assert all(image["message"] for image in found if image["status"] == "rejected")
    assert_pictures_are_shown_or_refused(client, found)


def test_each_archive_gets_its_results(client, results, chest):
    for catalogue in archives(chest.read_bytes()):
        files = [(entry.filename, entry.content) for entry in catalogue]
        found = results([*files, (GOOD, chest.read_bytes())])
        assert the_good_one(found)["status"] == "done", catalogue[0].filename
        found.remove(the_good_one(found))
        assert disagreements(found, catalogue) == []
        assert_pictures_are_shown_or_refused(client, found)


def test_a_hundred_thousand_files_are_refused_before_they_are_written(system, client):
    content = crowd(100_000, bytes(100))
    jobs, size = client.get("/jobs").json(), disk_bytes(system)
    began = time.monotonic()
    answer = client.post("/jobs", files={"files": ("crowd.zip", content)})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_images")
    assert time.monotonic() - began < MAX_REFUSAL_S
    assert client.get("/jobs").json() == jobs
    assert disk_bytes(system) - size < 1_000_000


def test_a_table_of_contents_of_20_mb_is_not_read(client):
    content = packed([(f"{'x' * 60_000}{number}", b"") for number in range(350)])
    answer = client.post("/jobs", files={"files": ("crowd.zip", content)})
    image = client.get(f"/jobs/{answer.json()['id']}/images").json()["items"][0]
    assert (image["status"], image["reason"]) == ("rejected", "unreadable")
    assert "too many files" in image["message"]


def disk_bytes(system) -> int:
    return sum(file.stat().st_size for file in system.home.rglob("*") if file.is_file())
