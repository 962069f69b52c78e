import base64
import io
import resource
import shutil
from dataclasses import replace

import pytest
from sqlalchemy import text

from tests.conftest import TOKEN
from web.app import create_app
from web.uploads import Upload, display_name


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


def test_a_file_over_its_limit_is_rejected_alone(settings, store, clinic, stored):
    client = create_app(replace(settings, max_image_mb=1)).test_client()
    large = io.BytesIO(bytes(1_000_001))
    answer = client.post(
        "/api/v1/jobs",
        data={"files": [(large, "large.dcm"), (io.BytesIO(b"x"), "small.dcm")]},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    assert answer.status_code == 202
    rejected, waiting = store.images(clinic.id, answer.json["id"]).items
    assert (rejected.reason, rejected.size_bytes) == ("too_large", 1_000_001)
    assert waiting.status == "waiting"
    assert len(stored()) == 1


def test_an_upload_over_the_limit_is_refused_as_a_whole(settings, store, stored):
    client = create_app(replace(settings, max_upload_mb=1)).test_client()
    answer = client.post(
        "/api/v1/jobs",
        data={"files": (io.BytesIO(bytes(20_000_000)), "large.dcm")},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    assert (answer.status_code, answer.json["code"]) == (413, "upload_too_large")
    assert "1 MB" in answer.json["detail"]
    assert stored() == []


def test_too_many_files_are_refused_and_leave_nothing_behind(settings, store, clinic, stored):
    client = create_app(replace(settings, max_job_images=3)).test_client()
    answer = client.post(
        "/api/v1/jobs",
        data={"files": [(io.BytesIO(b"x"), f"{number}.png") for number in range(4)]},
        headers={"Authorization": f"Bearer {TOKEN}"},
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
        ({"data": b"--b\r\n", "content_type": "multipart/form-data; boundary=b"}, 422, None),
        ({"data": b"x", "content_type": "multipart/form-data; x=y"}, 422, "invalid_upload"),
        ({"data": b"raw", "content_type": "image/png"}, 415, "unsupported_media_type"),
        ({"data": b"{", "content_type": "application/json"}, 400, "bad_request"),
        ({"json": {"images": []}}, 422, "invalid_upload"),
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


def test_when_the_rows_cannot_be_saved_the_files_go_too(store, stored, upload):
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
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        files = [(io.BytesIO(b"x"), f"{number}.png") for number in range(600)]
        answer = client.post("/api/v1/jobs", data={"files": files})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert answer.json["counts"]["total"] == 600
    assert len(stored()) == 600
    shutil.rmtree(settings.images_dir)


@pytest.fixture
def send(client):
    """Sends one file with an Idempotency-Key."""

    def post(key: str, content: bytes = b"x", name: str = "Monday"):
        data = {"files": (io.BytesIO(content), "a.png"), "name": name}
        return client.post("/api/v1/jobs", data=data, headers={"Idempotency-Key": key})

    return post


def test_the_same_key_is_answered_with_the_first_job(send, client, stored):
    first = send("monday-1")
    assert first.status_code == 202
    assert "Idempotency-Replayed" not in first.headers
    again = send("monday-1", b"something else", "Another name")
    assert (again.status_code, again.json) == (202, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert len(stored()) == 1
    assert send("monday-2").json["id"] != first.json["id"]
    assert len(client.get("/api/v1/jobs").json["items"]) == 2


def test_a_replay_reads_no_body(send, client):
    class Unread(io.BytesIO):
        def read(self, *_) -> bytes:
            raise AssertionError("the body was read")

        readinto = readline = read

    first = send("monday")
    again = client.post(
        "/api/v1/jobs",
        input_stream=Unread(bytes(1_000_000)),
        content_type="multipart/form-data; boundary=b",
        headers={"Idempotency-Key": "monday"},
    )
    assert (again.status_code, again.json) == (202, first.json)


def test_an_empty_request_tells_whether_a_key_is_known(send, client, stored):
    ask = {"headers": {"Idempotency-Key": "monday"}}
    assert client.post("/api/v1/jobs", **ask).status_code == 415
    first = send("monday")
    known = client.post("/api/v1/jobs", **ask)
    assert (known.status_code, known.json) == (202, first.json)


@pytest.mark.parametrize("key", ["", "k" * 256, "two words", "schlüssel", " "])
def test_a_bad_key_is_explained_and_not_echoed(send, stored, key):
    answer = send(key)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_input")
    assert "Idempotency-Key" in answer.json["detail"]
    if key.strip():
        assert key not in answer.text
        assert key.encode("latin-1") not in answer.data
    assert stored() == []


def test_the_longest_key_is_taken(send):
    key = "~" * 255
    assert send(key).json == send(key).json


def test_two_same_uploads_at_once_make_one_job(send, client, monkeypatch, stored):
    """The second comes to its end while the first still reads its files."""
    rows, answers = Upload.rows, []

    def rows_with_another_in_between(upload: Upload):
        monkeypatch.setattr(Upload, "rows", rows)
        answers.append(send("monday"))
        return rows(upload)

    monkeypatch.setattr(Upload, "rows", rows_with_another_in_between)
    late = send("monday")
    (early,) = answers
    assert "Idempotency-Replayed" not in early.headers
    assert (late.status_code, late.headers["Idempotency-Replayed"]) == (202, "true")
    assert late.json == early.json
    assert [job["id"] for job in client.get("/api/v1/jobs").json["items"]] == [early.json["id"]]
    assert len(stored()) == 1


def test_a_refused_upload_does_not_use_up_its_key(client, send):
    refused = client.post(
        "/api/v1/jobs",
        data={"name": "empty"},
        content_type="multipart/form-data",
        headers={"Idempotency-Key": "monday"},
    )
    assert (refused.status_code, refused.json["code"]) == (422, "no_files")
    accepted = send("monday")
    assert accepted.status_code == 202
    assert "Idempotency-Replayed" not in accepted.headers


def test_a_key_is_its_clinics_own(app, send, store):
    store.ensure_clinic("other", "another token")
    ours = send("monday").json
    theirs = app.test_client().post(
        "/api/v1/jobs",
        data={"files": (io.BytesIO(b"y"), "b.png")},
        headers={"Idempotency-Key": "monday", "Authorization": "Bearer another token"},
    )
    assert theirs.json["id"] != ours["id"]
    assert "Idempotency-Replayed" not in theirs.headers


def test_after_a_deletion_a_key_is_free_again(send, client, stored):
    first = send("monday").json
    client.delete(f"/api/v1/jobs/{first['id']}")
    again = send("monday")
    assert "Idempotency-Replayed" not in again.headers
    assert len(stored()) == 1
