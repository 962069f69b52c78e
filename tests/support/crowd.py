"""Clients that hold a server's door: silent ones, slow ones, and many at full speed."""

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: here\r\n"
SLOW_PIECE = bytes(4000)
FILE_BYTES, FILES = 500_000, 20
BOUNDARY = b"b"


def connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=60)


@contextlib.contextmanager
def silent(url: str, count: int) -> Iterator[list[socket.socket]]:
    """Connections that say nothing, or half of a request's head, and stay."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(connect(url)) for _ in range(count)]
        for connection in sockets[::2]:
            connection.sendall(HALF_A_HEAD)
        yield sockets


@contextlib.contextmanager
def slow_uploads(url: str, token: str, count: int) -> Iterator[list[socket.socket]]:
    """Uploads of large files, 4 kB at a time, twice a second."""
    over = threading.Event()
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(connect(url)) for _ in range(count)]
        for connection in sockets:
            connection.sendall(upload_head(url, token, 100 * len(_part())) + _part()[:2000])

        def dribble() -> None:
            while not over.wait(0.5):
                for connection in sockets:
                    with contextlib.suppress(OSError):
                        connection.sendall(SLOW_PIECE)

        thread = threading.Thread(target=dribble, daemon=True)
        thread.start()
        try:
            yield sockets
        finally:
            over.set()
            thread.join()


@contextlib.contextmanager
def full_speed_uploads(url: str, token: str, count: int) -> Iterator[subprocess.Popen]:
    """In a process of their own: `count` clients that upload 10 MB again and again."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.crowd", url, token, str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def upload_head(url: str, token: str, length: int) -> bytes:
    return (
        f"POST /api/v1/jobs HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        f"Authorization: Bearer {token}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def upload_once(connection: socket.socket, url: str, token: str, files: int = FILES) -> int:
    """One upload over an open connection. Returns: the status of its answer."""
    body = files * _part() + b"--" + BOUNDARY + b"--\r\n"
    connection.sendall(upload_head(url, token, len(body)))
    connection.sendall(body)
    return read_status(connection)


def read_status(connection: socket.socket) -> int:
    """Read one answer with a Content-Length to its end. Returns: its status, 0 for none."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return 0
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length:"))
    while len(body) < length and (piece := connection.recv(65536)):
        body += piece
    return int(lines[0].split()[1])


def _part() -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    return head + bytes(FILE_BYTES) + b"\r\n"


def _upload_for_ever(url: str, token: str) -> None:
    while True:
        began = time.monotonic()
        with contextlib.suppress(OSError), connect(url) as connection:
            status = upload_once(connection, url, token)
            print(status, time.monotonic() - began, flush=True)


if __name__ == "__main__":
    url, token, count = sys.argv[1:]
    threads = [
        threading.Thread(target=_upload_for_ever, args=(url, token)) for _ in range(int(count))
    ]
    for thread in threads:
        thread.start()
