"""Uploads that arrive in pieces, by tus 1.0."""

import base64
import contextlib
import hashlib
import io
import os
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from tusclient.client import TusClient

from tests.support.access import TOKEN
from tests.support.door import serving
from tests.support.waiting import wait_for
from web.door.limits import Limits
from worker.access import Scope
from worker.errors import PieceMisplaced
from worker.files import unfinished
from worker.files.unfinished import UnfinishedUploads
from worker.store import DEFAULT_CLINIC

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {"Content-Type": "application/offset+octet-stream"}


def named(**values: str) -> str:
    pairs = (
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items()
    )
    return ",".join(pairs)


@pytest.fixture
def place(client) -> str:
    """Where uploads into a new open job begin."""
    job = client.post("/api/v1/jobs", json={"open": True, "name": "Monday"}).json
    return f"/api/v1/jobs/{job['id']}/uploads"


@pytest.fixture
def begin(client, place):
    def begin(length: int, filename: str = "chest.png", **more) -> str:
        headers = {"Upload-Length": str(length), "Upload-Metadata": named(filename=filename)}
        answer = client.post(place, headers=TUS | headers | more)
        assert answer.status_code == 201, answer.text
        assert answer.headers["Upload-Offset"] == "0"
        assert answer.headers["Tus-Resumable"] == "1.0.0"
        return urlsplit(answer.headers["Location"]).path

    return begin


@pytest.fixture
def send(client):
    def send(address: str, offset: int, content: bytes, **more):
        headers = TUS | PIECE | {"Upload-Offset": str(offset)} | more
        return client.patch(address, headers=headers, data=content)

    return send


def images(client, job_id: int = 1) -> list[dict]:
    return client.get(f"/api/v1/jobs/{job_id}/images").json["items"]


def test_what_the_server_can_do(client, place, settings):
    answer = client.options(place)
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert "checksum" in answer.headers["Tus-Extension"].split(",")
    assert answer.headers["Tus-Max-Size"] == f"{settings.max_upload_mb}000000"


def test_a_file_in_pieces(client, begin, send, png, settings, stored):
    address = begin(len(png))
    assert send(address, 0, png[:100]).headers["Upload-Offset"] == "100"
    assert images(client) == []
    known = client.head(address, headers=TUS)
    assert known.headers["Upload-Offset"] == "100"
    assert known.headers["Upload-Length"] == str(len(png))
    assert known.headers["Cache-Control"] == "no-store"
    assert "GMT" in known.headers["Upload-Expires"]
    last = send(address, 100, png[100:])
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(png)))
    (image,) = images(client)
    assert (image["filename"], image["size_bytes"]) == ("chest.png", len(png))
    assert client.head(address, headers=TUS).headers["Upload-Offset"] == str(len(png))
    (kept,) = stored()
    assert kept.read_bytes() == png
    folders = list(settings.images_dir.with_name("unfinished").glob("*/*"))
    assert [[file.name for file in folder.iterdir()] for folder in folders] == [["received"]]


def test_a_small_file_in_one_request(client, place, png):
    headers = {"Upload-Length": str(len(png)), "Upload-Metadata": named(filename="a/b.png")}
    answer = client.post(place, headers=TUS | PIECE | headers, data=png)
    assert answer.headers["Upload-Offset"] == str(len(png))
    assert [image["filename"] for image in images(client)] == ["a/b.png"]


def test_a_body_of_several_files(client, place, png):
    """As the pages send them."""
    lines = b'--x\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\n%s\r\n'
    body = lines % ("ä.png".encode(), png) + lines % (b"b.png", b"") + b"--x--\r\n"
    metadata = named(body_type="multipart/form-data; boundary=x")
    headers = {"Upload-Length": str(len(body)), "Upload-Metadata": metadata}
    client.post(place, headers=TUS | PIECE | headers, data=body)
    assert [(one["filename"], one["status"]) for one in images(client)] == [
        ("ä.png", "waiting"),
        ("b.png", "rejected"),
    ]


def test_an_empty_file_is_refused_as_in_other_uploads(client, begin):
    begin(0)
    (image,) = images(client)
    assert (image["status"], image["reason"]) == ("rejected", "unreadable")


def test_a_piece_that_does_not_fit_changes_nothing(client, begin, send):
    address = begin(10)
    send(address, 0, b"12345")
    for offset in (0, 4, 6, 10):
        answer = send(address, offset, b"67890")
        assert (answer.status_code, answer.json["code"]) == (409, "offset_mismatch")
    answer = send(address, 5, b"67890!")
    assert (answer.status_code, answer.json["code"]) == (413, "upload_too_large")
    assert client.head(address, headers=TUS).headers["Upload-Offset"] == "5"
    assert images(client) == []


@pytest.mark.parametrize("name", ["sha1", "sha256"])
def test_a_damaged_piece_is_not_kept(client, begin, send, name):
    address = begin(10)
    digest = base64.b64encode(hashlib.new(name, b"12345").digest()).decode()
    answer = send(address, 0, b"1234X", **{"Upload-Checksum": f"{name} {digest}"})
    assert (answer.status_code, answer.json["code"]) == (460, "checksum_mismatch")
    assert client.head(address, headers=TUS).headers["Upload-Offset"] == "0"
    assert send(address, 0, b"12345", **{"Upload-Checksum": f"{name} {digest}"}).status_code == 204


def test_requests_that_make_no_sense(client, place, begin, send):
    ask = {"Upload-Length": "5", "Upload-Metadata": named(filename="a.png")}
    refused = [
        (client.post(place, headers=ask), 412, "unsupported_tus_version"),
        (client.post(place, headers=ask | {"Tus-Resumable": "0.2.2"}), 412, None),
        (client.post(place, headers=TUS | {"Upload-Metadata": named(filename="a")}), 422, None),
        (client.post(place, headers=TUS | ask | {"Upload-Length": "-1"}), 422, None),
        (client.post(place, headers=TUS | ask | {"Upload-Metadata": "filename ??"}), 422, None),
        (client.post(place, headers=TUS | {"Upload-Length": "5"}), 422, None),
        (
            client.post(place, headers=TUS | ask | {"Upload-Metadata": named(body_type="a/b")}),
            *(422, None),
        ),
        (client.post(place, headers=TUS | ask | {"Upload-Length": "9" * 15}), 413, None),
        (client.patch(begin(3), headers=TUS | {"Upload-Offset": "0"}, data=b"x"), 415, None),
        (send(begin(3), 0, b"x", **{"Upload-Checksum": "md4 eA=="}), 422, None),
        (client.head(f"{place}/{'0' * 32}", headers=TUS), 404, None),
        (client.head(f"{place}/..%2f..", headers=TUS), 404, None),
    ]
    for answer, status, code in refused:
        assert answer.status_code == status, answer.text
        if code:
            assert answer.json["code"] == code


def test_only_an_open_job_takes_an_upload(client, place, begin, send, png):
    address = begin(len(png))
    client.post("/api/v1/jobs/1/close")
    ask = TUS | {"Upload-Length": "5", "Upload-Metadata": named(filename="a.png")}
    for answer in (client.post(place, headers=ask), send(address, 0, png)):
        assert (answer.status_code, answer.json["code"]) == (409, "job_not_open")


def test_an_upload_that_was_given_up_leaves_nothing(client, begin, send, settings):
    address = begin(10)
    send(address, 0, b"12345")
    assert client.delete(address, headers=TUS).status_code == 204
    assert client.head(address, headers=TUS).status_code == 404
    assert send(address, 5, b"67890").status_code == 404
    assert list(settings.images_dir.with_name("unfinished").glob("*/*")) == []


def test_an_upload_that_is_left_expires(app, client, begin, send, settings):
    address, finished = begin(10), begin(2)
    send(address, 0, b"12345")
    send(finished, 0, b"no")
    uploads: UnfinishedUploads = app.extensions["cxr"].unfinished
    assert uploads.delete_expired() == 0
    long_ago = time.time() - settings.open_job_s - 1
    for note in settings.images_dir.with_name("unfinished").glob("*/*/*"):
        os.utime(note, (long_ago, long_ago))
    assert client.head(address, headers=TUS).status_code == 404
    assert uploads.delete_expired() == 2
    assert list(settings.images_dir.with_name("unfinished").glob("*/*")) == []
    assert len(images(client)) == 1


def test_a_clinic_has_so_many_unfinished_uploads_and_no_more(
    begin, send, client, place, monkeypatch
):
    """Those that are finished do not count: a client sends a folder file by file."""
    monkeypatch.setattr(unfinished, "MAX_PER_CLINIC", 2)
    for _ in range(3):
        assert send(begin(1), 0, b"x").status_code == 204
    begin(1)
    begin(1)
    ask = TUS | {"Upload-Length": "5", "Upload-Metadata": named(filename="a.png")}
    answer = client.post(place, headers=ask)
    assert (answer.status_code, answer.json["code"]) == (429, "too_many_unfinished")


def test_a_full_disk_takes_no_upload(client_with, place):
    full = client_with(min_free_mb=10**9)
    ask = TUS | {"Upload-Length": "5", "Upload-Metadata": named(filename="a.png")}
    assert full.post(place, headers=ask).status_code == 507


def test_what_is_on_its_way_counts_for_the_quota(client_with, place):
    limited = client_with(max_stored_mb=1)
    ask = TUS | {"Upload-Length": "600000", "Upload-Metadata": named(filename="a.png")}
    assert limited.post(place, headers=ask).status_code == 201
    answer = limited.post(place, headers=ask)
    assert (answer.status_code, answer.json["code"]) == (507, "quota_reached")


def test_an_upload_is_found_at_its_own_job_only(client, begin, send):
    address = begin(10)
    other = client.post("/api/v1/jobs", json={"open": True}).json["id"]
    elsewhere = f"/api/v1/jobs/{other}/uploads/{address.rpartition('/')[2]}"
    assert client.head(elsewhere, headers=TUS).status_code == 404
    assert send(elsewhere, 0, b"0123456789").status_code == 404
    assert client.delete(elsewhere, headers=TUS).status_code == 404
    assert send(address, 0, b"0123456789").status_code == 204


def test_others_see_nothing_of_an_upload(app, store, begin, send):
    address = begin(10)
    for clinic, scopes, status in (
        ("another", list(Scope), 404),
        (DEFAULT_CLINIC, [Scope.READ], 403),
    ):
        other = app.test_client()
        token = store.create_token(clinic, scopes)[1]
        other.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        assert other.head(address, headers=TUS).status_code == status
        assert other.delete(address, headers=TUS).status_code == status
        piece = TUS | PIECE | {"Upload-Offset": "0"}
        assert other.patch(address, headers=piece, data=b"x").status_code == status
    assert send(address, 0, b"12345").status_code == 204


def test_the_audit_trail_has_one_entry_for_an_upload(store, begin, send, client):
    def uploads() -> list:
        entries = store.audit_page(store.clinic_named(DEFAULT_CLINIC).id, limit=50)
        return [one.event for one in entries if one.event.action == "uploaded"]

    before = len(uploads())
    address = begin(10)
    send(address, 0, b"12345")
    client.head(address, headers=TUS)
    assert len(uploads()) == before
    send(address, 5, b"67890")
    assert len(uploads()) == before + 1
    assert uploads()[0].job_id == 1


def test_a_failure_at_the_end_loses_no_piece(app, client, begin, send, png, monkeypatch):
    """The last piece counts only once the job has the file: whoever asks goes on from there."""
    address = begin(len(png))
    send(address, 0, png[:100])
    intake = app.extensions["cxr"].intake

    def broken(*_):
        raise RuntimeError

    with monkeypatch.context() as failing:
        failing.setattr(type(intake), "receive", broken)
        assert send(address, 100, png[100:]).status_code == 500
    assert client.head(address, headers=TUS).headers["Upload-Offset"] == "100"
    assert send(address, 100, png[100:]).status_code == 204
    assert len(images(client)) == 1


def test_a_piece_that_is_sent_twice_at_once_counts_once(app, begin, clinic):
    uploads: UnfinishedUploads = app.extensions["cxr"].unfinished
    before = uploads.find(clinic.id, begin(10).rpartition("/")[2])

    def finish(*_):
        raise AssertionError

    assert uploads.append(clinic.id, before, [b"12345"], finish).offset == 5
    with pytest.raises(PieceMisplaced, match="5 of 10 are here"):
        uploads.append(clinic.id, before, [b"12345"], finish)
    assert uploads.find(clinic.id, before.id).offset == 5
    assert len(list(uploads.stored())) == 2, "a note and one piece"


def test_a_server_that_died_at_the_end_takes_no_file_twice(app, client, begin, send, monkeypatch):
    address = begin(4)
    uploads = app.extensions["cxr"].unfinished

    def dying(_clinic, upload, **_):
        if upload.received:
            raise SystemExit

    with monkeypatch.context() as failing:
        failing.setattr(uploads, "_note", dying)
        with pytest.raises(SystemExit):
            send(address, 0, b"1234")
    assert len(images(client)) == 1
    assert client.head(address, headers=TUS).headers["Upload-Offset"] == "0"
    assert send(address, 0, b"1234").status_code == 204
    assert len(images(client)) == 1


@pytest.mark.parametrize("piece_bytes", [50_000, 16_000_000])
def test_a_connection_that_breaks_loses_nothing_that_came(
    app, client, begin, png, stored, monkeypatch, piece_bytes
):
    """A real server, and a client that vanishes in the middle of its piece."""
    monkeypatch.setattr(unfinished, "PIECE_BYTES", piece_bytes)
    content = png + bytes(range(256)) * 1000
    address = begin(len(content))
    begun = threading.Event()

    def noticing(environ, start_response):
        if environ["REQUEST_METHOD"] == "PATCH":
            begun.set()
        return app(environ, start_response)

    with serving(noticing, Limits()) as (_, url):
        place = urlsplit(url)
        head = (
            f"PATCH {address} HTTP/1.1\r\nHost: {place.netloc}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
            f"Content-Type: {PIECE['Content-Type']}\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        with socket.create_connection((place.hostname, place.port)) as line:
            line.sendall(head.encode() + content[:150_000])
            assert begun.wait(30)
            time.sleep(0.5)  # so that it is read before the connection ends
        known = lambda: int(client.head(address, headers=TUS).headers["Upload-Offset"])  # noqa: E731
        wait_for(lambda: known() > 0)
        assert 0 < known() <= 150_000
        # An independent client goes on from there.
        tus = TusClient(url, headers={"Authorization": f"Bearer {TOKEN}"})
        uploader = tus.uploader(
            file_stream=io.BytesIO(content), url=url + address, chunk_size=60_000
        )
        assert uploader.offset == known()
        uploader.upload()
    (image,) = images(client)
    assert image["size_bytes"] == len(content)
    assert [file.read_bytes() for file in stored()] == [content]


def test_an_independent_client_from_begin_to_end(app, client, place, png, tmp_path):
    file = tmp_path / "chest.png"
    file.write_bytes(png)
    with serving(app, Limits()) as (_, url):
        tus = TusClient(url + place, headers={"Authorization": f"Bearer {TOKEN}"})
        uploader = tus.uploader(
            str(file), chunk_size=70, metadata={"filename": "chest.png"}, upload_checksum=True
        )
        uploader.upload_chunk()
        assert uploader.offset == 70
        with contextlib.suppress(StopIteration):
            uploader.upload()
    assert [one["filename"] for one in images(client)] == ["chest.png"]
