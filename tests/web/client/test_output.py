"""Files that the client's commands write."""

import csv
import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.support.commands import cxr
from tests.support.scripted import Scripted
from web.client.output import write_whole


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may have more than 1,000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_without_room_leaves_the_file_of_before(tmp_path, full_disk):
    output = tmp_path / "results.csv"
    output.write_text("before")
    with pytest.raises(click.ClickException, match=r"results\.csv cannot be written \(File too"):
        write_whole([b"x" * 5000, b"x" * 5000], output)
    assert output.read_text() == "before"
    assert os.listdir(tmp_path) == ["results.csv"]


def test_a_link_stays_one_and_rights_stay_as_they_were(tmp_path):
    (tmp_path / "kept").mkdir()
    target = tmp_path / "kept" / ("long" * 60 + ".csv")
    target.write_text("before")
    target.chmod(0o640)
    (tmp_path / "link.csv").symlink_to(target)
    write_whole([b"after"], tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert target.read_text() == "after"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_device_is_written_to_and_not_replaced(tmp_path):
    device = tmp_path / "null"
    device.symlink_to("/dev/null")
    write_whole([b"gone"], device)
    assert Path("/dev/null").is_char_device()
    assert device.is_symlink()


def test_results_on_standard_output():
    server = Scripted()
    counts = {"total": 1, "done": 1, "rejected": 0, "failed": 0, "cancelled": 0}
    try:
        server.gives(200, {"id": 7, "status": "complete", "counts": counts})
        server.gives(200, b"image_id,file\r\n")
        done = cxr(*("results", 7, "--csv", "--output", "-"), CXR_URL=server.url, CXR_TOKEN="any")
    finally:
        server.close()
    assert (done.exit_code, done.stdout_bytes) == (0, b"image_id,file\r\n")
    assert not Path("-").exists()


def test_reviews_whose_films_are_kept_no_longer_are_left_out_and_counted(tmp_path):
    def review(image: int) -> dict:
        said = {"label": "NORMAL", "model_label": "COVID19", "reader": "A", "boxes": []}
        return said | {"image_id": image}

    server = Scripted()
    try:
        server.gives(200, {"items": [review(n) for n in (1, 2, 3, 4)], "next_cursor": None})
        patients = {1: "MRN 7", 2: None, 3: "MRN 8", 4: "MRN 8"}
        images = [{"id": image, "patient": patient} for image, patient in patients.items()]
        server.gives(200, {"items": images, "next_cursor": None})
        server.gives(404, {"status": 404, "detail": "No longer kept.", "code": "no_picture"})
        for _ in range(3):
            server.gives(200, b"\x89PNG and so on")
        done = cxr(
            *("reviews", "export", 7, "--out", tmp_path / "d"), CXR_URL=server.url, CXR_TOKEN="any"
        )
    finally:
        server.close()
    assert done.exit_code == 0, done.output
    assert "1 left out: their X-rays are no longer kept" in done.stderr
    with (tmp_path / "d" / "manifest.csv").open(newline="") as opened:
        rows = [(row["path"], row["patient"]) for row in csv.DictReader(opened)]
    # Films of one patient stay together, and nobody is named.
    assert rows == [
        ("images/2.png", "reviews:2"),
        ("images/3.png", "reviews:3"),
        ("images/4.png", "reviews:3"),
    ]
    assert sorted(os.listdir(tmp_path / "d" / "images")) == ["2.png", "3.png", "4.png"]


def test_reviews_cannot_be_written_where_a_file_is(tmp_path):
    (tmp_path / "file").write_text("")
    server = Scripted()
    try:
        server.gives(200, {"items": [], "next_cursor": None})
        done = cxr(
            *("reviews", "export", 7, "--out", tmp_path / "file" / "d"),
            CXR_URL=server.url,
            CXR_TOKEN="any",
        )
    finally:
        server.close()
    assert done.exit_code == 1
    assert "cannot be written (Not a directory)" in done.stderr
