"""Sending an upload again under its `Idempotency-Key`: one job, however often it arrives."""

import base64
import hashlib
import io

import pytest

from worker.intake.receiving import Upload


@pytest.fixture
def send(client):
    """Sends one file with an Idempotency-Key."""

    def post(key: str, content: bytes = b"x", name: str = "Monday"):
        data = {"files": (io.BytesIO(content), "a.png"), "name": name}
        return client.post("/api/v1/jobs", data=data, headers={"Idempotency-Key": key})

    return post


def test_the_same_key_and_files_are_answered_with_the_first_job(send, client, stored):
    first = send("monday-1")
    assert first.status_code == 202
    assert "Idempotency-Replayed" not in first.headers
    again = send("monday-1", name="Another name")
    assert (again.status_code, again.json) == (202, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert len(stored()) == 1
    assert send("monday-2").json["id"] != first.json["id"]
    assert len(client.get("/api/v1/jobs").json["items"]) == 2


def test_the_same_files_in_json_are_the_same_upload(send, client):
    first = send("monday")
    again = client.post(
        "/api/v1/jobs",
        json={"images": [{"filename": "a.png", "data": base64.b64encode(b"x").decode()}]},
        headers={"Idempotency-Key": "monday"},
    )
    assert (again.status_code, again.json) == (202, first.json)


@pytest.mark.parametrize("files", [[("a.png", b"y")], [("b.png", b"x")], [("a.png", b"x")] * 2])
def test_the_same_key_with_other_files_is_refused(send, client, stored, files):
    first = send("monday")
    data = {"files": [(io.BytesIO(content), name) for name, content in files]}
    answer = client.post("/api/v1/jobs", data=data, headers={"Idempotency-Key": "monday"})
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")
    assert "new key" in answer.json["detail"]
    assert len(stored()) == 1
    assert [job["id"] for job in client.get("/api/v1/jobs").json["items"]] == [first.json["id"]]


def test_files_that_cannot_be_decoded_count_for_what_an_upload_holds(client):
    def post(data: str):
        body = {"images": [{"filename": "a.png", "data": data}]}
        return client.post("/api/v1/jobs", json=body, headers={"Idempotency-Key": "monday"})

    first = post("not base64!")
    assert first.json["counts"]["rejected"] == 1
    assert post("not base64!").json == first.json
    other = post("another thing that is not")
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


def test_the_fingerprint_is_that_of_sha256sum(send):
    line = f"{hashlib.sha256(b'x').hexdigest()}  a.png\n"
    assert send("monday").json["content_sha256"] == hashlib.sha256(line.encode()).hexdigest()


def test_whether_an_upload_arrived_is_asked_by_its_key(send, client):
    ask = {"query_string": {"idempotency_key": "monday"}}
    assert client.get("/api/v1/jobs", **ask).json == {"items": [], "next_cursor": None}
    first = send("monday")
    send("tuesday")
    assert client.get("/api/v1/jobs", **ask).json["items"] == [first.json]
    wrong = client.get("/api/v1/jobs", query_string={"idempotency_key": "two words"})
    assert (wrong.status_code, wrong.json["code"]) == (422, "invalid_input")


def test_an_empty_request_with_a_key_is_no_upload(send, client):
    send("monday")
    answer = client.post("/api/v1/jobs", headers={"Idempotency-Key": "monday"})
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")


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


@pytest.mark.parametrize("content", [b"x", b"other"])
def test_two_uploads_with_one_key_at_once_make_one_job(send, client, monkeypatch, stored, content):
    """The second comes to its end while the first is about to be accepted."""
    accept, answers = Upload.accept, []

    def accept_with_another_in_between(upload: Upload, *arguments):
        monkeypatch.setattr(Upload, "accept", accept)
        answers.append(send("monday", content))
        return accept(upload, *arguments)

    monkeypatch.setattr(Upload, "accept", accept_with_another_in_between)
    late = send("monday")
    (early,) = answers
    assert "Idempotency-Replayed" not in early.headers
    if content == b"x":
        assert (late.status_code, late.headers["Idempotency-Replayed"]) == (202, "true")
        assert late.json == early.json
    else:
        assert (late.status_code, late.json["code"]) == (422, "idempotency_key_reused")
    assert [job["id"] for job in client.get("/api/v1/jobs").json["items"]] == [early.json["id"]]
    assert len(stored()) == 1


def test_the_last_files_of_an_open_job_that_come_twice_at_once_are_added(client, monkeypatch):
    """The second comes to its end when the first is accepted and the job was closed after it."""
    job = client.post("/api/v1/jobs", json={"open": True}).json["id"]
    accept = Upload.accept

    def add():
        data = {"files": (io.BytesIO(b"x"), "a.png")}
        headers = {"Idempotency-Key": "monday"}
        return client.post(f"/api/v1/jobs/{job}/images", data=data, headers=headers)

    def accept_late(upload: Upload, *arguments):
        monkeypatch.setattr(Upload, "accept", accept)
        assert add().status_code == 202
        client.post(f"/api/v1/jobs/{job}/close")
        return accept(upload, *arguments)

    monkeypatch.setattr(Upload, "accept", accept_late)
    late = add()
    assert (late.status_code, late.headers.get("Idempotency-Replayed")) == (202, "true")
    assert late.json["counts"]["total"] == 1


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
