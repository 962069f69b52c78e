import base64
import io
import os
import resource
import shutil
import zipfile

import pytest
from sqlalchemy import text

from tests.support.access import TOKEN
from web.app import create_app
from worker.intake import writing
from worker.intake.names import display_name


def images_of(client, job) -> list[dict]:
    return client.get(f"/api/v1/jobs/{job['id']}/images").json["items"]


def test_files_are_stored_before_the_answer(upload, client, files, store, clinic, png):
    answer = upload({"one.png": png, "two.dcm": b"not an image"}, name="Monday", urgent="true")
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json['id']}"
    assert answer.json["name"] == "Monday"
    assert answer.json["urgent"] is True
    assert answer.json["counts"]["waiting"] == 2
    assert client.get(answer.headers["Location"]).json == answer.json
    rows = store.images(clinic.id, answer.json["id"]).items
    assert [row.filename for row in rows] == ["one.png", "two.dcm"]
    assert files.path(rows[0].file_key).read_bytes() == png
    assert files.path(rows[1].file_key).read_bytes() == b"not an image"


def test_a_job_without_a_name_is_called_after_its_files(upload):
    assert upload({"chest.png": b"x"}).json["name"] == "chest.png"
    assert upload({"a.png": b"x", "b.png": b"y"}).json["name"] == "a.png and 1 more"


@pytest.mark.parametrize(
    ("filenames", "name"),
    [
        (["St. Anna/a.png", "St. Anna/ward/b.png"], "St. Anna"),
        (["St. Anna/a.png", "Ward B/b.png"], "St. Anna/a.png and 1 more"),
        (["St. Anna/a.png", "b.png"], "St. Anna/a.png and 1 more"),
        (["a.png", "St. Anna/b.png"], "a.png and 1 more"),
        (["100%/a.png", "1000/b.png"], "100%/a.png and 1 more"),
    ],
)
def test_a_job_is_called_after_the_folder_of_all_its_files(upload, client, filenames, name):
    contents = {filename: filename.encode() for filename in filenames}
    assert upload(contents).json["name"] == name
    into = f"/api/v1/jobs/{client.post('/api/v1/jobs', json={'open': True}).json['id']}"
    for filename, content in contents.items():
        client.post(f"{into}/images", data={"files": (io.BytesIO(content), filename)})
    assert client.post(f"{into}/close").json["name"] == name


def test_images_in_json(client, store, clinic, files, png):
    encoded = base64.b64encode(png).decode()
    images = [
        {"filename": "url.png", "data": f"data:image/png;base64,{encoded}"},
        {"filename": "bare.png", "data": encoded},
        {"filename": "broken.png", "data": "data:image/png;base64,%%%"},
    ]
    answer = client.post("/api/v1/jobs", json={"name": "As in 2020", "images": images})
    assert answer.status_code == 202
    url, bare, broken = store.images(clinic.id, answer.json["id"]).items
    assert files.path(url.file_key).read_bytes() == png
    assert files.path(bare.file_key).read_bytes() == png
    assert (broken.status, broken.reason) == ("rejected", "unreadable")


def test_an_empty_file_is_rejected_alone(upload, client):
    job = upload({"empty.png": b"", "good.png": b"x"}).json
    empty, good = images_of(client, job)
    assert (empty["status"], empty["reason"]) == ("rejected", "unreadable")
    assert good["status"] == "waiting"


def test_a_file_over_its_limit_is_rejected_alone(client_with, store, clinic, stored):
    client = client_with(max_image_mb=1)
    large = io.BytesIO(bytes(1_000_001))
    answer = client.post(
        "/api/v1/jobs",
        data={"files": [(large, "large.dcm"), (io.BytesIO(b"x"), "small.dcm")]},
    )
    assert answer.status_code == 202
    rejected, waiting = store.images(clinic.id, answer.json["id"]).items
    assert (rejected.reason, rejected.size_bytes) == ("too_large", 1_000_001)
    assert waiting.status == "waiting"
    assert len(stored()) == 1


def test_a_file_whose_name_is_too_long_is_rejected_alone(upload, client, stored):
    longest = f"{'x' * 996}.png"
    with io.BytesIO() as packed:
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(longest, b"in an archive")
        job = upload({longest: b"x", f"1{longest}": b"12345", "z.zip": packed.getvalue()}).json
    kept, *refused = images_of(client, job)
    assert (kept["status"], kept["filename"]) == ("waiting", longest)
    for image, name, size in zip(
        refused, (f"1{longest}", f"z.zip/{longest}"), (5, 13), strict=True
    ):
        assert (image["status"], image["reason"]) == ("rejected", "name_too_long")
        assert image["message"].startswith(f"The file's name has {len(name):,} characters")
        assert (image["filename"], image["size_bytes"]) == (f"{name[:999]}\u2026", size)
    assert len(stored()) == 1


def test_an_upload_over_the_limit_is_refused_as_a_whole(client_with, stored):
    client = client_with(max_upload_mb=1)
    answer = client.post(
        "/api/v1/jobs", data={"files": (io.BytesIO(bytes(20_000_000)), "large.dcm")}
    )
    assert (answer.status_code, answer.json["code"]) == (413, "upload_too_large")
    assert "1 MB" in answer.json["detail"]
    assert stored() == []


def test_too_many_files_are_refused_and_leave_nothing_behind(client_with, store, clinic, stored):
    client = client_with(max_job_images=3)
    answer = client.post(
        "/api/v1/jobs",
        data={"files": [(io.BytesIO(b"x"), f"{number}.png") for number in range(4)]},
    )
    assert (answer.status_code, answer.json["code"]) == (413, "too_many_images")
    assert stored() == []
    assert store.jobs(clinic.id).items == []


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"data": {"name": "x"}, "content_type": "multipart/form-data"}, 422, "no_files"),
        ({"data": {"file": (io.BytesIO(b"x"), "a.png")}}, 422, "invalid_upload"),
        ({"data": {"files": (io.BytesIO(b"x"), "a"), "urgent": "maybe"}}, 422, "invalid_upload"),
        ({"data": {"files": (io.BytesIO(b"x"), "a"), "urgent": ""}}, 422, "invalid_upload"),
        ({"data": b"--b\r\n", "content_type": "multipart/form-data; boundary=b"}, 422, None),
        ({"data": b"x", "content_type": "multipart/form-data; x=y"}, 422, "invalid_upload"),
        ({"data": b"raw", "content_type": "image/png"}, 415, "unsupported_media_type"),
        ({"data": b"{", "content_type": "application/json"}, 400, "bad_request"),
        ({"json": {"images": []}}, 422, "no_files"),
        ({"json": {"images": [{"filename": "a.png"}]}}, 422, "invalid_upload"),
        ({"json": [1]}, 422, "invalid_upload"),
    ],
)
def test_what_cannot_be_understood_says_what_to_send(client, stored, request_, status, code):
    answer = client.post("/api/v1/jobs", **request_)
    assert answer.status_code == status
    assert code is None or answer.json["code"] == code
    assert answer.json["detail"]
    assert stored() == []


def test_an_upload_that_breaks_off_leaves_nothing_behind(client, stored, store, clinic):
    body = (
        b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        + b"first\r\n"
        + b'--b\r\nContent-Disposition: form-data; name="files"; filename="b.png"\r\n\r\nhalf'
    )
    answer = client.post("/api/v1/jobs", data=body, content_type="multipart/form-data; boundary=b")
    assert answer.status_code == 422
    assert stored() == []
    assert store.jobs(clinic.id).items == []


def test_when_the_rows_cannot_be_saved_the_files_go_too(store, stored, upload, monkeypatch):
    monkeypatch.setattr(writing, "OUTAGE_S", 0)
    with store.database.writing() as session:
        session.execute(text("DROP TABLE images"))
    answer = upload({"a.png": b"x"})
    assert (answer.status_code, answer.json["code"]) == (503, "database_unavailable")
    assert stored() == []


def test_a_full_disk_is_a_507(settings, store):
    # A limit on the size of files fails a write in the same way as a full disk does.
    client = create_app(settings).test_client()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        answer = client.post(
            "/api/v1/jobs",
            data={"files": (io.BytesIO(bytes(300_000)), "a.png")},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (answer.status_code, answer.json["code"]) == (507, "storage_unavailable")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("chest.png", "chest.png"),
        ("ward/7/chest.png", "ward/7/chest.png"),
        ("..\\..\\windows\\chest.png", "windows/chest.png"),
        ("/etc/passwd", "etc/passwd"),
        ("../../x", "x"),
        ("a\x00b\n\u202egnp.exe", "a\ufffdb\ufffd\ufffdgnp.exe"),
        ("", "unnamed"),
        ("//", "unnamed"),
        ("Röntgen 胸部.dcm", "Röntgen 胸部.dcm"),
    ],
)
def test_names_are_shown_safely(sent, shown):
    assert display_name(sent) == shown


def test_many_files_need_few_open_ones(client, settings, stored):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    already_open = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (already_open + 100, hard))
    try:
        files = [(io.BytesIO(b"x"), f"{number}.png") for number in range(600)]
        answer = client.post("/api/v1/jobs", data={"files": files})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert answer.status_code == 202, answer.text
    assert answer.json["counts"]["total"] == 600
    assert len(stored()) == 600
    shutil.rmtree(settings.images_dir)


def test_a_json_body_over_its_limit_names_that_limit(client, stored):
    image = {"filename": "a.png", "data": "A" * 32_000_000}
    answer = client.post("/api/v1/jobs", json={"images": [image]})
    assert (answer.status_code, answer.json["code"]) == (413, "json_too_large")
    assert "32 MB" in answer.json["detail"]
    assert stored() == []


@pytest.mark.parametrize("length", [200, 201])
def test_a_name_that_is_too_long_is_refused_and_not_cut(client, stored, length):
    data = {"name": "n" * length, "files": (io.BytesIO(b"x"), "a.png")}
    answer = client.post("/api/v1/jobs", data=data)
    if length == 200:
        assert answer.json["name"] == "n" * 200
    else:
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_upload")
        assert "longer than 200 characters" in answer.json["detail"]
        assert stored() == []
