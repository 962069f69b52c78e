"""A thin client of the REST API, for the command line and for programs.

    with Client("http://127.0.0.1:8000", token) as client:
        job = client.submit(collect([Path("scans")]))
        for job in client.watch(job["id"]):
            print(job["progress"])

Jobs and images come back as the API's own JSON objects.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self, TypeVar

import httpx

from web.client.errors import NotOurServer, Refused, Unreachable
from web.client.files import Multipart, UploadFile, content_sha256

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 60.0
# After the last byte of an upload the server still unpacks archives and flushes files to the disk.
UPLOAD_ANSWER_TIMEOUT_S = 600.0
FIRST_POLL_S = 0.25
MAX_POLL_S = 5.0
POLL_GROWTH = 1.5
OUTAGE_S = 60.0
# Between the tries, about a minute in all: a restart, or a cable that was pulled.
RETRY_PAUSES_S = (1, 2, 4, 8, 15, 30)
IMAGES_PER_PAGE = 500
JOBS_SHOWN = 50
# Of a server without its database, or of a proxy before a server that restarts.
UNAVAILABLE = (502, 503, 504)
LOOPBACK = ("127.0.0.1", "::1", "localhost")

# By these an answer is told from that of another program.
JOB_HAS, PAGE_HAS = frozenset(("id", "status", "counts")), frozenset(("items", "next_cursor"))
PNG_START = b"\x89PNG"

Json = dict[str, Any]
T = TypeVar("T")


class Client:
    """Talks to one server as one clinic. Raises web.client.errors.ClientError's kinds."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        with _connection_errors(self.url):
            address = httpx.URL(f"{self.url}/api/v1")
            if address.scheme not in ("http", "https"):
                raise httpx.UnsupportedProtocol(self.url)
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
        self._page("/jobs", {"limit": 1})

    def submit(
        self,
        files: Sequence[UploadFile],
        name: str = "",
        urgent: bool = False,
        on_sent: Callable[[int], None] | None = None,
        key: str | None = None,
        again: bool = False,
    ) -> Json:
        """Upload files as one job. Returns: the job.

        When the connection breaks or the server is unreachable, tries again with growing pauses,
        about a minute of them in all; then Unreachable is raised. All tries carry the same `key`,
        so there is one job however many of them arrived. `again`: the key is that of an earlier
        call. Files that have arrived are not sent twice; Refused is raised when they were others.

        `on_sent(bytes)` is told how many bytes of the files have left so far: it begins again at 0
        with each try. Raises FileChanged when a file is not what it was when it was collected.
        """
        fields = {"name": name, "urgent": "true"} if urgent else {"name": name}
        body = Multipart(fields, files, on_sent)
        key = key or new_key()
        is_known = again

        def upload() -> Json:
            nonlocal is_known
            arrived = self.job_of_key(key) if is_known else None
            is_known = True
            if arrived is None or _differs(arrived, files):
                return self._upload(body, key)
            return arrived

        return _tried_again(upload)

    def _upload(self, body: Multipart, key: str) -> Json:
        return self._job(
            "POST",
            "/jobs",
            content=body,
            headers={
                "Content-Type": body.content_type,
                "Content-Length": str(body.content_length),
                "Idempotency-Key": key,
            },
            timeout=httpx.Timeout(UPLOAD_ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        )

    def job_of_key(self, key: str) -> Json | None:
        """The job of the upload with this key; None when it has not arrived."""
        found = self._page("/jobs", {"idempotency_key": key})["items"]
        return found[0] if found else None

    def jobs(self) -> list[Json]:
        """The newest jobs, up to JOBS_SHOWN."""
        return self._page("/jobs", {"limit": JOBS_SHOWN})["items"]

    def job(self, job_id: int) -> Json:
        return self._job("GET", f"/jobs/{job_id}")

    def cancel(self, job_id: int) -> Json:
        """Stop what has not begun. Returns: the job."""
        return self._job("POST", f"/jobs/{job_id}/cancel")

    def resume(self, job_id: int) -> Json:
        """Let what was cancelled wait again. Returns: the job."""
        return self._job("POST", f"/jobs/{job_id}/resume")

    def retry(self, job_id: int) -> Json:
        """Let what failed wait again. Returns: the job."""
        return self._job("POST", f"/jobs/{job_id}/retry")

    def delete(self, job_id: int) -> None:
        """Delete the job with its images, results and files."""
        answer = self._send("DELETE", f"/jobs/{job_id}")
        if answer.status_code != httpx.codes.NO_CONTENT:
            raise self._not_ours(answer)

    def watch(self, job_id: int) -> Iterator[Json]:
        """The job now, and again whenever it changed, until it no longer runs.

        Polls with the last ETag, and less often while nothing changes. Waits up to OUTAGE_S
        seconds for an unreachable server (a restart), then raises Unreachable.
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
                time.sleep(MAX_POLL_S / 2)
                continue
            if answer.status_code == httpx.codes.OK:
                job = self._json(answer, JOB_HAS)
                yield job
                if job["status"] != "running":
                    return
                etag, poll_s = answer.headers.get("ETag", ""), FIRST_POLL_S
            else:
                poll_s = min(MAX_POLL_S, poll_s * POLL_GROWTH)
            time.sleep(poll_s)

    def images(self, job_id: int, sort: str | None = None) -> Iterator[Json]:
        """Every image of the job, fetched page by page. sort: as the API's; None: as uploaded."""
        return self._all(f"/jobs/{job_id}/images", {"sort": sort} if sort else {})

    def reviews(self, job_id: int) -> Iterator[Json]:
        """Every review of the job's results, by image, fetched page by page."""
        return self._all(f"/jobs/{job_id}/reviews", {})

    def film(self, image_id: int) -> bytes:
        """The X-ray with all its pixels and grey values, as a PNG.

        It is drawn when it is first asked for, and the server says 503 where that takes long: so
        this asks again, for about a minute.
        """
        answer = _tried_again(lambda: self._send("GET", f"/images/{image_id}/film.png"))
        if not answer.content.startswith(PNG_START):
            raise self._not_ours(answer)
        return answer.content

    def _all(self, path: str, more: Json) -> Iterator[Json]:
        parameters: Json = {"limit": IMAGES_PER_PAGE} | more
        while True:
            page = self._page(path, parameters)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            parameters["cursor"] = page["next_cursor"]

    def export(self, job_id: int, kind: str, sort: str | None = None) -> Iterator[bytes]:
        """All results as a file in chunks; `kind` is csv or json. sort: as the API's."""
        parameters = {"sort": sort} if sort else {}
        with _connection_errors(self.url):
            request = self._http.build_request(
                "GET", f"/jobs/{job_id}/results.{kind}", params=parameters
            )
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

    def _job(self, method: str, path: str, **more: Any) -> Json:
        return self._json(self._send(method, path, **more), JOB_HAS)

    def _page(self, path: str, parameters: Json) -> Json:
        return self._json(self._send("GET", path, params=parameters), PAGE_HAS)

    def _json(self, answer: httpx.Response, needed: frozenset[str]) -> Json:
        """Raises NotOurServer for anything but an object with those keys."""
        try:
            found = answer.json()
        except ValueError:
            raise self._not_ours(answer) from None
        if not (isinstance(found, dict) and needed <= found.keys()):
            raise self._not_ours(answer)
        return found

    def _not_ours(self, answer: httpx.Response) -> NotOurServer:
        return NotOurServer(
            f"{self.url} does not answer as a cxr-batch server does (HTTP {answer.status_code}, "
            f"{answer.headers.get('Content-Type', 'no type')}). Check the address."
        )


def _tried_again(call: Callable[[], T]) -> T:
    """What `call` returns, tried again with growing pauses while it raises Unreachable."""
    for pause_s in RETRY_PAUSES_S:
        try:
            return call()
        except Unreachable:
            time.sleep(pause_s)
    return call()


def new_key() -> str:
    """A name for an upload, for its `Idempotency-Key`."""
    return secrets.token_hex(16)


def _differs(job: Json, files: Sequence[UploadFile]) -> bool:
    """Whether the job was made of other files; the server then says so to whoever sends these."""
    known = job["content_sha256"]
    return known is not None and known != content_sha256(files)


@contextlib.contextmanager
def _connection_errors(url: str) -> Iterator[None]:
    """httpx's errors of the connection become Unreachable."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Unreachable(
            f"{url} is not a server address. Use one like http://127.0.0.1:8000."
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
