"""LitServe's server: each worker loads a classifier of its own; one image per request.

python -m tests.bench.litserve_server ARTIFACT PORT
"""

import base64
import sys
from pathlib import Path

from litserve import LitAPI, LitServer

from model.classifier import Classifier
from model.errors import Rejection

WORKERS = 2


class Chests(LitAPI):
    """What `cxr classify` does, on the JSON {"image": base64} that LitServe's own examples take."""

    def setup(self, device: str) -> None:
        self.classifier = Classifier.load(Path(sys.argv[1]))

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


if __name__ == "__main__":
    server = LitServer(Chests(), accelerator="cpu", workers_per_device=WORKERS, timeout=False)
    server.run(
        host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False, log_level="warning"
    )
