"""The client's own side: which files, the upload as a stream, polling, errors of the connection."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from werkzeug.formparser import parse_form_data

from tests.support.commands import cxr
from tests.support.scripted import Scripted
from tests.support.tls import Front, make_certificates
from web.client import http as client_module
from web.client import server as server_module
from web.client.errors import FileChanged, NotOurServer, Refused, Unreachable, UnreadableFile
from web.client.files import Multipart, UploadFile, collect, content_sha256
from web.client.http import Client
from web.client.shared import known_token, token_for
from worker.intake.fingerprint import Fingerprint
from worker.settings import Settings

JOB = {
    "id": 7,
    "name": "scans",
    "status": "running",
    "content_sha256": None,
    "counts": {"total": 2, "done": 0, "rejected": 0, "failed": 0, "cancelled": 0},
}


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


@pytest.fixture
def client(server) -> Iterator[Client]:
    with Client(server.url, "secret-token") as client:
        yield client


@pytest.fixture
def fast_polls(monkeypatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_POLL_S", 0.01)
    monkeypatch.setattr(client_module, "MAX_POLL_S", 0.02)


@pytest.fixture
def scans(tmp_path) -> Path:
    folder = tmp_path / "scans"
    for name in ("b.dcm", "a.dcm", ".hidden", "z/1.png", ".git/config", "c/2.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * 3)
    return folder


def test_collects_folders_sorted_without_hidden_files(scans, tmp_path, monkeypatch):
    wanted = ["scans/a.dcm", "scans/b.dcm", "scans/c/2.png", "scans/z/1.png"]
    assert [file.name for file in collect([scans])] == wanted
    monkeypatch.chdir(scans)
    assert [file.name for file in collect([Path(".")])] == wanted
    # A file that is named outright is meant, hidden or not.
    assert [file.name for file in collect([scans / ".hidden", scans / "z"])] == [
        ".hidden",
        "z/1.png",
    ]


def test_collect_says_what_cannot_be_read(tmp_path):
    with pytest.raises(UnreadableFile, match=r"gone\.dcm cannot be read"):
        collect([tmp_path / "gone.dcm"])


def test_links_are_followed_once(scans, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "far.dcm").write_bytes(b"x")
    (scans / "link").symlink_to(elsewhere)
    (scans / "c" / "loop").symlink_to(scans)
    names = [file.name for file in collect([scans])]
    assert "scans/link/far.dcm" in names
    assert len(names) == 5
    (scans / "gone.dcm").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UnreadableFile, match=r"gone\.dcm cannot be read"):
        collect([scans])


def test_a_pipe_is_no_file_to_upload(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableFile, match="pipe or a device"):
        collect([tmp_path / "pipe"])


def test_a_disk_that_fails_in_the_middle_is_one_sentence():
    memory = UploadFile(Path("/proc/self/mem"), "scan.dcm", 10)  # its first page cannot be read
    with pytest.raises(UnreadableFile, match=r"/proc/self/mem cannot be read \(Input"):
        list(Multipart({}, [memory]))


def test_a_name_that_is_not_text_is_sent_as_well_as_may_be():
    assert b"\r\nMo?day\r\n" in b"".join(Multipart({"name": "Mo\udcffday"}, []))


def test_multipart_is_read_back_by_another_library(tmp_path):
    odd = tmp_path / 'with "quotes" and ü.dcm'
    odd.write_bytes(b"\r\n--\x00" * 100_000)
    empty = tmp_path / "empty"
    empty.touch()
    sent = []
    body = Multipart({"name": "Monday, ü"}, collect([odd, empty]), sent.append)
    content = b"".join(body)
    assert len(content) == body.content_length
    assert sent == sorted(sent)
    assert (sent[0], sent[-1]) == (0, odd.stat().st_size)
    _, fields, files = parse_form_data(
        {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": body.content_type,
            "CONTENT_LENGTH": str(len(content)),
            "wsgi.input": io.BytesIO(content),
        }
    )
    assert fields["name"] == "Monday, ü"
    assert [file.filename for file in files.getlist("files")] == [odd.name, "empty"]
    assert files.getlist("files")[0].read() == odd.read_bytes()


@pytest.mark.parametrize("size_bytes", [2, 4])
def test_a_file_that_changes_ends_the_upload(tmp_path, size_bytes):
    file = tmp_path / "growing.dcm"
    file.write_bytes(b"123")
    with pytest.raises(FileChanged, match="changed while it was uploaded"):
        list(Multipart({}, [UploadFile(file, "growing.dcm", size_bytes)]))


def test_a_file_that_vanishes_ends_the_upload(tmp_path):
    with pytest.raises(FileChanged, match=r"gone\.dcm"):
        list(Multipart({}, [UploadFile(tmp_path / "gone.dcm", "gone.dcm", 1)]))


def test_watch_polls_with_the_etag_and_reports_changes_only(server, client, fast_polls):
    server.gives(200, JOB, ETag='W/"1"')
    server.gives(304)
    server.gives(304)
    server.gives(200, JOB | {"status": "complete"}, ETag='W/"2"')
    assert [job["status"] for job in client.watch(7)] == ["running", "complete"]
    sent = [headers.get("If-None-Match") for _, headers in server.requests]
    assert sent[1:] == ['W/"1"'] * 3
    assert server.requests[0][1]["Authorization"] == "Bearer secret-token"


def test_watch_outlives_a_restart_of_the_server(server, client, fast_polls):
    server.gives(200, JOB, ETag='W/"1"')
    server.gives(502, b"<html>bad gateway")
    server.gives(503, {"detail": "The database cannot be reached.", "code": "x", "status": 503})
    server.gives(200, JOB | {"status": "complete"})
    assert [job["status"] for job in client.watch(7)] == ["running", "complete"]


def test_watch_gives_up_after_a_long_outage(server, client, fast_polls, monkeypatch):
    monkeypatch.setattr(client_module, "OUTAGE_S", 0.03)
    for _ in range(20):
        server.gives(502)
    with pytest.raises(Unreachable):
        list(client.watch(7))


@pytest.fixture
def scan(tmp_path) -> list[UploadFile]:
    """A file that does not fit into the buffers of a connection."""
    file = tmp_path / "scan.dcm"
    file.write_bytes(bytes(20_000_000))
    return collect([file])


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """The pauses between the tries of an upload, which are not waited for."""
    taken = []
    # The client's own clock: `time.sleep` itself belongs to every thread of this process.
    clock = SimpleNamespace(sleep=taken.append, monotonic=time.monotonic)
    monkeypatch.setattr(server_module, "time", clock)
    return taken


def page(*jobs: dict) -> dict:
    return {"items": list(jobs), "next_cursor": None}


def test_an_upload_that_breaks_off_is_sent_again_under_its_key(server, client, scan, pauses):
    server.hangs_up(max_bytes=100_000)
    server.gives(503, {"detail": "The database cannot be reached.", "code": "x", "status": 503})
    server.gives(200, page())
    server.gives(202, JOB)
    sent = []
    assert client.submit(scan, name="Monday", on_sent=sent.append) == JOB
    first, *asked, last = server.requests
    key = first[1]["Idempotency-Key"]
    assert len(key) >= 32
    assert first[0] == last[0] == "POST /api/v1/jobs"
    assert last[1]["Idempotency-Key"] == key
    assert {line for line, _ in asked} == {f"GET /api/v1/jobs?idempotency_key={key}"}
    assert pauses == [1, 2]
    # The tries between only asked whether the upload had arrived.
    assert server.bodies[1:3] == [b"", b""]
    assert b"Monday" in server.bodies[3]
    assert len(server.bodies[3]) > 20_000_000
    # What is told is where the try is, so that a bar never counts a byte twice.
    starts = [place for place, so_far in enumerate(sent) if so_far == 0]
    assert len(starts) == 2
    assert max(sent) == sent[-1] == 20_000_000
    assert sent[starts[1] :] == sorted(sent[starts[1] :])


def test_an_upload_whose_answer_was_lost_is_not_sent_again(server, client, scan, pauses):
    server.hangs_up()
    arrived = JOB | {"content_sha256": content_sha256(scan)}
    server.gives(200, page(arrived))
    assert client.submit(scan) == arrived
    assert [len(body) > 0 for body in server.bodies] == [True, False]


def test_an_earlier_key_with_other_files_is_left_to_the_server(server, client, scan, pauses):
    server.gives(200, page(JOB | {"content_sha256": "0" * 64}))
    server.gives(422, {"status": 422, "detail": "Other files.", "code": "idempotency_key_reused"})
    with pytest.raises(Refused, match="Other files"):
        client.submit(scan, key="monday", again=True)


def test_the_fingerprint_is_that_of_the_server(client, scans):
    (scans / 'odd "name".dcm').write_bytes(b"x")
    files = collect([scans])
    theirs = Fingerprint()
    for file in files:
        theirs.add(file.name, [file.path.read_bytes()])
    assert content_sha256(files) == theirs.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (lambda server: server.gives(200, page()), "no job was created. To submit, run"),
        (lambda server: server.gives(200, page(JOB)), "Job 7 was accepted and continues"),
        (lambda server: server.gives(502, b"bad gateway"), "is not known. To find out"),
    ],
)
def test_ctrl_c_says_what_became_of_the_upload(server, scan, answers, said):
    server.gives(200, page())
    server.stalls(max_bytes=100_000)
    answers(server)
    submitting = subprocess.Popen(
        [sys.executable, "-m", "cxr", "submit", str(scan[0].path), "--url", server.url],
        env={**os.environ, "CXR_TOKEN": "any"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stalled.wait(60)
    submitting.send_signal(signal.SIGINT)
    _, words = submitting.communicate(timeout=30)
    key = server.requests[1][1]["Idempotency-Key"]
    assert said in words
    assert (f"--key {key}" in words) == ("Job 7" not in words)
    assert submitting.returncode == 130
    assert server.requests[2][0] == f"GET /api/v1/jobs?idempotency_key={key}"


def test_two_uploads_have_two_keys(server, client, scan, pauses):
    server.gives(202, JOB)
    server.gives(202, JOB | {"id": 8})
    assert [client.submit(scan)["id"], client.submit(scan)["id"]] == [7, 8]
    assert len({headers["Idempotency-Key"] for _, headers in server.requests}) == 2


def test_an_upload_gives_up_after_about_a_minute(server, client, scan, pauses):
    for _ in range(20):
        server.gives(502, b"<html>bad gateway")
    with pytest.raises(Unreachable, match="not available"):
        client.submit(scan)
    assert pauses == sorted(pauses)
    assert 45 < sum(pauses) < 75


def test_an_upload_that_is_refused_is_not_tried_again(server, client, scan, pauses):
    server.gives(413, {"status": 413, "detail": "Too large.", "code": "upload_too_large"})
    with pytest.raises(Refused, match="Too large"):
        client.submit(scan)
    assert len(server.requests) == 1


def test_what_a_job_can_be_told(server, client):
    for _ in range(3):
        server.gives(200, JOB)
    server.gives(204)
    assert [client.cancel(7), client.resume(7), client.retry(7)] == [JOB] * 3
    assert client.delete(7) is None
    assert [line for line, _ in server.requests] == [
        "POST /api/v1/jobs/7/cancel",
        "POST /api/v1/jobs/7/resume",
        "POST /api/v1/jobs/7/retry",
        "DELETE /api/v1/jobs/7",
    ]


def test_images_follow_the_cursor(server, client):
    server.gives(200, {"items": [{"id": 1}], "next_cursor": "n"})
    server.gives(200, {"items": [{"id": 2}], "next_cursor": None})
    assert [image["id"] for image in client.images(7)] == [1, 2]
    assert "cursor=n" in server.requests[1][0]


def test_a_problem_becomes_its_sentence(server, client):
    server.gives(404, {"status": 404, "detail": "There is no job 7.", "code": "not_found"})
    with pytest.raises(Refused, match=r"There is no job 7\.") as caught:
        client.job(7)
    assert (caught.value.status, caught.value.code) == (404, "not_found")


def test_another_program_at_the_address(server, client):
    server.gives(200, b"<html>a router's page", Content_Type="text/html")
    with pytest.raises(NotOurServer, match="HTTP 200, text/html"):
        client.check()
    server.gives(404, b"not here")
    with pytest.raises(NotOurServer, match="HTTP 404"):
        client.check()
    server.gives(301, Location="https://elsewhere/")
    with pytest.raises(NotOurServer, match="https://elsewhere/"):
        client.check()


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.check(),
        lambda client: client.job(7),
        lambda client: client.jobs(),
        lambda client: client.job_of_key("k"),
        lambda client: list(client.watch(7)),
        lambda client: list(client.images(7)),
        lambda client: client.cancel(7),
        lambda client: client.submit([]),
        lambda client: client.delete(7),
        lambda client: client.film(7),
    ],
)
@pytest.mark.parametrize("answer", [{"status": "ok"}, [], None])
def test_another_program_that_speaks_json(server, client, call, answer):
    server.gives(200, answer, Content_Type="application/json")
    with pytest.raises(NotOurServer, match="HTTP 200, application/json"):
        call(client)


def test_a_film_that_is_being_drawn_is_asked_for_again(server, client, pauses):
    server.gives(503, {"status": 503, "detail": "Being drawn.", "code": "x"}, Retry_After="1")
    server.gives(200, b"\x89PNG and so on")
    assert client.film(7) == b"\x89PNG and so on"
    assert pauses == [1]


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_token_file_that_cannot_be_read_is_none(tmp_path, content):
    (tmp_path / "token").mkdir() if content is None else (tmp_path / "token").write_bytes(content)
    with pytest.raises(click.UsageError, match="There is no access token"):
        known_token(None, Settings(home=tmp_path))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", socket.gethostname()])
def test_this_machines_token_goes_to_this_machine(tmp_path, monkeypatch, host):
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    (tmp_path / "token").write_text("t" * 30)
    assert token_for(f"http://{host}:8000", None) == "t" * 30


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]", "no-such-host.invalid"])
def test_this_machines_token_is_sent_to_no_other(tmp_path, monkeypatch, host):
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    (tmp_path / "token").write_text("t" * 30)
    with pytest.raises(click.UsageError, match="There is no access token for"):
        token_for(f"http://{host}:8000", None)
    assert token_for(f"http://{host}:8000", "given") == "given"


def test_a_certificate_of_an_authority_of_ones_own(tmp_path, monkeypatch):
    """It is told what is wrong, and the authority can be named: also for a server on this
    machine."""
    secrets = make_certificates(tmp_path)
    front = Front(secrets, "redis", upstream=tmp_path / "nobody")
    url = f"https://localhost:{front.port}"
    try:
        with (
            pytest.raises(Unreachable, match=r"not trusted .*SSL_CERT_FILE"),
            Client(url, "t") as one,
        ):
            one.check()
        monkeypatch.setenv("SSL_CERT_FILE", str(secrets / "ca.crt"))
        with pytest.raises(Unreachable, match="broke off"), Client(url, "t") as one:
            one.check()
    finally:
        front.close()


def test_the_server_that_cxr_up_runs_in_this_home_is_asked(tmp_path, server):
    (tmp_path / "address").write_text(f"{server.url}\n")
    server.gives(200, {"items": [], "next_cursor": None})
    said = cxr("status", CXR_HOME=str(tmp_path), CXR_TOKEN="t" * 30, CXR_URL=None)
    assert (said.exit_code, said.output) == (0, "There are no jobs yet. `cxr submit` makes one.\n")


def test_an_export_that_breaks_off_is_no_export(server, client):
    server.gives(200, b"image_id,file", Content_Length="1000")
    with pytest.raises(Unreachable, match="broke off"):
        list(client.export(7, "csv"))


@pytest.mark.parametrize("url", ["", "clinic", "ftp://clinic", "http://[::", "http://127.0.0.1:1"])
def test_addresses_without_a_server(url):
    with pytest.raises(Unreachable, match=r"--url|Use one like"), Client(url, "t") as client:
        client.check()
