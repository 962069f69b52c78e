"""A thin client of the REST API, for the command line and for programs.

    with Client("http://127.0.0.1:8000", token) as client:
        job = client.submit(collect([Path("scans")]))
        for job in client.watch(job["id"]):
            print(job["progress"])

Jobs and images come back as the API's own JSON objects.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import httpx

from web.client.errors import NotOurServer, Refused, Unreachable
from web.client.files import Multipart, UploadFile

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 60.0
# After the last byte of an upload the server still unpacks archives and flushes files to the disk.
UPLOAD_ANSWER_TIMEOUT_S = 600.0
FIRST_POLL_S = 0.25
LONGEST_POLL_S = 5.0
POLL_GROWTH = 1.5
OUTAGE_S = 60.0
IMAGES_PER_PAGE = 500
# Of a server without its database, or of a proxy before a server that restarts.
UNAVAILABLE = (502, 503, 504)
LOOPBACK = ("127.0.0.1", "::1", "localhost")

Json = dict[str, Any]


class Client:
    """Talks to one server as one clinic. Raises web.client.errors.ClientError's kinds."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        with _connection_errors(self.url):
            address = httpx.URL(f"{self.url}/api/v1")
        self._http = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            # A proxy of the network cannot know this machine's own server.
            trust_env=address.host not in LOOPBACK,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def check(self) -> None:
        """Raises Unreachable, NotOurServer or Refused unless the server knows the token."""
        self._json(self._send("GET", "/jobs", params={"limit": 1}))

    def submit(
        self,
        files: Sequence[UploadFile],
        name: str = "",
        urgent: bool = False,
        on_sent: Callable[[int], None] | None = None,
    ) -> Json:
        """Upload files as one job. `on_sent(bytes)` is called as they leave. Returns: the job.

        Raises FileChanged when a file is not what it was when it was collected.
        """
        fields = {"name": name, "urgent": "true"} if urgent else {"name": name}
        body = Multipart(fields, files, on_sent)
        answer = self._send(
            "POST",
            "/jobs",
            content=body,
            headers={
                "Content-Type": body.content_type,
                "Content-Length": str(body.content_length),
            },
            timeout=httpx.Timeout(UPLOAD_ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        )
        return self._json(answer)

    def job(self, job_id: int) -> Json:
        return self._json(self._send("GET", f"/jobs/{job_id}"))

    def watch(self, job_id: int) -> Iterator[Json]:
        """The job now, and again whenever it changed, until it no longer runs.

        Polls with the last ETag, and less often while nothing changes. A server that is away for
        less than OUTAGE_S seconds (a restart) is waited for; then Unreachable is raised.
        """
        etag, poll_s, away_since = "", FIRST_POLL_S, None
        while True:
            try:
                answer = self._send("GET", f"/jobs/{job_id}", headers={"If-None-Match": etag})
                away_since = None
            except Unreachable:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > OUTAGE_S:
                    raise
                time.sleep(LONGEST_POLL_S / 2)
                continue
            if answer.status_code == httpx.codes.OK:
                job = self._json(answer)
                yield job
                if job["status"] != "running":
                    return
                etag, poll_s = answer.headers.get("ETag", ""), FIRST_POLL_S
            else:
                poll_s = min(LONGEST_POLL_S, poll_s * POLL_GROWTH)
            time.sleep(poll_s)

    def images(self, job_id: int) -> Iterator[Json]:
        """Every image of the job in upload order, fetched page by page."""
        parameters: Json = {"limit": IMAGES_PER_PAGE}
        while True:
            page = self._json(self._send("GET", f"/jobs/{job_id}/images", params=parameters))
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            parameters["cursor"] = page["next_cursor"]

    def export(self, job_id: int, kind: str) -> Iterator[bytes]:
        """All results as a file in chunks; `kind` is csv or json."""
        with _connection_errors(self.url):
            request = self._http.build_request("GET", f"/jobs/{job_id}/results.{kind}")
            answer = self._http.send(request, stream=True)
            try:
                if answer.is_error:
                    answer.read()
                self._refuse_errors(answer)
                yield from answer.iter_bytes()
            finally:
                answer.close()

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        with _connection_errors(self.url):
            answer = self._http.request(method, path, **more)
        self._refuse_errors(answer)
        return answer

    def _refuse_errors(self, answer: httpx.Response) -> None:
        if answer.has_redirect_location:
            raise NotOurServer(
                f"{self.url} sends us on to {answer.headers.get('Location')}. Use that server's "
                "address with --url."
            )
        if not answer.is_error:
            return
        try:
            problem = answer.json()
            refused = Refused(problem["detail"], answer.status_code, problem["code"])
        except (ValueError, KeyError, TypeError):
            refused = None
        if answer.status_code in UNAVAILABLE:
            raise Unreachable(str(refused or f"{self.url} is not available right now. Try again."))
        raise refused or self._not_ours(answer)

    def _json(self, answer: httpx.Response) -> Json:
        try:
            return answer.json()
        except ValueError:
            raise self._not_ours(answer) from None

    def _not_ours(self, answer: httpx.Response) -> NotOurServer:
        return NotOurServer(
            f"{self.url} does not answer as a cxr-batch server does (HTTP {answer.status_code}, "
            f"{answer.headers.get('Content-Type', 'no type')}). Check the address."
        )


@contextlib.contextmanager
def _connection_errors(url: str) -> Iterator[None]:
    """httpx's errors of the connection become Unreachable."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Unreachable(
            f"{url} is no address of a server. Give one like http://127.0.0.1:8000."
        ) from error
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Unreachable(
            f"Cannot reach a server at {url}. Start one with `cxr up`, or give its address "
            "with --url."
        ) from error
    except httpx.TransportError as error:
        raise Unreachable(
            f"The connection to {url} broke off ({type(error).__name__}). Try again."
        ) from error
