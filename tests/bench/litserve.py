"""A peer: LitServe with two workers around our own classifier, no queue and nothing durable.

Run as a program, with the folder of an artifact and a port, it is that server.
"""

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

WORKERS = 2
START_TIMEOUT_S = 120.0


@contextmanager
def litserve_system(model: Path) -> Iterator[httpx.Client]:
    """A client of a server that is loaded and warm. Raises LaunchError when it does not start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryFile("w+") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.litserve", str(model), str(port)],
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
    with ThreadPoolExecutor(IN_FLIGHT) as senders:
        for answer in senders.map(lambda body: client.post("/predict", content=body), bodies):
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


def serve(model: Path, port: int) -> None:
    """The server: each worker loads a classifier of its own and answers one image per request."""
    from litserve import LitServer

    server = LitServer(_api(model), accelerator="cpu", workers_per_device=WORKERS, timeout=False)
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")


def _api(model: Path):
    from litserve import LitAPI

    from model.classifier import Classifier
    from model.errors import Rejection

    class Chests(LitAPI):
        def setup(self, device: str) -> None:
            self.classifier = Classifier.load(model)

        def decode_request(self, request: dict) -> bytes:
            return base64.b64decode(request["image"])

        def predict(self, data: bytes) -> dict:
            try:
                (result,) = self.classifier.classify([self.classifier.prepare(data)])
            except Rejection as rejection:
                return {"rejected": rejection.code}
            return {"label": result.label, "probabilities": result.probabilities}

        def encode_response(self, output: dict) -> dict:
            return output

    return Chests()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
