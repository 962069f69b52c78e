"""A real HTTP server with prepared answers, for what a real cxr-batch server does too rarely."""

import http.server
import json
import threading
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """Without a status the server hangs up, once it has read up to `max_bytes` of the body and
    `stalls_s` are over."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""
    max_bytes: int = 1_000_000_000
    stalls_s: float = 0.0


class Scripted:
    """A real HTTP server on a free port that gives prepared answers in turn."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[tuple[str, dict[str, str]]] = []  # "GET /path", headers
        self.bodies: list[bytes] = []
        self.stalled, self.released = threading.Event(), threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.requests.append((f"{self.command} {self.path}", dict(self.headers)))
                answer = owner.answers.pop(0)
                length = int(self.headers.get("Content-Length", 0))
                owner.bodies.append(self.rfile.read(min(length, answer.max_bytes)))
                if answer.status is None:
                    owner.stalled.set()
                    owner.released.wait(answer.stalls_s)
                    return
                self.send_response(answer.status)
                size = {"Content-Length": str(len(answer.content))}
                for name, value in (size | answer.headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.content)

            do_POST = do_DELETE = do_GET

            def log_message(self, *_: object) -> None:
                """Nothing on the test's output."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def gives(self, status: int, body: object = b"", **headers: str) -> None:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append(Answer(status, headers, content))

    def hangs_up(self, max_bytes: int = Answer.max_bytes) -> None:
        self.answers.append(Answer(max_bytes=max_bytes))

    def stalls(self, max_bytes: int = Answer.max_bytes) -> None:
        """Reads so much of the body, and then nothing for as long as the test runs."""
        self.answers.append(Answer(max_bytes=max_bytes, stalls_s=60))

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
