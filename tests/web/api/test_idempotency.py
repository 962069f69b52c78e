"""Sending an upload again under its `Idempotency-Key`: one job, however often it arrives."""

import io

import pytest

from worker.intake.upload import Upload


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
