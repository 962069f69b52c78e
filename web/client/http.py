"""A thin client of the REST API, for the command line and for programs.

    with Client("http://127.0.0.1:8000", token) as client:
        job = client.submit(collect([Path("scans")]))
        for job in client.watch(job["id"]):
            print(job["progress"])

Jobs and images come back as the API's own JSON objects.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Self

import httpx

from web.client.errors import Unreachable
from web.client.files import Multipart, UploadFile, content_sha256
from web.client.server import CONNECT_TIMEOUT_S, JOB_HAS, Json, Server, tried_again

# After the last byte of an upload the server still unpacks archives and flushes files to the disk.
UPLOAD_ANSWER_TIMEOUT_S = 600.0
FIRST_POLL_S = 0.25
MAX_POLL_S = 5.0
POLL_GROWTH = 1.5
OUTAGE_S = 60.0
IMAGES_PER_PAGE = 500
JOBS_SHOWN = 50
PNG_START = b"\x89PNG"


class Client:
    """Talks to one server as one clinic. Raises web.client.errors.ClientError's kinds."""

    def __init__(self, url: str, token: str) -> None:
        self._server = Server(url, token)

    @property
    def url(self) -> str:
        return self._server.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.close()

    def check(self) -> None:
        """Raises Unreachable, NotOurServer or Refused unless the server knows the token."""
        self._server.page("/jobs", {"limit": 1})

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

        return tried_again(upload)

    def _upload(self, body: Multipart, key: str) -> Json:
        return self._server.job(
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
        found = self._server.page("/jobs", {"idempotency_key": key})["items"]
        return found[0] if found else None

    def jobs(self) -> list[Json]:
        """The newest jobs, up to JOBS_SHOWN."""
        return self._server.page("/jobs", {"limit": JOBS_SHOWN})["items"]

    def job(self, job_id: int) -> Json:
        return self._server.job("GET", f"/jobs/{job_id}")

    def cancel(self, job_id: int) -> Json:
        """Stop what has not begun. Returns: the job."""
        return self._server.job("POST", f"/jobs/{job_id}/cancel")

    def resume(self, job_id: int) -> Json:
        """Let what was cancelled wait again. Returns: the job."""
        return self._server.job("POST", f"/jobs/{job_id}/resume")

    def retry(self, job_id: int) -> Json:
        """Let what failed wait again. Returns: the job."""
        return self._server.job("POST", f"/jobs/{job_id}/retry")

    def delete(self, job_id: int) -> None:
        """Delete the job with its images, results and files."""
        answer = self._server.send("DELETE", f"/jobs/{job_id}")
        if answer.status_code != httpx.codes.NO_CONTENT:
            raise self._server.not_ours(answer)

    def watch(self, job_id: int) -> Iterator[Json]:
        """The job now, and again whenever it changed, until it no longer runs.

        Polls with the last ETag, and less often while nothing changes. Waits up to OUTAGE_S
        seconds for an unreachable server (a restart), then raises Unreachable.
        """
        etag, poll_s, unreachable_since = "", FIRST_POLL_S, None
        while True:
            try:
                answer = self._server.send(
                    "GET", f"/jobs/{job_id}", headers={"If-None-Match": etag}
                )
                unreachable_since = None
            except Unreachable:
                unreachable_since = unreachable_since or time.monotonic()
                if time.monotonic() - unreachable_since > OUTAGE_S:
                    raise
                time.sleep(MAX_POLL_S / 2)
                continue
            if answer.status_code == httpx.codes.OK:
                job = self._server.json(answer, JOB_HAS)
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
        answer = tried_again(lambda: self._server.send("GET", f"/images/{image_id}/film.png"))
        if not answer.content.startswith(PNG_START):
            raise self._server.not_ours(answer)
        return answer.content

    def _all(self, path: str, more: Json) -> Iterator[Json]:
        parameters: Json = {"limit": IMAGES_PER_PAGE} | more
        while True:
            page = self._server.page(path, parameters)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            parameters["cursor"] = page["next_cursor"]

    def export(self, job_id: int, kind: str, sort: str | None = None) -> Iterator[bytes]:
        """All results as a file in chunks; `kind` is csv or json. sort: as the API's."""
        parameters = {"sort": sort} if sort else {}
        with self._server.stream(f"/jobs/{job_id}/results.{kind}", params=parameters) as chunks:
            yield from chunks


def new_key() -> str:
    """A name for an upload, for its `Idempotency-Key`."""
    return secrets.token_hex(16)


def _differs(job: Json, files: Sequence[UploadFile]) -> bool:
    """Whether the job was made of other files; the server then says so to whoever sends these."""
    known = job["content_sha256"]
    return known is not None and known != content_sha256(files)
