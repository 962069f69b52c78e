"""A real server on a free port around a small WSGI application; clients are plain sockets."""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.support import crowd
from tests.support.door import serving
from tests.support.waiting import wait_for
from web.door.limits import Limits
from web.door.pipe import PIPE_BYTES

# The door itself, on a port of its own, and clients that take their time.
pytestmark = pytest.mark.server

LIMITS = Limits(
    threads=1,
    max_uploads=2,
    max_connections=50,
    head_s=0.5,
    keep_alive_s=1,
    patience_s=1.5,
    min_bytes_per_s=100_000,
    linger_s=0.5,
)
MEGABYTE = 1_000_000
LARGE_ANSWER_BYTES = 30 * MEGABYTE


@dataclass
class App:
    """Reads what it is sent, and remembers what happened to it."""

    hold: threading.Event = field(default_factory=threading.Event)
    read_bytes: int = 0
    error: OSError | None = None
    calls: int = 0
    closed: int = 0
    environ: dict = field(default_factory=dict)

    def __call__(self, environ: dict, start: Callable) -> "Iterator[bytes] | list[bytes]":
        self.calls += 1
        self.environ = environ
        if environ["PATH_INFO"] == "/large":
            start("200 OK", [("Content-Length", str(LARGE_ANSWER_BYTES))])
            return self.large()
        if environ["PATH_INFO"] == "/broken":
            raise ValueError(environ["QUERY_STRING"])
        if environ["PATH_INFO"] == "/api/early":
            start("401 Unauthorized", [("Content-Length", "2")])
            return [b"no"]
        if environ["PATH_INFO"] == "/api/held":
            self.hold.wait(20)
        self.read(environ["wsgi.input"])
        start("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    def read(self, body) -> None:
        self.read_bytes = 0
        try:
            while piece := body.read(64 * 1024):
                self.read_bytes += len(piece)
        except OSError as error:
            self.error = error

    def large(self) -> Iterator[bytes]:
        try:
            for _ in range(LARGE_ANSWER_BYTES // MEGABYTE):
                yield bytes(MEGABYTE)
        finally:
            self.closed += 1


@dataclass
class Door:
    app: App
    url: str

    def get(self, path: str = "/", method: str = "GET", **more) -> http.client.HTTPResponse:
        host = self.url.removeprefix("http://")
        with contextlib.closing(http.client.HTTPConnection(host, timeout=10)) as connection:
            connection.request(method, path, **more)
            answer = connection.getresponse()
            answer.content = answer.read()
            return answer

    def connect(self) -> socket.socket:
        return crowd.connect(self.url)


@pytest.fixture
def door() -> Iterator[Door]:
    app = App()
    with serving(app, LIMITS) as (_, url):
        yield Door(app, url)
        app.hold.set()


def post(path: str, length: int) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n".encode()


def ended(connection: socket.socket) -> bytes:
    """What the server still says, up to its end of the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            received += piece
    return received


def test_silent_connections_cost_no_thread_and_are_closed(door):
    with crowd.silent(door.url, 40) as sockets:
        assert door.get().status == 200
        began = time.monotonic()
        assert [ended(connection) for connection in sockets] == [b""] * 40
        assert time.monotonic() - began < 5


def test_an_endless_head_is_refused(door):
    with door.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        with contextlib.suppress(OSError):
            for _ in range(100):
                connection.sendall(b"X-More: " + bytes([120]) * 2000 + b"\r\n")
        assert ended(connection)[:12] in (b"HTTP/1.1 431", b"")  # a reset may overtake it
    assert door.app.calls == 0


CHUNKED = b"POST /%s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"


@pytest.mark.parametrize("path", [b"", b"api/held"])
def test_headers_behind_a_body_are_left_out(door, path):
    door.app.hold.set()
    with door.connect() as connection:
        connection.sendall(CHUNKED % path + b"X-Late: 1\r\n\r\n")
        assert crowd.read_status(connection) == 200
    assert "HTTP_X_LATE" not in door.app.environ


@pytest.mark.parametrize(
    "before", [CHUNKED % b"", b"GET /api/held HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\n"]
)
def test_endless_headers_behind_a_body_or_an_open_answer_are_cut_off(door, before):
    lines = (b"X-More: " + bytes([120]) * 2000 + b"\r\n") * 10_000
    with door.connect() as connection:
        connection.sendall(before)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            connection.sendall(lines)
    door.app.hold.set()
    assert door.get().status == 200


SMUGGLED = (
    b"Content-Length: 4\r\nContent-Length: 5",
    b"Content-Length: 4\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding: xchunked",
    b"Content-Length: +4",
    b"Content-Length: 4, 5",
    b"Transfer-Encoding : chunked",
)


@pytest.mark.parametrize("headers", SMUGGLED)
def test_a_body_whose_end_two_servers_could_see_at_two_places_is_refused(door, headers):
    with door.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: h\r\n" + headers + b"\r\n\r\n0\r\n\r\nabc")
        assert crowd.read_status(connection) == 400
    assert door.app.calls == 0


REFUSED_HEADS = {
    "no header": (b"GET / HTTP/1.1\r\nbroken\r\n\r\n", 400, "bad_request"),
    "long path": (b"GET /" + b"a" * 33_000 + b" HTTP/1.1\r\n\r\n", 414, "address_too_long"),
    "long query": (b"GET /?" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", 414, "address_too_long"),
    "address without end": (b"GET /" + b"a" * 200_000, 414, "address_too_long"),
}


@pytest.mark.parametrize("name", REFUSED_HEADS)
def test_what_cannot_be_parsed_is_answered_with_a_problem(door, name):
    head, status, code = REFUSED_HEADS[name]
    with door.connect() as connection:
        with contextlib.suppress(OSError):
            connection.sendall(head)
        start, _, body = ended(connection).partition(b"\r\n\r\n")
    assert b"application/problem+json" in start
    problem = json.loads(body)
    assert start.startswith(f"HTTP/1.1 {status} {problem['title']}\r\n".encode())
    assert (problem["status"], problem["code"]) == (status, code)
    assert door.app.calls == 0


def test_the_longest_address_is_answered_also_after_another_one(door):
    address = "/?" + "a" * (Limits.max_address_bytes - 2)
    with door.connect() as connection:
        for _ in range(2):
            connection.sendall(f"GET {address} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            assert crowd.read_status(connection) == 200
    assert door.app.calls == 2


def test_line_breaks_alone_do_not_keep_a_connection(door):
    began = time.monotonic()
    with door.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert crowd.read_status(connection) == 200
        with contextlib.suppress(OSError):
            while time.monotonic() - began < 8:
                connection.sendall(b"\r\n")
                time.sleep(0.1)
    assert time.monotonic() - began < 6


def test_the_longest_silent_gives_way_when_there_are_too_many(door):
    with crowd.silent(door.url, LIMITS.max_connections) as sockets:
        assert door.get().status == 200
        sockets[0].settimeout(LIMITS.head_s / 2)
        assert ended(sockets[0]) == b""


def test_a_slow_small_body_never_gets_a_thread(door):
    with door.connect() as connection:
        connection.sendall(post("/sign-in", 1000) + b"token=")
        assert ended(connection).startswith(b"HTTP/1.1 408 ")
    assert door.app.calls == 0


def test_a_body_that_only_an_upload_may_have_is_refused_elsewhere(door):
    with door.connect() as connection:
        connection.sendall(post("/sign-in", MEGABYTE) + bytes(100_000))
        assert crowd.read_status(connection) == 413
    assert door.app.calls == 0


def test_a_chunked_body_is_counted_too(door):
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    with door.connect() as connection:
        head = b"POST /sign-in HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head + 2 * chunk)
        assert crowd.read_status(connection) == 413


def test_an_upload_is_read_as_it_arrives(door):
    with door.connect() as connection:
        connection.sendall(post("/api/jobs", 2 * MEGABYTE) + bytes(MEGABYTE))
        wait_for(lambda: door.app.read_bytes == MEGABYTE)
        connection.sendall(bytes(MEGABYTE))
        assert crowd.read_status(connection) == 200
    assert door.app.read_bytes == 2 * MEGABYTE


def test_a_sender_waits_for_a_slow_reader(door):
    with door.connect() as connection:
        connection.sendall(post("/api/held", 50 * MEGABYTE))
        connection.settimeout(1)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 50 * MEGABYTE:
                sent += connection.send(bytes(100_000))
        # The rest is in the sockets' own buffers.
        assert sent < PIPE_BYTES + 20 * MEGABYTE
        door.app.hold.set()
        connection.settimeout(10)
        connection.sendall(bytes(50 * MEGABYTE - sent))
        assert crowd.read_status(connection) == 200


def test_uploads_over_the_limit_are_told_to_try_again(door):
    with contextlib.ExitStack() as stack:
        for _ in range(LIMITS.max_uploads):
            connection = stack.enter_context(door.connect())
            connection.sendall(post("/api/held", MEGABYTE))
        wait_for(lambda: door.app.calls == LIMITS.max_uploads)
        refused = door.get("/api/jobs", "POST", body=bytes(MEGABYTE))
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        assert b"too_many_uploads" in refused.content
        assert door.get().status == 200


def test_an_upload_that_stops_is_given_up(door):
    with door.connect() as connection:
        connection.sendall(post("/api/jobs", MEGABYTE) + bytes(1000))
        assert ended(connection).startswith(b"HTTP/1.1 408 ")
    assert isinstance(door.app.error, TimeoutError)


def test_a_slow_upload_that_keeps_the_least_speed_goes_on(door):
    size = 300_000
    with door.connect() as connection:
        connection.sendall(post("/api/jobs", size))
        for _ in range(10):
            time.sleep(0.15)
            connection.sendall(bytes(size // 10))
        assert crowd.read_status(connection) == 200


def test_the_application_learns_that_an_uploader_went_away(door):
    with door.connect() as connection:
        connection.sendall(post("/api/jobs", MEGABYTE) + bytes(1000))
        wait_for(lambda: door.app.read_bytes == 1000)
    wait_for(lambda: isinstance(door.app.error, ConnectionError))


def test_an_early_answer_reaches_a_client_that_still_sends(door):
    answer = door.get("/api/early", "POST", body=bytes(20 * MEGABYTE))
    assert (answer.status, answer.content) == (401, b"no")


def test_a_reader_that_takes_nothing_costs_no_thread_and_is_cut_off(door):
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            connection = stack.enter_context(door.connect())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_for(lambda: door.app.calls == 5)
        assert door.get().status == 200  # there is one thread
        wait_for(lambda: door.app.closed == 5, timeout_s=10)


def test_a_large_answer_arrives_whole(door):
    assert len(door.get("/large").content) == LARGE_ANSWER_BYTES
    wait_for(lambda: door.app.closed == 1)  # after the last byte, which the client has by now


def test_connections_are_kept(door):
    with door.connect() as connection:
        for _ in range(3):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert crowd.read_status(connection) == 200
        connection.sendall(post("/api/jobs", 100_000) + bytes(100_000))
        assert crowd.read_status(connection) == 200


def test_the_environment_is_that_of_wsgi(door):
    door.get("/a%2Fb%C3%A9?x=%20", headers={"X-Two_Parts": "forged", "X-Kept": "é".encode()})
    environ = door.app.environ
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/a/bé"
    assert environ["QUERY_STRING"] == "x=%20"
    assert environ["HTTP_X_KEPT"].encode("latin-1").decode() == "é"
    assert "HTTP_X_TWO_PARTS" not in environ
    assert environ["REMOTE_ADDR"] == "127.0.0.1"


def test_head_has_no_body(door):
    answer = door.get(method="HEAD")
    assert (answer.status, answer.content, answer.headers["Content-Length"]) == (200, b"", "2")


def test_an_error_of_the_application_is_logged_without_its_text(door, caplog):
    answer = door.get("/broken?patient")
    assert answer.status == 500
    assert "ValueError while answering" in caplog.text
    assert "patient" not in caplog.text + answer.content.decode()
