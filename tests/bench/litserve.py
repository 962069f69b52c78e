"""A peer: LitServe with two workers around our own classifier, no queue and nothing durable."""

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.bench.article import IN_FLIGHT
from worker.errors import LaunchError

START_TIMEOUT_S = 120.0


@contextmanager
def litserve_system(model: Path) -> Iterator[httpx.Client]:
    """A client of a server that is loaded and warm. Raises LaunchError when it does not start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryFile("w+") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.litserve_server", str(model), str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its own processes end with it
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
                if not _ready(client, server):
                    output.seek(0)
                    raise LaunchError(f"LitServe did not start. It said: {output.read()[-2000:]}")
                yield client
        finally:
            os.killpg(server.pid, 9)
            server.wait()


def litserve_images_per_second(client: httpx.Client, files: Sequence[Path]) -> float:
    """All files, one per request, 16 requests in flight."""
    bodies = [
        json.dumps({"image": base64.b64encode(file.read_bytes()).decode()}).encode()
        for file in files
    ]
    began = time.perf_counter()

    def send(body: bytes) -> httpx.Response:
        return client.post("/predict", content=body, headers={"Content-Type": "application/json"})

    with ThreadPoolExecutor(IN_FLIGHT) as senders:
        for answer in senders.map(send, bodies):
            answer.raise_for_status()
    return len(files) / (time.perf_counter() - began)


def _ready(client: httpx.Client, server: subprocess.Popen) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            if client.get("/health", timeout=2).status_code == httpx.codes.OK:
                return True
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    return False
