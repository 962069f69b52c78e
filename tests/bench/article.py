"""The article's way, in its spirit: a Flask app, one base64 image a request, one `model.predict`.

Run as a program, with the folder of an artifact, it is that server; it prints its port.
"""

import base64
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from worker.errors import LaunchError

IN_FLIGHT = 16


def article_images_per_second(files: Sequence[Path], model: Path) -> float:
    """All files through the article's server, 16 requests in flight, after one to warm up."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.article", str(model)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        line = server.stdout.readline()
        if not line:
            raise LaunchError("The article's server did not start: is TensorFlow installed?")
        with httpx.Client(base_url=f"http://127.0.0.1:{int(line)}", timeout=120) as client:
            bodies = [{"image": base64.b64encode(file.read_bytes()).decode()} for file in files]
            client.post("/predict", json=bodies[0]).raise_for_status()
            began = time.perf_counter()
            with ThreadPoolExecutor(IN_FLIGHT) as senders:
                for answer in senders.map(lambda body: client.post("/predict", json=body), bodies):
                    answer.raise_for_status()
            return len(files) / (time.perf_counter() - began)
    finally:
        server.terminate()
        server.wait()


def serve(model: Path) -> None:
    """The article's server: the network, loaded once, asked once a request."""
    import threading

    from flask import Flask, request
    from werkzeug.serving import make_server

    from model.artifact import load_artifact
    from model.engines.keras_engine import load_network
    from model.input.preprocess import prepare
    from model.reading.radiograph import decode

    artifact = load_artifact(model)
    network = load_network(artifact)
    one_at_a_time = threading.Lock()
    app = Flask("article")

    @app.post("/predict")
    def predict() -> dict:
        radiograph = decode(base64.b64decode(request.get_json()["image"]))
        image, *_ = prepare(radiograph.pixels, artifact.preprocessing)
        with one_at_a_time:
            probabilities, *_ = network.predict(image[None], verbose=0)
        return {"result": [float(share) for share in probabilities[0]]}

    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
